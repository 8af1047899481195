"""Start a drill, stop it, and know which one runs: through the database, so that every process agrees."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction
from django.db.models import F, Q, QuerySet

from monitoring.drills import effects
from monitoring.drills.effects import Kind, Refused, Span
from monitoring.models.drills import Drill
from monitoring.models.uptime import HERE, Monitor

Person = AbstractBaseUser | None
LONGEST_TRACE: Final = max(effects.TRACES.values())


def running(now: datetime) -> QuerySet[Drill]:
    """Drills under way."""
    return Drill.objects.filter(ended_at=None, started_at__lte=now, ends_at__gt=now).order_by("started_at")


def start(kind: Kind, *, minutes: int, reason: str, by: Person, now: datetime) -> Drill:
    """Begin; every web process takes it up within seconds. Raises Refused: bounds, no reason, or one runs already."""
    effects.check(minutes, reason)
    close(now)
    try:
        with transaction.atomic():
            if running(now).select_for_update().exists():
                raise Refused("A drill is under way already; one at a time.")
            drill = Drill.objects.create(
                kind=kind.value,
                reason=" ".join(reason.split()),
                started_at=now,
                ends_at=now + timedelta(minutes=minutes),
                started_by_id=by.pk if by else None,
            )
    except IntegrityError:
        raise Refused("A drill is under way already; one at a time.") from None
    return drill


def stop(drill: Drill, *, by: Person, now: datetime) -> None:
    """End it now. Raises Refused when it is over."""
    still = Drill.objects.filter(pk=drill.pk, ended_at=None, ends_at__gt=now)
    if not still.update(ended_at=now, ended_by_id=by.pk if by else None):
        raise Refused("This drill is over already.")


def close(now: datetime) -> int:
    """Write down the end of those whose time is up; they did nothing since, whoever wrote it."""
    return Drill.objects.filter(ended_at=None, ends_at__lte=now).update(ended_at=F("ends_at"))


def in_effect(numbers: Iterable[int], now: datetime) -> None:
    """Each process that takes drills up says so: the first is noted, and each has health looked at once.

    The next probe may be minutes away; and one that came before the drill was taken up has seen nothing of it.
    """
    taken = Drill.objects.filter(pk__in=list(numbers))
    taken.filter(in_effect_at=None).update(in_effect_at=now)
    if taken.filter(kind=Kind.HEALTH.value).exists():
        Monitor.objects.filter(enabled=True, prober=HERE).update(attempted_at=None)


def spans(from_at: datetime, to_at: datetime) -> list[Span]:
    """Drills whose effects or traces reach into a stretch of time."""
    since = from_at - LONGEST_TRACE
    rows = Drill.objects.filter(Q(ended_at=None) | Q(ended_at__gte=since), ends_at__gte=since, started_at__lte=to_at)
    return [Span(row.pk, Kind(row.kind), row.started_at, row.ended_at or row.ends_at) for row in rows]


def cause_of(rule: str, at: datetime) -> Span | None:
    """The drill that made `rule` fire at that moment, if one did."""
    return effects.caused(rule, at, spans(at, at))
