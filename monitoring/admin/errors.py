"""Who sends errors, with the DSN ready to copy; and everything else that came, waits, or was turned away."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin

from monitoring.admin.uptime import ToRead
from monitoring.errors import digest
from monitoring.errors.keys import dsn_of, rotate
from monitoring.errors.record import expand
from monitoring.errors.story import in_a_line
from monitoring.models import DeadLetter, DeployMarker, ForwardItem, Project, Refused, Release, Sent

RETRIED_MOST = 200
SNIPPETS = {
    "Python": (
        "import sentry_sdk\n"
        'sentry_sdk.init(dsn="{dsn}", release="1.0", environment="production")\n'
        'sentry_sdk.capture_message("It arrives.")'
    ),
    "Browser": (
        'import * as Sentry from "@sentry/browser";\n'
        'Sentry.init({{ dsn: "{dsn}", release: "1.0", environment: "production" }});\n'
        'Sentry.captureMessage("It arrives.");'
    ),
    "Node.js": (
        'const Sentry = require("@sentry/node");\n'
        'Sentry.init({{ dsn: "{dsn}", release: "1.0", environment: "production" }});\n'
        'Sentry.captureMessage("It arrives.");'
    ),
}


@admin.register(Project)
class ProjectAdmin(ModelAdmin):
    """Limits, and how to send; a project is never deleted, since its number stands in every DSN that was given away."""

    list_display = ("name", "dsn", "errors_per_minute", "others_per_minute", "keep_days", "keep_events")
    fields = ("name", "slug", "errors_per_minute", "others_per_minute", "keep_days", "keep_events")
    change_form_outer_after_template = "monitoring/issues/project.html"  # type: ignore[assignment]  # there it is None

    class Media:
        css = {"all": ("monitoring/runbook.css", "monitoring/issues.css")}
        js = ("monitoring/copy.js",)

    @admin.display(description="DSN")
    def dsn(self, project: Project) -> SafeString:
        return format_html('<code class="dsn">{}</code>', dsn_of(project) or "no key")

    def get_readonly_fields(self, request: HttpRequest, obj: Project | None = None) -> tuple[str, ...]:
        return ("slug",) if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: Project | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Model, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if isinstance(obj, Project) and not change:
            rotate(obj, timezone.now())

    def get_urls(self) -> list[URLPattern]:
        own = [path("<int:pk>/rotate/", self.admin_site.admin_view(self.rotate), name="monitoring_project_rotate")]
        return [*own, *super().get_urls()]

    def rotate(self, request: HttpRequest, pk: int) -> HttpResponse:
        """A new key, at the press of a button."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        project = get_object_or_404(Project, pk=pk)
        if not self.has_change_permission(request, project):
            raise PermissionDenied
        rotate(project, timezone.now())
        self.message_user(request, "There is a new key. The old one is taken for a day longer.", messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:monitoring_project_change", args=[pk]))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        project = self.get_object(request, object_id)
        dsn = dsn_of(project) if project else ""
        shown = {
            "dsn": dsn,
            "keys": project.keys.all() if project else (),
            "snippets": [(name, code.format(dsn=dsn)) for name, code in SNIPPETS.items()],
            "may_rotate": self.has_change_permission(request, project),
        }
        return super().change_view(request, object_id, form_url, {**shown, **(extra_context or {})})


@admin.register(Sent)
class SentAdmin(ToRead):
    """Traces, sessions, check-ins, feedback."""

    list_display = ("at", "kind", "called", "status", "duration_ms", "project", "release")
    list_filter = ("kind", "project", "at")
    search_fields = ("name", "trace_id")
    list_select_related = ("project",)
    show_full_result_count = False
    exclude = ("name",)
    readonly_fields = ("called", "content")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Sent]:
        return super().get_queryset(request).defer("data")

    @admin.display(description="name", ordering="name")
    def called(self, sent: Sent) -> str:
        return in_a_line(sent.name, 120) or "-"

    @admin.display(description="JSON")
    def content(self, sent: Sent) -> SafeString:
        text = json.dumps(json.loads(expand(bytes(sent.data))), indent=2, ensure_ascii=True)
        return format_html("<pre>{}</pre>", text[:20_000])


@admin.register(Refused)
class RefusedAdmin(ToRead):
    """How many were turned away, and why."""

    list_display = ("hour", "project_number", "reason", "count")
    list_filter = ("reason", "project_number", "hour")


@admin.register(DeadLetter)
class DeadLetterAdmin(ModelAdmin):
    """What could not be digested, to be tried again or thrown away."""

    list_display = ("received_at", "state", "error", "attempts", "next_attempt_at")
    list_filter = ("state",)
    fields = readonly_fields = ("received_at", "state", "error", "attempts", "next_attempt_at", "size")
    actions = ("try_again",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[DeadLetter]:
        return super().get_queryset(request).order_by("-received_at")

    @admin.display(description="bytes")
    def size(self, letter: DeadLetter) -> int:
        return len(bytes(letter.record))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    @admin.action(description="Try again now", permissions=["change"])
    def try_again(self, request: HttpRequest, rows: QuerySet[DeadLetter]) -> None:
        now, found = timezone.now(), list(rows[:RETRIED_MOST])
        events = sum(digest.retry(letter, now) for letter in found)
        left = DeadLetter.objects.filter(pk__in=[letter.pk for letter in found]).count()
        self.message_user(request, f"{events} new events; {left} of {len(found)} still can't be digested.")


@admin.register(ForwardItem)
class ForwardItemAdmin(ModelAdmin):
    """What waits to be sent on to a real Sentry."""

    list_display = ("created_at", "project", "state", "attempts", "next_attempt_at", "last_error")
    list_filter = ("state", "project")
    list_select_related = ("project",)
    fields = readonly_fields = (
        *("project", "event_id", "state", "created_at", "attempts", "next_attempt_at", "last_error"),
    )
    actions = ("try_again",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ForwardItem]:
        return super().get_queryset(request).defer("data")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    @admin.action(description="Send again, from the beginning", permissions=["change"])
    def try_again(self, request: HttpRequest, rows: QuerySet[ForwardItem]) -> None:
        now = timezone.now()
        n = rows.update(state=ForwardItem.State.WAITING, attempts=0, created_at=now, next_attempt_at=now)
        self.message_user(request, f"{n} will be sent within a minute.", messages.SUCCESS)


@admin.register(Release)
class ReleaseAdmin(ToRead):
    list_display = ("named", "project", "first_seen_at", "last_seen_at")
    list_filter = ("project",)
    list_select_related = ("project",)
    search_fields = ("version",)

    @admin.display(description="version", ordering="version")
    def named(self, release: Release) -> str:
        return in_a_line(release.version, 80)


@admin.register(DeployMarker)
class DeployMarkerAdmin(ToRead):
    list_display = ("version", "environment", "at")
    date_hierarchy = "at"
