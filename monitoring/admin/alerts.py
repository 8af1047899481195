"""Alerts in the admin: the list, and one page each with all that is known of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from unfold.admin import ModelAdmin

from monitoring.admin import alert_page
from monitoring.alerts import actions, words
from monitoring.alerts.rules import SHIPPED
from monitoring.models import Alert

AT_ONCE = 200


class StateFilter(admin.SimpleListFilter):
    """Derived, never stored."""

    title, parameter_name = "state", "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("open", "Open"),
            ("waiting", "Open, not acknowledged"),
            ("muted", "Open, muted"),
            ("over", "Over"),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Alert]) -> QuerySet[Alert]:
        match self.value():
            case "open":
                return queryset.filter(resolved_at=None)
            case "waiting":
                return queryset.filter(resolved_at=None, acknowledged_at=None)
            case "muted":
                return queryset.filter(resolved_at=None).exclude(muted="")
            case "over":
                return queryset.exclude(resolved_at=None)
        return queryset


class RuleFilter(admin.SimpleListFilter):
    """By rule, of those that ship."""

    title, parameter_name = "rule", "rule"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(rule.name, rule.title) for rule in SHIPPED]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Alert]) -> QuerySet[Alert]:
        return queryset.filter(rule=self.value()) if self.value() else queryset


def _acknowledge(request: HttpRequest, alert: Alert, now: datetime) -> None:
    actions.acknowledge(alert, by=who(request), now=now)


def _resolve(request: HttpRequest, alert: Alert, now: datetime) -> None:
    actions.resolve(alert, by=who(request), why=request.POST.get("why", ""), now=now)


def _unheard_of(request: HttpRequest, alert: Alert, now: datetime) -> None:
    raise actions.NotNow("There is no such action.")


DOES: dict[str, Callable[[HttpRequest, Alert, datetime], None]] = {"acknowledge": _acknowledge, "resolve": _resolve}


def who(request: HttpRequest) -> actions.Person:
    return request.user if request.user.is_authenticated else None


@admin.register(Alert)
class AlertAdmin(ModelAdmin):
    list_display = ("named", "severity", "state", "fired", "lasted", "acknowledged")
    list_filter = (StateFilter, "severity", RuleFilter, "drill", "late", "fired_at")
    search_fields = ("title", "detail", "release")
    list_per_page = 50
    list_max_show_all = AT_ONCE
    show_full_result_count = False
    actions = ("acknowledge_selected",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # rules fire them

    def has_delete_permission(self, request: HttpRequest, obj: Alert | None = None) -> bool:
        return False  # they are history

    @admin.display(description="alert", ordering="title")
    def named(self, alert: Alert) -> str:
        return f"DRILL. {alert.title}" if alert.drill else alert.title

    @admin.display(description="state")
    def state(self, alert: Alert) -> str:
        if alert.resolved_at:
            return "over, late" if alert.late else "over"
        if alert.muted:
            return f"open, {alert.muted}"
        return "open, acknowledged" if alert.acknowledged_at else "open"

    @admin.display(description="fired (UTC)", ordering="fired_at")
    def fired(self, alert: Alert) -> str:
        return f"{alert.fired_at:%Y-%m-%d %H:%M:%S}"

    @admin.display(description="lasted")
    def lasted(self, alert: Alert) -> str:
        return words.duration((alert.resolved_at or timezone.now()) - alert.fired_at)

    @admin.display(description="acknowledged")
    def acknowledged(self, alert: Alert) -> str:
        if alert.acknowledged_at is None:
            return "-"
        return f"{alert.acknowledged_name or 'somebody'} after {words.duration(alert.acknowledged_at - alert.fired_at)}"

    @admin.action(description="Acknowledge", permissions=["change"])
    def acknowledge_selected(self, request: HttpRequest, queryset: QuerySet[Alert]) -> None:
        done = 0
        for alert in queryset[:AT_ONCE]:
            try:
                actions.acknowledge(alert, by=who(request), now=timezone.now())
                done += 1
            except actions.NotNow as refusal:
                messages.warning(request, f"{alert.title}: {refusal}")
        if done:
            messages.success(request, f"Acknowledged: {done}.")

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        alert = self.get_object(request, object_id)
        if alert is None:
            raise Http404("There is no such alert.")
        if request.method == "POST":
            return self._act(request, alert)
        if not self.has_view_permission(request, alert):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            **alert_page.shown(alert, timezone.now()),
            "title": self.named(alert),
            "may_change": self.has_change_permission(request, alert),
            "may_read_mail": request.user.has_perm("monitoring.view_outboxmail"),
        }
        return TemplateResponse(request, "monitoring/alert.html", context)

    def _act(self, request: HttpRequest, alert: Alert) -> HttpResponse:
        if not self.has_change_permission(request, alert):
            raise PermissionDenied
        try:
            DOES.get(request.POST.get("do", ""), _unheard_of)(request, alert, timezone.now())
        except actions.NotNow as refusal:
            messages.error(request, str(refusal))
        return HttpResponseRedirect(reverse("admin:monitoring_alert_change", args=[alert.pk]))
