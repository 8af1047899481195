"""Drills in the admin: start one, see how fast everybody answered, stop it at once."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from unfold.admin import ModelAdmin

from monitoring.alerts.rules import MIN_SAMPLES
from monitoring.drills import follow, record
from monitoring.drills.effects import MINUTES, Kind, Refused, minutes_needed
from monitoring.metrics import store
from monitoring.models import Drill
from signals import telemetry

LOOK_BACK: Final = timedelta(minutes=5)
DOES: Final = {
    Kind.HEALTH: "The health answer says 503, so that probes fail. People notice nothing.",
    Kind.LATENCY: "Frames and calls take 2.5 s. People notice; panic, blocking, reporting and leaving stay quick.",
    Kind.ERRORS: "Exceptions are raised and captured, apart from what people do. They notice nothing.",
}
STEPS: Final = (
    ("Started", "started_at"),
    ("In effect", "in_effect_at"),
    ("Detected", "detected_at"),
    ("Mail accepted", "mailed_at"),
    ("Acknowledged", "acknowledged_at"),
    ("Ended", "ended_at"),
    ("Resolved", "resolved_at"),
)


class DrillForm(forms.Form):
    """What a drill is started with."""

    kind = forms.ChoiceField(
        choices=[(kind.value, f"{kind.capitalize()}: {DOES[kind]}") for kind in Kind],
        initial=Kind.HEALTH.value,
        widget=forms.RadioSelect,
    )
    minutes = forms.IntegerField(
        min_value=MINUTES[0],
        max_value=MINUTES[1],
        initial=10,
        help_text=f"{MINUTES[0]} to {MINUTES[1]}. To be noticed: health {minutes_needed(Kind.HEALTH)}, "
        f"latency {minutes_needed(Kind.LATENCY)}, errors {minutes_needed(Kind.ERRORS)}.",
    )
    reason = forms.CharField(max_length=200, help_text="For whoever is woken: why, and who knows of it.")


def _times(drill: Drill) -> list[dict[str, Any]]:
    return [
        {"label": label, "at": at, "after_s": (at - drill.started_at).total_seconds() if at else None}
        for label, at in ((label, getattr(drill, name)) for label, name in STEPS)
    ]


def _quiet(now: datetime) -> bool:
    """Whether too little happens here for slowness to be judged."""
    return store.window(telemetry.WS_MESSAGE, None, now - LOOK_BACK, now).count < MIN_SAMPLES


@admin.register(Drill)
class DrillAdmin(ModelAdmin):
    list_display = ("__str__", "started_at", "started_by", "lasted", "detected", "mailed", "acknowledged", "resolved")
    list_filter = ("kind",)
    date_hierarchy = "started_at"

    def has_run_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("monitoring.run_drill")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.has_run_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Drill | None = None) -> bool:
        return False  # only stopped, by the button on its page

    def has_delete_permission(self, request: HttpRequest, obj: Drill | None = None) -> bool:
        return False

    @admin.display(description="lasts")
    def lasted(self, drill: Drill) -> str:
        if drill.is_running(timezone.now()):
            return f"runs until {drill.ends_at:%H:%M:%S}"
        return _span(drill, drill.ended_at or drill.ends_at)

    @admin.display(description="detected after")
    def detected(self, drill: Drill) -> str:
        return _span(drill, drill.detected_at)

    @admin.display(description="mailed after")
    def mailed(self, drill: Drill) -> str:
        return _span(drill, drill.mailed_at)

    @admin.display(description="acknowledged after")
    def acknowledged(self, drill: Drill) -> str:
        return _span(drill, drill.acknowledged_at)

    @admin.display(description="resolved after")
    def resolved(self, drill: Drill) -> str:
        return _span(drill, drill.resolved_at)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_run_permission(request):
            raise PermissionDenied
        now = timezone.now()
        form = DrillForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                drill = self._start(request, form.cleaned_data, now)
            except Refused as refusal:
                form.add_error(None, str(refusal))
            else:
                return HttpResponseRedirect(reverse("admin:monitoring_drill_change", args=[drill.pk]))
        context = {**self.admin_site.each_context(request), "title": "Start a drill", "form": form}
        return TemplateResponse(request, "monitoring/drill_start.html", {**context, "quiet": _quiet(now)})

    def _start(self, request: HttpRequest, said: dict[str, Any], now: datetime) -> Drill:
        drill = record.start(
            Kind(said["kind"]), minutes=said["minutes"], reason=said["reason"], by=_who(request), now=now
        )
        messages.success(request, "The drill begins within five seconds. It ends by itself.")
        return drill

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        drill = self.get_object(request, object_id)
        if drill is None:
            raise Http404("There is no such drill.")
        if request.method == "POST":
            return self._stop(request, drill)
        if not self.has_view_permission(request, drill):
            raise PermissionDenied
        now = timezone.now()
        context = {
            **self.admin_site.each_context(request),
            "title": str(drill),
            "drill": drill,
            "does": DOES[Kind(drill.kind)],
            "times": _times(drill),
            "alerts": follow.alerts_of(drill)[:50],
            "running": drill.is_running(now),
            "may_stop": self.has_run_permission(request),
        }
        return TemplateResponse(request, "monitoring/drill.html", context)

    def _stop(self, request: HttpRequest, drill: Drill) -> HttpResponse:
        if not self.has_run_permission(request):
            raise PermissionDenied
        try:
            record.stop(drill, by=_who(request), now=timezone.now())
            messages.success(request, "Stopped. Every process lets go of it within five seconds.")
        except Refused as refusal:
            messages.error(request, str(refusal))
        return HttpResponseRedirect(reverse("admin:monitoring_drill_change", args=[drill.pk]))


def _who(request: HttpRequest) -> record.Person:
    return request.user if request.user.is_authenticated else None


def _span(drill: Drill, at: datetime | None) -> str:
    return f"{(at - drill.started_at).total_seconds():.0f} s" if at else "-"
