"""What is drawn across a chart: our targets, and where the rules of today speak up."""

from __future__ import annotations

from monitoring.alerts import book
from monitoring.alerts.rules import Kind
from monitoring.boards.chart import Threshold
from monitoring.metrics import targets
from monitoring.metrics.targets import TARGETS, Target


def of_rules(source: str) -> list[Threshold]:
    """Where the rules about this source fire; for a timing, the time that P95 has to stay under."""
    found = []
    for rule in book.current():
        condition, severity = rule.condition, str(rule.severity)
        if condition.source == source and condition.kind is Kind.SHARE:
            of = f"P{100 - condition.over * 100:g}"
            found.append(Threshold(f"{severity} for {of}", float(condition.edge_ms), severity, of))
        elif condition.source == source:
            found.append(Threshold(severity, condition.over, severity))
    return sorted(found, key=lambda threshold: threshold.value)


def of_timing(metric: str, reading: str = "") -> list[Threshold]:
    """The target of this timing (or that of any answer's P50), then its rules (or the targets of P95 and P99).

    With a reading, such as P95, only what is said of that one.
    """
    own = [target for target in TARGETS if target.metric == metric and target.label is None]
    rest = of_rules(metric) or [_drawn(targets.P95), _drawn(targets.P99)]
    found = [*(_drawn(target) for target in own or [targets.P50]), *rest]
    return [threshold for threshold in found if not reading or threshold.of == reading]


def _drawn(target: Target) -> Threshold:
    return Threshold(f"target for {target.reading}", target.limit, of=str(target.reading))
