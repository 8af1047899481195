"""How well alerts served: time to acknowledge, time to resolve and the share of false alarms, by rule."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from monitoring.models import Incident


@dataclass(frozen=True, slots=True)
class RuleRecord:
    """Medians over resolved incidents that a rule began; drills count for the times and not for the share."""

    rule: str
    incidents: int
    to_acknowledge: timedelta | None
    to_resolve: timedelta | None
    false_share: float | None


def _median(durations: list[timedelta]) -> timedelta | None:
    return timedelta(seconds=median(d.total_seconds() for d in durations)) if durations else None


def by_rule(since: datetime, until: datetime) -> list[RuleRecord]:
    """Rules with a resolved incident that was detected in the range, the most frequent first."""
    grouped: dict[str, list[Incident]] = defaultdict(list)
    for incident in Incident.objects.filter(
        detected_at__gte=since, detected_at__lt=until, resolved_at__isnull=False
    ).order_by("rule"):
        grouped[incident.rule].append(incident)
    records = [_record(rule, incidents) for rule, incidents in grouped.items()]
    return sorted(records, key=lambda record: (-record.incidents, record.rule))


def _record(rule: str, incidents: list[Incident]) -> RuleRecord:
    judged = [i for i in incidents if i.verdict != Incident.Verdict.DRILL]
    false = sum(i.verdict == Incident.Verdict.FALSE_ALARM for i in judged)
    return RuleRecord(
        rule=rule,
        incidents=len(incidents),
        to_acknowledge=_median([i.acknowledged_at - i.detected_at for i in incidents if i.acknowledged_at]),
        to_resolve=_median([i.resolved_at - i.detected_at for i in incidents if i.resolved_at]),
        false_share=false / len(judged) if judged else None,
    )
