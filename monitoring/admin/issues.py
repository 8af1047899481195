"""Issues in the admin: what broke, how often, for how many, and what to do about it.

Whatever an issue or an event says came from outside: it is told by monitoring.errors.story, and escaped by templates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.views import ChangeList

from monitoring.admin import issue_page
from monitoring.errors import curve, issues
from monitoring.errors.issues import NotTheSame
from monitoring.errors.story import in_a_line
from monitoring.models import Event, Issue, Release

MERGED_MOST = 200
DELETED_MOST = 50  # at once: each may have very many events


class StatusFilter(admin.SimpleListFilter):
    """What nobody has settled, unless one asks for something else."""

    title, parameter_name = "status", "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("all", "All"), ("resolved", "Resolved"), ("ignored", "Ignored")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Issue]) -> QuerySet[Issue]:
        asked = self.value() or Issue.Status.UNRESOLVED
        return queryset if asked == "all" else queryset.filter(status=asked)

    def choices(self, changelist: Any) -> Any:
        first, *others = super().choices(changelist)
        return [{**first, "display": "Unresolved"}, *others]


class ReleaseFilter(admin.SimpleListFilter):
    """In which of the latest versions it was first seen."""

    title, parameter_name = "first seen in", "release"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        versions = Release.objects.order_by("-first_seen_at").values_list("version", flat=True)[:40]
        return [(version, in_a_line(version, 40)) for version in dict.fromkeys(versions)][:20]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Issue]) -> QuerySet[Issue]:
        return queryset.filter(first_release=self.value()) if self.value() else queryset


class IssueList(ChangeList):
    """A page of issues with the last week of each."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = list(self.result_list)
        weeks = curve.sparks(self.result_list, timezone.now())
        for issue in self.result_list:
            issue.week = weeks[issue.pk]


