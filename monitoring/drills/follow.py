"""How a drill went: when its first alert fired, was mailed, was acknowledged, and when the last one ended."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.db.models import Max, Min, QuerySet

from monitoring.drills import record
from monitoring.drills.effects import TRACES, Kind
from monitoring.models.alerts import Alert, OutboxMail
from monitoring.models.drills import Drill

GIVEN_UP: Final = timedelta(hours=6)  # a drill that nobody noticed by then was missed
EARLY: Final = timedelta(seconds=25)  # measures stand under the begin of their 10 s, windows end on a step of 15 s
STEPS: Final = ("in_effect_at", "detected_at", "mailed_at", "acknowledged_at", "ended_at", "resolved_at")


def alerts_of(drill: Drill) -> QuerySet[Alert]:
    """What fired because of it."""
    until = (drill.ended_at or drill.ends_at) + TRACES[Kind(drill.kind)]
    return Alert.objects.filter(drill=True, fired_at__gte=drill.started_at - EARLY, fired_at__lte=until)


def run(now: datetime) -> int:
    """Write down what is new of every drill that is not over for good; a job of the watch."""
    record.close(now)
    pending = Drill.objects.filter(resolved_at=None, started_at__gt=now - GIVEN_UP)
    return sum(_follow(drill, now) for drill in pending)


def _follow(drill: Drill, now: datetime) -> bool:
    alerts = alerts_of(drill)
    times = alerts.aggregate(fired=Min("fired_at"), acknowledged=Min("acknowledged_at"), resolved=Max("resolved_at"))
    sent = OutboxMail.objects.filter(alerts__in=alerts, state=OutboxMail.State.SENT).aggregate(at=Min("sent_at"))
    detected_at = max(times["fired"], drill.started_at) if times["fired"] else None
    fresh = {"detected_at": detected_at, "mailed_at": sent["at"], "acknowledged_at": times["acknowledged"]}
    if _is_over(drill, alerts, now):
        fresh["resolved_at"] = times["resolved"]
    changed = {name: at for name, at in fresh.items() if at != getattr(drill, name)}
    return bool(changed and Drill.objects.filter(pk=drill.pk).update(**changed))


def _is_over(drill: Drill, alerts: QuerySet[Alert], now: datetime) -> bool:
    """Ended so long ago that nothing more can fire of it, and nothing of it is open."""
    ended = drill.ended_at is not None and now > drill.ended_at + TRACES[Kind(drill.kind)]
    return ended and not alerts.filter(resolved_at=None).exists()
