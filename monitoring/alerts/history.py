"""A rule's number and its state over a stretch of time, as far as they were kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from monitoring.alerts import gather
from monitoring.alerts.rules import Judgement, Rule, read
from monitoring.metrics.tiers import KEPT, TIERS_S
from monitoring.models import Alert, AlertTransition

AROUND: Final = timedelta(minutes=20)  # shown before and after an alert
POINTS_MAX: Final = 200
TRANSITIONS_MAX: Final = 500


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
    """What the rule saw, window by window, read exactly as it is judged; at a coarser grain the older it is."""
    tier_s = _tier_s(now - start)
    step = timedelta(seconds=tier_s * max(1, -(-(end - start) // (POINTS_MAX * timedelta(seconds=tier_s)))))
    facts = gather.facts([rule], start, end, tier_s=tier_s)
    found, at = [], _floor(start, step) + step
    while at <= end:
        reading = read(rule.condition, facts.snapshot(rule.window, at))
        found.append(Point(at, None if reading.judgement is Judgement.TOO_FEW else reading.value))
        at += step
    return found


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


def _tier_s(age: timedelta) -> int:
    """The finest slots that are still kept of a time so long ago."""
    return next((tier_s for tier_s, kept in KEPT.items() if age < kept - timedelta(hours=1)), TIERS_S[-1])


def _floor(at: datetime, step: timedelta) -> datetime:
    step_s = int(step.total_seconds())
    return datetime.fromtimestamp(at.timestamp() // step_s * step_s, UTC)
