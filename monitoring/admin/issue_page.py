"""One issue as a page: what it is, how it went on, one event whole, and what can be done about it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.core.paginator import Paginator
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone

from monitoring.errors import curve, issues
from monitoring.errors.decode import read
from monitoring.errors.event import Event as Read
from monitoring.errors.record import expand
from monitoring.errors.story import in_a_line, told
from monitoring.models import Event, Issue

EVENTS_A_PAGE = 25
RECENT = 1000  # events that a list of releases is counted from
TURNS_MAX = 100
JSON_SHOWN = 20_000
STEPS = {"24h": "an hour", "7d": "6 hours", "30d": "a day", "90d": "3 days"}  # what a column holds, by curve.RANGES


class IgnoreForm(forms.Form):
    """For how long, or how often more; both empty is for ever."""

    hours = forms.IntegerField(required=False, min_value=1, max_value=24 * 365, label="For so many hours")
    more = forms.IntegerField(required=False, min_value=1, max_value=1_000_000, label="Until so many more events")


class Unfit(ValueError):
    """What was asked for can't be done; the sentence is for whoever asked."""


def who(request: HttpRequest) -> issues.Person:
    return request.user if request.user.is_authenticated else None


def _resolve(request: HttpRequest, issue: Issue, now: datetime) -> None:
    issues.resolve(issue, by=who(request), now=now)


def _resolve_next(request: HttpRequest, issue: Issue, now: datetime) -> None:
    issues.resolve(issue, in_next_release=True, by=who(request), now=now)


def _ignore(request: HttpRequest, issue: Issue, now: datetime) -> None:
    form = IgnoreForm(request.POST)
    if not form.is_valid():
        raise Unfit(" ".join(f"{form[name].label}: {e}" for name, errors in form.errors.items() for e in errors))
    hours, more = form.cleaned_data["hours"], form.cleaned_data["more"]
    issues.ignore(issue, period=timedelta(hours=hours) if hours else None, more=more, by=who(request), now=now)


def _reopen(request: HttpRequest, issue: Issue, now: datetime) -> None:
    issues.reopen(issue, by=who(request), now=now)


def _unheard_of(request: HttpRequest, issue: Issue, now: datetime) -> None:
    raise Unfit("There is no such action.")


DOES: dict[str, Callable[[HttpRequest, Issue, datetime], None]] = {
    "resolve": _resolve,
    "resolve_next": _resolve_next,
    "ignore": _ignore,
    "reopen": _reopen,
}


def act(request: HttpRequest, issue: Issue, now: datetime) -> None:
    """Do what a button says. Raises Unfit."""
    DOES.get(request.POST.get("do", ""), _unheard_of)(request, issue, now)


def shown(request: HttpRequest, issue: Issue) -> dict[str, Any]:
    """What the page is made of."""
    now, asked = timezone.now(), request.GET.get("range", "30d")
    asked = asked if asked in curve.RANGES else "30d"
    columns, deploys = curve.columns(issue, now, asked), curve.markers(now, asked)
    return {
        "title": in_a_line(str(issue), 120),
        "issue": issue,
        "value": in_a_line(issue.value, 1000),
        "culprit": in_a_line(issue.culprit, 300),
        "ranges": list(curve.RANGES),
        "asked": asked,
        "columns": columns,
        "deploys": deploys,
        "chart": curve.chart(columns, deploys),
        "highest": max(column.n for column in columns),
        "step": STEPS[asked],
        "ignore_form": IgnoreForm(),
        "turns": issue.transitions.select_related("by").order_by("-at", "-pk")[:TURNS_MAX],
        **(_events(issue, request) if request.user.has_perm("monitoring.view_event") else {}),
    }


def _events(issue: Issue, request: HttpRequest) -> dict[str, Any]:
    """The events of an issue, a page of them, and one of them whole: that asked for, or the newest."""
    mine = issue.events.defer("data").order_by("-received_at", "-pk")
    page = Paginator(mine, EVENTS_A_PAGE).get_page(request.GET.get("page"))
    asked = request.GET.get("event", "")
    event = get_object_or_404(issue.events, event_id=asked) if asked else issue.events.first()
    recent = Counter(mine.values_list("release", flat=True)[:RECENT])
    return {
        "may_read": True,
        "page": page,
        "pages": page.paginator.get_elided_page_range(page.number),
        "releases": [(in_a_line(release, 60) or "unknown", n) for release, n in recent.most_common(10)],
        "recent": RECENT,
        **(_one(event) if event else {}),
    }


def _one(event: Event) -> dict[str, Any]:
    text = pretty(event)
    before = event.issue.events.filter(received_at__lt=event.received_at).order_by("-received_at").first()
    after = event.issue.events.filter(received_at__gt=event.received_at).order_by("received_at").first()
    return {
        "event": event,
        "story": told(read(expand(bytes(event.data)), Read)),
        "json": text[:JSON_SHOWN],
        "json_left_out": max(0, len(text) - JSON_SHOWN),
        "older": before,
        "newer": after,
    }


def pretty(event: Event) -> str:
    """The event's JSON with whatever is not ASCII spelt out, so that nothing in it can hide."""
    return json.dumps(json.loads(expand(bytes(event.data))), indent=2, ensure_ascii=True)
