"""Silences in the admin: which rules are not mailed about, from when to when, and why."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.widgets import AdminSplitDateTime
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.http import require_safe
from unfold.admin import ModelAdmin

from monitoring.admin.alerts import who
from monitoring.alerts import actions
from monitoring.alerts.lifecycle import Mute, Span
from monitoring.alerts.rules import SHIPPED
from monitoring.models import Silence


def _moment(label: str) -> forms.SplitDateTimeField:
    """A date and a time, each with a name of its own for who can't see the one above both."""
    widget = AdminSplitDateTime()
    for part, own in zip(("date", "time"), widget.widgets, strict=True):
        own.attrs["aria-label"] = f"{label} (UTC), {part}"
    return forms.SplitDateTimeField(label=f"{label} (UTC)", widget=widget)


class SilenceForm(forms.Form):
    """What a silence is made of; whether it makes sense is said by monitoring.alerts.actions."""

    matcher = forms.CharField(
        label="Rules",
        max_length=64,
        help_text="A rule's name; * stands for any part of it. slow-* is every rule about slowness.",
    )
    from_at = _moment("From")
    to_at = _moment("To")
    reason = forms.CharField(max_length=200, help_text="For the others.")


def matched(matcher: str) -> list[str]:
    """The titles of the rules that a matcher fits."""
    at = datetime.max.replace(tzinfo=timezone.get_default_timezone())
    mute = Mute(at, at, matcher.strip()[:64])
    return [f"{rule.title} ({rule.name})" for rule in SHIPPED if mute.fits(rule)]


@admin.register(Silence)
class SilenceAdmin(ModelAdmin):
    list_display = ("matcher", "state", "from_at", "to_at", "reason", "by")
    list_select_related = ("by",)
    search_fields = ("matcher", "reason")
    list_per_page = 50
    actions = ("end",)

    def has_change_permission(self, request: HttpRequest, obj: Silence | None = None) -> bool:
        return False  # it is ended, and made anew: what was heard when has to stay readable

    def has_delete_permission(self, request: HttpRequest, obj: Silence | None = None) -> bool:
        return False

    def has_silence_permission(self, request: HttpRequest) -> bool:
        return self.has_add_permission(request)

    @admin.display(description="state")
    def state(self, silence: Silence) -> str:
        return {Span.UPCOMING: "to come", Span.ACTIVE: "holds", Span.OVER: "over"}[silence.span(timezone.now())]

    @admin.action(description="End now", permissions=["silence"])
    def end(self, request: HttpRequest, rows: QuerySet[Silence]) -> None:
        for silence in rows[:200]:
            try:
                actions.end_silence(silence, now=timezone.now())
                messages.success(request, f"{silence.matcher} is heard again.")
            except actions.NotNow as refusal:
                messages.warning(request, f"{silence.matcher}: {refusal}")

    def get_urls(self) -> list[URLPattern]:
        preview = self.admin_site.admin_view(require_safe(self.preview))
        return [path("preview/", preview, name="monitoring_silence_preview"), *super().get_urls()]

    def preview(self, request: HttpRequest) -> HttpResponse:
        """The rules that a matcher fits, as a piece of the page."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        asked = request.GET.get("matcher", "")
        context = {"rules": matched(asked), "asked": asked}
        return TemplateResponse(request, "monitoring/silence_fits.html", context)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        now = timezone.now().replace(microsecond=0)
        first = {"from_at": now, "to_at": now + timedelta(hours=1), "matcher": request.GET.get("matcher", "")[:64]}
        form = SilenceForm(request.POST or None, initial=first)
        if request.method == "POST" and form.is_valid():
            try:
                actions.silence(**form.cleaned_data, by=who(request), now=now)
            except actions.NotNow as refusal:
                form.add_error(None, str(refusal))
            else:
                messages.success(request, "It holds; what is open stays in the list of alerts.")
                return HttpResponseRedirect(reverse("admin:monitoring_silence_changelist"))
        context = {**self.admin_site.each_context(request), "title": "Silence rules", "form": form, "media": form.media}
        asked = request.POST.get("matcher") or first["matcher"]
        fits = {"rules": matched(str(asked)), "asked": asked, "names": [rule.name for rule in SHIPPED]}
        return TemplateResponse(request, "monitoring/silence.html", {**context, **fits})
