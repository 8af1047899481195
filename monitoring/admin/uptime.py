"""Monitors, outages and maintenance in the admin; what machines wrote is there to read alone."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.admin import ModelAdmin

from monitoring.models import Delivery, Heartbeat, Maintenance, Monitor, Outage, ProbeResult
from monitoring.uptime import record


class ToRead(ModelAdmin):
    """Machines write it; nobody adds, changes or deletes it."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object | None = None) -> bool:
        return False


@admin.register(Monitor)
class MonitorAdmin(ModelAdmin):
    list_display = ("name", "way", "address", "prober", "stands", "last_probe", "enabled", "public")
    list_filter = ("enabled", "way", "prober")
    search_fields = ("name", "address")
    readonly_fields = ("stands", "last_probe", "certificate_expires_at")

    @admin.display(description="now")
    def stands(self, monitor: Monitor) -> str:
        state = monitor.known
        if state.probed_at is None:
            return "not yet probed"
        if state.down_at:
            return f"down since {state.down_at:%Y-%m-%d %H:%M} UTC"
        if state.slow_at:
            return f"slow since {state.slow_at:%Y-%m-%d %H:%M} UTC"
        return "up" if not state.failed.count else f"{state.failed.count} failed in a row"

    @admin.display(description="last probe")
    def last_probe(self, monitor: Monitor) -> str:
        return f"{monitor.attempted_at:%Y-%m-%d %H:%M:%S} UTC" if monitor.attempted_at else "none"


@admin.register(Outage)
class OutageAdmin(ModelAdmin):
    list_display = ("monitor", "kind", "opened_at", "closed_at", "reason", "drill", "published_at")
    list_filter = ("kind", "drill", "monitor")
    date_hierarchy = "opened_at"
    readonly_fields = ("monitor", "kind", "opened_at", "confirmed_at", "closed_at", "reason", "published_at")
    actions = ("publish", "withdraw", "end")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Outage | None = None) -> bool:
        return False

    @admin.action(description="Publish the note on the status page", permissions=["change"])
    def publish(self, request: HttpRequest, rows: QuerySet[Outage]) -> None:
        worded = rows.exclude(note="")
        count = worded.update(published_at=timezone.now())
        messages.success(request, f"{count} published.")
        if missing := rows.filter(note="").count():
            messages.warning(request, f"{missing} have no note yet: open and word it first.")

    @admin.action(description="Take the note off the status page", permissions=["change"])
    def withdraw(self, request: HttpRequest, rows: QuerySet[Outage]) -> None:
        messages.success(request, f"{rows.update(published_at=None)} taken off.")

    @admin.action(description="Say that it is over (when nobody told us)", permissions=["change"])
    def end(self, request: HttpRequest, rows: QuerySet[Outage]) -> None:
        now = timezone.now()
        messages.success(request, f"{sum(record.end(row.pk, now=now) for row in rows)} ended.")


@admin.register(Maintenance)
class MaintenanceAdmin(ModelAdmin):
    list_display = ("reason", "from_at", "to_at", "created_by")
    date_hierarchy = "from_at"

    def save_model(self, request: HttpRequest, obj: Model, form: Any, change: bool) -> None:
        if isinstance(obj, Maintenance) and not change:
            obj.created_by = request.user  # type: ignore[assignment]  # staff are signed in
        super().save_model(request, obj, form, change)


@admin.register(ProbeResult)
class ProbeResultAdmin(ToRead):
    list_display = ("at", "monitor", "answer", "took_ms", "reason")
    list_filter = ("answer", "monitor")
    date_hierarchy = "at"


@admin.register(Heartbeat)
class HeartbeatAdmin(ToRead):
    list_display = ("name", "beat_at", "detail")


@admin.register(Delivery)
class DeliveryAdmin(ToRead):
    list_display = ("received_at", "source", "topic", "title", "link")
    list_filter = ("source", "topic")
    search_fields = ("title",)