@admin.register(Issue)
class IssueAdmin(ModelAdmin):
    """The list, and one page an issue."""

    list_display = ("headline", "week_drawn", "count", "people", "last_seen", "first_seen", "release", "status")
    list_filter = (StatusFilter, "project", "level", ReleaseFilter, "last_seen_at")
    search_fields = ("type", "value", "culprit")
    search_help_text = "Words of the type, the message or the place; or the id of an event."
    list_select_related = ("project",)
    list_per_page = 50
    list_fullwidth = True
    list_max_show_all = 200
    show_full_result_count = False
    actions = ("resolve", "resolve_next", "ignore_a_day", "ignore_100", "ignore", "reopen", "merge")

    class Media:
        css = {"all": ("monitoring/issues.css",)}

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        return IssueList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Issue], search_term: str
    ) -> tuple[QuerySet[Issue], bool]:
        plain = search_term.strip().replace("-", "").lower()
        if len(plain) == 32 and set(plain) <= set("0123456789abcdef"):
            of_event = Event.objects.filter(event_id=plain).values("issue_id")
            if of_event.exists():
                return queryset.filter(pk__in=of_event), False
        return super().get_search_results(request, queryset, search_term)

    @admin.display(description="Issue", ordering="type")
    def headline(self, issue: Issue) -> SafeString:
        return format_html(
            '<span class="issue-type">{}</span> <span class="issue-value">{}</span>'
            '<span class="issue-place">{} · {}</span>',
            in_a_line(issue.type, 80),
            in_a_line(issue.value, 140),
            issue.project.name,
            in_a_line(issue.culprit, 120) or "no place",
        )

    @admin.display(description="7 days")
    def week_drawn(self, issue: Issue) -> SafeString:
        return curve.spark(getattr(issue, "week", []))

    @admin.display(description="Last seen", ordering="last_seen_at")
    def last_seen(self, issue: Issue) -> str:
        return f"{issue.last_seen_at:%b %d %H:%M}"

    @admin.display(description="First seen", ordering="first_seen_at")
    def first_seen(self, issue: Issue) -> str:
        return f"{issue.first_seen_at:%Y-%m-%d}"

    @admin.display(description="Release", ordering="last_release")
    def release(self, issue: Issue) -> str:
        return in_a_line(issue.last_release, 40) or "-"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def _do(self, request: HttpRequest, rows: QuerySet[Issue], do: Callable[[Issue, datetime], object]) -> None:
        now = timezone.now()
        found = list(rows[: self.list_max_show_all])
        for issue in found:
            do(issue, now)
        self.message_user(request, f"Done for {len(found)}.", messages.SUCCESS)

    @admin.action(description="Resolve", permissions=["change"])
    def resolve(self, request: HttpRequest, rows: QuerySet[Issue]) -> None:
        self._do(request, rows, lambda issue, now: issues.resolve(issue, by=issue_page.who(request), now=now))

    @admin.action(description="Resolve in the next release", permissions=["change"])
    def resolve_next(self, request: HttpRequest, rows: QuerySet[Issue]) -> None:
        self._do(
            request,
            rows,
            lambda issue, now: issues.resolve(issue, in_next_release=True, by=issue_page.who(request), now=now),
        )

    @admin.action(description="Ignore for a day", permissions=["change"])
    def ignore_a_day(self, request: HttpRequest, rows: QuerySet[Issue]) -> None:
        day = timedelta(days=1)
        self._do(
            request, rows, lambda issue, now: issues.ignore(issue, period=day, by=issue_page.who(request), now=now)
        )

    @admin.action(description="Ignore until 100 more", permissions=["change"])
    def ignore_100(self, request: HttpRequest, rows: QuerySet[Issue]) -> None:
        self._do(request, rows, lambda issue, now: issues.ignore(issue, more=100, by=issue_page.who(request), now=now))

    @admin.action(description="Ignore for ever", permissions=["change"])
    def ignore(self, request: HttpRequest, rows: QuerySet[Issue]) -> None:
        self._do(request, rows, lambda issue, now: issues.ignore(issue, by=issue_page.who(request), now=now))

    @admin.action(description="Open again", permissions=["change"])
    def reopen(self, request: HttpRequest, rows: QuerySet[Issue]) -> None:
        self._do(request, rows, lambda issue, now: issues.reopen(issue, by=issue_page.who(request), now=now))

    @admin.action(description="Make one of them (the oldest stays)", permissions=["change"])
    def merge(self, request: HttpRequest, rows: QuerySet[Issue]) -> None:
        found = list(rows[: MERGED_MOST + 1])
        if not 2 <= len(found) <= MERGED_MOST:
            self.message_user(request, f"Choose between 2 and {MERGED_MOST} issues.", messages.WARNING)
            return
        try:
            stays = issues.merge(found, by=issue_page.who(request), now=timezone.now())
        except NotTheSame:
            self.message_user(request, "Issues of two projects can't be one.", messages.ERROR)
            return
        self.message_user(request, f"{len(found)} are one now: {stays}", messages.SUCCESS)

    def get_deleted_objects(
        self, objs: Iterable[Issue], request: HttpRequest
    ) -> tuple[list[Any], dict[str, int], set[str], list[str]]:
        """Counted, never listed: an issue may have a hundred thousand events."""
        pks = [issue.pk for issue in objs]
        events = Event.objects.filter(issue__in=pks).count()
        allowed = self.has_delete_permission(request)
        lines = [f"{len(pks)} issues with {events:,} events. Should one happen again, it is new."]
        return lines, {"issues": len(pks), "events": events}, set() if allowed else {"issue"}, []

    def delete_model(self, request: HttpRequest, obj: Issue) -> None:
        issues.delete(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Issue]) -> None:
        found = list(queryset[: DELETED_MOST + 1])
        for issue in found[:DELETED_MOST]:
            issues.delete(issue)
        if len(found) > DELETED_MOST:
            self.message_user(request, f"At most {DELETED_MOST} go at once; the others stay.", messages.WARNING)

    def get_urls(self) -> list[URLPattern]:
        download = self.admin_site.admin_view(self.event_json)
        own = [path("<int:pk>/<str:event_id>.json", download, name="monitoring_issue_event")]
        return [*own, *super().get_urls()]

    def event_json(self, request: HttpRequest, pk: int, event_id: str) -> HttpResponse:
        """An event as it was kept, to download."""
        if not request.user.has_perm("monitoring.view_event"):
            raise PermissionDenied
        event = get_object_or_404(Event, issue_id=pk, event_id=event_id)
        answer = HttpResponse(issue_page.pretty(event), content_type="application/json")
        answer["Content-Disposition"] = f'attachment; filename="event-{event.pk}.json"'
        return answer

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        issue = self.get_object(request, object_id)
        if issue is None:
            raise Http404("There is no such issue.")
        if request.method == "POST":
            return self._act(request, issue)
        if not self.has_view_permission(request, issue):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            **issue_page.shown(request, issue),
            "may_change": self.has_change_permission(request, issue),
            "may_delete": self.has_delete_permission(request, issue),
            **(extra_context or {}),
        }
        return TemplateResponse(request, "monitoring/issues/issue.html", context)

    def _act(self, request: HttpRequest, issue: Issue) -> HttpResponse:
        if not self.has_change_permission(request, issue):
            raise PermissionDenied
        try:
            issue_page.act(request, issue, timezone.now())
        except issue_page.Unfit as refusal:
            messages.error(request, str(refusal))
        return HttpResponseRedirect(reverse("admin:monitoring_issue_change", args=[issue.pk]))
