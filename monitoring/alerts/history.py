"""A rule's number and its state over a stretch of time, as far as they were kept."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from monitoring.alerts.rules import Condition, Kind, Rule
from monitoring.metrics import store
from monitoring.models import Alert, AlertTransition
from signals import telemetry

AROUND: Final = timedelta(minutes=20)  # shown before and after an alert
POINTS_MAX: Final = 200
TRANSITIONS_MAX: Final = 500
LEVELS: Final = frozenset(telemetry.LEVELS)


class Point(NamedTuple):
    """What the rule saw in the window that ended then; None when it could not tell."""

    at: datetime
    value: float | None


class Stretch(NamedTuple):
    """A time in which the rule stood in one phase."""

    from_at: datetime
    to_at: datetime
    phase: str


def around(alert: Alert, now: datetime) -> tuple[datetime, datetime]:
    """The time that an alert's page shows."""
    return alert.began_at - AROUND, min(now, (alert.resolved_at or now) + AROUND)


def points(rule: Rule, start: datetime, end: datetime, now: datetime) -> list[Point]:
    """The rule's number, window by window; none when its number is not kept over time."""
    step = _step(start, end, now)
    condition, first = rule.condition, start - rule.window
    if condition.kind is Kind.SHARE and condition.source in telemetry.TIMINGS:
        found = list(_share(condition, first, end, step, rule.window))
    elif condition.kind is Kind.RATE and condition.source in telemetry.COUNTS:
        found = list(_rate(condition, first, end, step, rule.window))
    elif condition.kind is Kind.LEVEL and condition.source in LEVELS:
        rows = store.level_series(condition.source, start, end, step)
        found = [Point(row.at + step, row.last) for row in rows]
    else:
        found = _told(rule, start, end)
    return [point for point in found if start <= point.at <= end + step]


def stretches(rule: str, start: datetime, end: datetime) -> list[Stretch]:
    """The phases of a rule, one after the other; from its first row on."""
    rows = AlertTransition.objects.filter(rule=rule, at__lte=end).order_by("-at", "-pk")
    recent = [row for row in rows.filter(at__gt=start)[:TRANSITIONS_MAX] if row.before != row.after][::-1]
    before = rows.filter(at__lte=start).first()
    phase = before.after if before else recent[0].before if recent else None
    if phase is None:
        return []
    turns = [(start, phase), *((row.at, row.after) for row in recent)]
    ends = [*(at for at, _ in turns[1:]), end]
    return [Stretch(at, to_at, phase) for (at, phase), to_at in zip(turns, ends, strict=True) if to_at > at]


def _step(start: datetime, end: datetime, now: datetime) -> timedelta:
    """As fine as was kept of that time, and not too many."""
    age, length = now - start, end - start
    finest = next(s for s, kept in ((10, 23), (60, 7 * 24 - 1), (3600, 400 * 24)) if age < timedelta(hours=kept))
    n = max(1, -(-length // (POINTS_MAX * timedelta(seconds=finest))))
    return n * timedelta(seconds=finest)


def _windows(rows: Sequence[tuple[datetime, float, float] | None], n: int) -> Iterator[tuple[float, float] | None]:
    """Sums of the last `n` rows; None while nobody measured."""
    window: deque[tuple[datetime, float, float] | None] = deque(maxlen=n)
    for row in rows:
        window.append(row)
        known = [one for one in window if one]
        yield (sum(one[1] for one in known), sum(one[2] for one in known)) if row else None


def _share(condition: Condition, start: datetime, end: datetime, step: timedelta, window: timedelta) -> Iterator[Point]:
    rows = store.series(condition.source, None, start, end, step)
    counted = [
        (row.at, row.histogram.over(condition.edge_ms), row.histogram.count) if row.histogram else None for row in rows
    ]
    for row, sums in zip(rows, _windows(counted, max(1, window // step)), strict=True):
        judged = sums is not None and sums[1] >= max(1, condition.min_samples)
        yield Point(row.at + step, sums[0] / sums[1] if judged and sums else None)


def _rate(condition: Condition, start: datetime, end: datetime, step: timedelta, window: timedelta) -> Iterator[Point]:
    rows = store.count_series(condition.source, None, start, end, step)
    n = max(1, window // step)
    counted = [(row.at, row.n, 0) if row.n is not None else None for row in rows]
    for row, sums in zip(rows, _windows(counted, n), strict=True):
        yield Point(row.at + step, None if sums is None else sums[0] / (n * step / timedelta(minutes=1)))


def _told(rule: Rule, start: datetime, end: datetime) -> list[Point]:
    """Where no series is kept: what was written down whenever the state changed."""
    rows = AlertTransition.objects.filter(rule=rule.name, at__gte=start, at__lte=end).order_by("at", "pk")
    return [Point(row.at, row.value) for row in rows[:TRANSITIONS_MAX]]
