"""What staff do to issues: the one home of these writes, each with its row of history."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import Count, Max, Min, Sum

from monitoring.errors.counting import PEOPLE_MAX
from monitoring.models import Event, Grouping, Issue, IssueHour, IssuePerson, IssueTransition

Person = AbstractBaseUser | None
STEP: Final = 500


class NotTheSame(Exception):
    """Issues of different projects can't be one."""


def _locked(issue: Issue) -> Issue:
    return Issue.objects.select_for_update().get(pk=issue.pk)


def _tell(issue: Issue, kind: IssueTransition.Kind, now: datetime, by: Person, note: str = "") -> None:
    IssueTransition.objects.create(issue=issue, kind=kind, at=now, by_id=by.pk if by else None, note=note[:200])


def _stand(issue: Issue, status: Issue.Status) -> Issue:
    issue.status, issue.resolved_at, issue.in_next_release = status, None, False
    issue.ignored_until = issue.ignored_until_count = None
    return issue


@transaction.atomic
def resolve(issue: Issue, *, in_next_release: bool = False, by: Person, now: datetime) -> Issue:
    """It is mended; with `in_next_release` only what is first seen from now on may bring it back."""
    fresh = _stand(_locked(issue), Issue.Status.RESOLVED)
    fresh.resolved_at, fresh.in_next_release = now, in_next_release
    fresh.save()
    note = "In the next release." if in_next_release else ""
    _tell(fresh, IssueTransition.Kind.RESOLVED, now, by, note)
    return fresh


@transaction.atomic
def ignore(
    issue: Issue, *, period: timedelta | None = None, more: int | None = None, by: Person, now: datetime
) -> Issue:
    """Nobody needs to hear of it: for ever, for a time, or until it happened so often more."""
    fresh = _stand(_locked(issue), Issue.Status.IGNORED)
    note = ""
    if period is not None:
        fresh.ignored_until = now + period
        note = f"Until {fresh.ignored_until:%Y-%m-%d %H:%M}."
    if more is not None:
        fresh.ignored_until_count = fresh.count + more
        note = f"{note} Until {more} more.".strip()
    fresh.save()
    _tell(fresh, IssueTransition.Kind.IGNORED, now, by, note)
    return fresh


@transaction.atomic
def reopen(issue: Issue, *, by: Person, now: datetime) -> Issue:
    fresh = _stand(_locked(issue), Issue.Status.UNRESOLVED)
    fresh.save()
    _tell(fresh, IssueTransition.Kind.REOPENED, now, by)
    return fresh


@transaction.atomic
def merge(issues: Iterable[Issue], *, by: Person, now: datetime) -> Issue:
    """Make one of several; the oldest stays, and what comes later under any of their groups goes to it.

    Raises NotTheSame.
    """
    pks = [issue.pk for issue in issues]
    found = list(Issue.objects.select_for_update().filter(pk__in=pks).order_by("first_seen_at", "pk"))
    if len({issue.project_id for issue in found}) != 1:
        raise NotTheSame
    stays, goes = found[0], [issue.pk for issue in found[1:]]
    if not goes:
        return stays
    Event.objects.filter(issue_id__in=goes).update(issue=stays)
    Grouping.objects.filter(issue_id__in=goes).update(issue=stays)
    IssueTransition.objects.filter(issue_id__in=goes).update(issue=stays)
    _merge_hours(stays, goes)
    marks = IssuePerson.objects.filter(issue_id__in=goes).values_list("mark", flat=True)[:PEOPLE_MAX]
    IssuePerson.objects.bulk_create(
        [IssuePerson(issue=stays, mark=mark) for mark in marks], ignore_conflicts=True, batch_size=STEP
    )
    sums = Issue.objects.filter(pk__in=[stays.pk, *goes]).aggregate(
        count=Sum("count"), first=Min("first_seen_at"), last=Max("last_seen_at")
    )
    newest = max(found, key=lambda issue: issue.last_seen_at)
    stays.count, stays.first_seen_at, stays.last_seen_at = sums["count"], sums["first"], sums["last"]
    stays.people, stays.last_release = stays.persons.count(), newest.last_release
    stays.save()
    Issue.objects.filter(pk__in=goes).delete()
    _tell(stays, IssueTransition.Kind.MERGED, now, by, f"With {len(goes)} more.")
    return stays


def _merge_hours(stays: Issue, goes: list[int]) -> None:
    sums = IssueHour.objects.filter(issue_id__in=[stays.pk, *goes]).values_list("hour").annotate(n=Sum("count"))
    rows = [IssueHour(issue=stays, hour=hour, count=n) for hour, n in sums]
    IssueHour.objects.filter(issue_id__in=[stays.pk, *goes]).delete()
    IssueHour.objects.bulk_create(rows, batch_size=STEP)


def delete(issue: Issue) -> None:
    """Forget it and its events, in small steps; happening again it is new."""
    while pks := list(Event.objects.filter(issue=issue).values_list("pk", flat=True)[:STEP]):
        Event.objects.filter(pk__in=pks).delete()
    issue.delete()


def releases(issue: Issue) -> list[tuple[str, int]]:
    """In which releases it happened, as far as its events are still there."""
    counted = issue.events.values_list("release").annotate(n=Count("pk")).order_by("-n")
    return [(release or "unknown", n) for release, n in counted[:20]]
