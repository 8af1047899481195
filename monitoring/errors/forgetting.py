"""Forgetting, in small steps: by age, then by count; what tells an issue's story goes last."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.db.models import Exists, Model, OuterRef, QuerySet

from monitoring.models import (
    DeadLetter,
    DeployMarker,
    Event,
    ForwardItem,
    Issue,
    IssueHour,
    Project,
    ProjectKey,
    Refused,
    Release,
    Sent,
)

STEP: Final = 500
STEPS: Final = 20  # a run
SENT_KEPT: Final = timedelta(days=14)
SENT_MAX: Final = 50_000  # in a project
HOURS_KEPT: Final = timedelta(days=90)
REFUSED_KEPT: Final = timedelta(days=90)
DEAD_KEPT: Final = timedelta(days=30)
ISSUE_KEPT: Final = timedelta(days=400)


def prune(now: datetime) -> int:
    """One run: at most STEPS times STEP rows of each kind, so that nobody waits for it. Gives how many went."""
    gone = 0
    for project in Project.objects.all():
        gone += _events(project, now) + _sent(project, now)
    gone += _step(IssueHour.objects.filter(hour__lt=now - HOURS_KEPT))
    gone += _step(Refused.objects.filter(hour__lt=now - REFUSED_KEPT))
    gone += _step(DeadLetter.objects.filter(state=DeadLetter.State.DEAD, received_at__lt=now - DEAD_KEPT))
    gone += _step(ForwardItem.objects.filter(state=ForwardItem.State.DEAD, created_at__lt=now - DEAD_KEPT))
    gone += _step(DeployMarker.objects.filter(at__lt=now - ISSUE_KEPT))
    gone += _step(Release.objects.filter(last_seen_at__lt=now - ISSUE_KEPT))
    gone += _step(ProjectKey.objects.filter(retires_at__lt=now))
    return gone + _step(_empty_issues(now))


def _events(project: Project, now: datetime) -> int:
    """Too old ones first, then whatever is too much: ordinary events before turning points, old before new."""
    events = Event.objects.filter(project=project)
    old = _ordinary(events.filter(received_at__lt=now - timedelta(days=project.keep_days)))
    gone = _step(old)
    too_many = events.count() - project.keep_events
    if too_many <= 0:
        return gone
    gone += _step(_ordinary(events).order_by("received_at"), too_many)
    too_many = events.count() - project.keep_events
    if too_many > 0 and not _ordinary(events).exists():
        gone += _step(events.order_by("received_at"), too_many)
    return gone


def _ordinary(events: QuerySet[Event]) -> QuerySet[Event]:
    """Neither the first, nor one that brought an issue back, nor the last of its issue."""
    later = Event.objects.filter(issue=OuterRef("issue"), received_at__gt=OuterRef("received_at"))
    return events.filter(Exists(later), turning_point=False)


def _sent(project: Project, now: datetime) -> int:
    mine = Sent.objects.filter(project=project)
    gone = _step(mine.filter(at__lt=now - SENT_KEPT))
    too_many = mine.count() - SENT_MAX
    return gone + (_step(mine.order_by("at"), too_many) if too_many > 0 else 0)


def _empty_issues(now: datetime) -> QuerySet[Issue]:
    """Nothing is left of them but a row: their events went because there was no room, or all is long ago."""
    nothing_left = Issue.objects.annotate(has=Exists(Event.objects.filter(issue=OuterRef("pk")))).filter(has=False)
    day_ago = now - timedelta(days=1)
    return nothing_left.filter(last_seen_at__lt=day_ago)


def _step(rows: QuerySet[Model], at_most: int = STEP * STEPS) -> int:
    """Delete up to `at_most` rows, a few hundred in each transaction."""
    gone = 0
    while gone < min(at_most, STEP * STEPS):
        pks = list(rows.values_list("pk", flat=True)[: min(STEP, at_most - gone)])
        if not pks:
            break
        rows.model._default_manager.filter(pk__in=pks).delete()
        gone += len(pks)
    return gone
