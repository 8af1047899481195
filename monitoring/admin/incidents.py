"""Incidents in the admin: the list, and one page that leads through the five stages."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from unfold.admin import ModelAdmin

from monitoring.admin import incident_page
from monitoring.incidents import actions
from monitoring.incidents.stages import NotNow, Verdict
from monitoring.models import Incident
from monitoring.runbooks.shelf import runbooks


class ResolveForm(forms.Form):
    """What it was, in the words of whoever ends it."""

    verdict = forms.ChoiceField(choices=Incident.Verdict.choices)
    cause = forms.CharField(widget=forms.Textarea(attrs={"rows": 3}), required=False, max_length=4000)
    follow_ups = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 3}), required=False, max_length=4000, help_text="One a line."
    )
    sessions_hit = forms.IntegerField(required=False, min_value=0, max_value=10_000_000)


def _acknowledge(request: HttpRequest, incident: Incident, now: datetime) -> None:
    actions.acknowledge(incident, by=_who(request), now=now)


def _investigate(request: HttpRequest, incident: Incident, now: datetime) -> None:
    actions.investigate(incident, by=_who(request), now=now)


def _resolve(request: HttpRequest, incident: Incident, now: datetime) -> None:
    form = ResolveForm(request.POST)
    if not form.is_valid():
        raise NotNow(
            " ".join(f"{form[name].label}: {error}" for name, errors in form.errors.items() for error in errors)
        )
    said = form.cleaned_data
    actions.resolve(
        incident,
        verdict=Verdict(said["verdict"]),
        cause=said["cause"],
        follow_ups=said["follow_ups"],
        sessions_hit=said["sessions_hit"],
        by=_who(request),
        now=now,
    )


def _document(request: HttpRequest, incident: Incident, now: datetime) -> None:
    actions.document(incident, write_up=request.POST.get("write_up", ""), by=_who(request), now=now)


def _note(request: HttpRequest, incident: Incident, now: datetime) -> None:
    actions.note(incident, text=request.POST.get("text", ""), by=_who(request), now=now)


def _step(request: HttpRequest, incident: Incident, now: datetime) -> None:
    name, text = request.POST.get("runbook", ""), request.POST.get("step", "")
    if not any(page.name == name and text in page.steps for page in runbooks()):
        raise NotNow("The runbook has no such step.")
    change = actions.tick if request.POST.get("done") == "1" else actions.untick
    change(incident, runbook=name, step=text, by=_who(request), now=now)


def _unheard_of(request: HttpRequest, incident: Incident, now: datetime) -> None:
    raise NotNow("There is no such action.")


def _resolve_as(verdict: Verdict, incident: Incident, *, by: actions.Person, now: datetime) -> None:
    """From the list: what was real needs its cause said, and so its page."""
    hit = incident_page.sessions_hit(incident, now)
    actions.resolve(incident, verdict=verdict, cause="", follow_ups="", sessions_hit=hit, by=by, now=now)


DOES: dict[str, Callable[[HttpRequest, Incident, datetime], None]] = {
    "acknowledge": _acknowledge,
    "investigate": _investigate,
    "resolve": _resolve,
    "document": _document,
    "note": _note,
    "step": _step,
}


def _who(request: HttpRequest) -> actions.Person:
    return request.user if request.user.is_authenticated else None


@admin.register(Incident)
class IncidentAdmin(ModelAdmin):
    list_display = ("title", "severity", "stage", "verdict", "drill", "detected_at", "resolved_at")
    list_filter = ("stage", "severity", "verdict", "drill", "rule")
    search_fields = ("title", "rule")
    date_hierarchy = "detected_at"
    actions = ("acknowledge_selected", "false_alarm_selected", "drill_selected")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # incidents begin with an alert

    def has_delete_permission(self, request: HttpRequest, obj: Incident | None = None) -> bool:
        return False  # they are history

    @admin.action(description="Acknowledge", permissions=["change"])
    def acknowledge_selected(self, request: HttpRequest, queryset: Any) -> None:
        self._each(request, queryset, actions.acknowledge, "Acknowledged: {}.")

    @admin.action(description="Resolve as a false alarm", permissions=["change"])
    def false_alarm_selected(self, request: HttpRequest, queryset: Any) -> None:
        self._each(request, queryset, partial(_resolve_as, Verdict.FALSE_ALARM), "Resolved: {}.")

    @admin.action(description="Resolve as a drill", permissions=["change"])
    def drill_selected(self, request: HttpRequest, queryset: Any) -> None:
        self._each(request, queryset, partial(_resolve_as, Verdict.DRILL), "Resolved: {}.")

    def _each(self, request: HttpRequest, queryset: Any, do: Callable[..., object], words: str) -> None:
        done = 0
        for incident in queryset:
            try:
                do(incident, by=_who(request), now=timezone.now())
                done += 1
            except NotNow as refusal:
                messages.warning(request, f"{incident.title}: {refusal}")
        if done:
            messages.success(request, words.format(done))

    def get_urls(self) -> list[URLPattern]:
        download = self.admin_site.admin_view(self.write_up)
        figures = self.admin_site.admin_view(self.figures)
        return [
            path("<int:pk>/write-up.md", download, name="monitoring_incident_write_up"),
            path("figures/", figures, name="monitoring_incident_figures"),
            *super().get_urls(),
        ]

    def write_up(self, request: HttpRequest, pk: int) -> HttpResponse:
        incident = get_object_or_404(Incident, pk=pk)
        if not self.has_view_permission(request, incident):
            raise PermissionDenied
        if not incident.write_up:
            raise Http404("It has no write-up before it is resolved.")
        answer = HttpResponse(incident.write_up, content_type="text/markdown; charset=utf-8")
        answer["Content-Disposition"] = f'attachment; filename="incident-{incident.pk}.md"'
        return answer

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        incident = self.get_object(request, object_id)
        if incident is None:
            raise Http404("There is no such incident.")
        if request.method == "POST":
            return self._act(request, incident)
        if not self.has_view_permission(request, incident):
            raise PermissionDenied
        now, may_change = timezone.now(), self.has_change_permission(request, incident)
        context = {
            **self.admin_site.each_context(request),
            **incident_page.shown(incident, now),
            "may_change": may_change,
            "resolve_form": self._resolve_form(incident, now) if may_change else None,
            **(extra_context or {}),
        }
        return TemplateResponse(request, "monitoring/incident.html", context)

    def _resolve_form(self, incident: Incident, now: datetime) -> ResolveForm:
        hit = incident_page.sessions_hit(incident, now)
        return ResolveForm(initial={"verdict": "drill" if incident.drill else "real", "sessions_hit": hit})

    def figures(self, request: HttpRequest) -> HttpResponse:
        """The live figures alone, for the page to put into itself again and again."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        context = {"figures": incident_page.figures(timezone.now())}
        return TemplateResponse(request, "monitoring/incident_figures.html", context)

    def _act(self, request: HttpRequest, incident: Incident) -> HttpResponse:
        if not self.has_change_permission(request, incident):
            raise PermissionDenied
        do = DOES.get(request.POST.get("do", ""), _unheard_of)
        try:
            do(request, incident, timezone.now())
        except NotNow as refusal:
            messages.error(request, str(refusal))
        return HttpResponseRedirect(reverse("admin:monitoring_incident_change", args=[incident.pk]))
