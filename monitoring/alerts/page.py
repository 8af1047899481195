"""docs/monitoring/ALERTS.md, written from the rules: `python -m monitoring.alerts.page > docs/monitoring/ALERTS.md`."""

from __future__ import annotations

import sys
from datetime import timedelta

from monitoring.alerts.rules import SHIPPED, Condition, Kind, Rule


def _time(duration: timedelta) -> str:
    seconds = round(duration.total_seconds())
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds and seconds % size == 0:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _when(condition: Condition) -> str:
    source, over = f"`{condition.source}`", f"{condition.over:g}"
    match condition.kind:
        case Kind.SHARE:
            return f"over {condition.over:.0%} of {source} take over {condition.edge_ms} ms"
        case Kind.RATE:
            return f"{source} over {over} a minute"
        case Kind.COUNT:
            return f"more than {over} {source} in the window"
        case Kind.LEVEL:
            return f"{source} over {over}"
        case Kind.LEFT:
            return f"{source} under {over}"
        case Kind.AGE:
            return f"{source} over {over} s ago"


def _row(rule: Rule) -> str:
    condition = rule.condition
    cells = (
        f"`{rule.name}`",
        rule.severity.value,
        _when(condition),
        f"{condition.clear:.0%}" if condition.kind is Kind.SHARE else f"{condition.clear:g}",
        _time(rule.window),
        _time(rule.hold),
        _time(rule.keep),
        str(condition.min_samples) if condition.kind is Kind.SHARE else "",
        ", ".join(f"`{name}`" for name in rule.inhibited_by),
    )
    return f"| {' | '.join(cells)} |"


def markdown() -> str:
    """The whole page."""
    head = (
        "# Alerts\n\n"
        "Written from `monitoring/alerts/rules.py` and held to it by a test; change the rules, not this page.\n\n"
        "A rule fires once its condition has held for `for`, and resolves once the value has been at or under the\n"
        "lower bound for `keep`. No data and an evaluation error are states of their own; an alert that is open stays\n"
        "open through both. An open alert that follows from another open one is muted; after an outage also\n"
        "until its window holds nothing of that time.\n\n"
        "| rule | severity | fires when | lower bound | window | for | keep | least samples | follows from |\n"
        "|---|---|---|---|---|---|---|---|---|\n"
    )
    return head + "\n".join(_row(rule) for rule in SHIPPED) + "\n"


if __name__ == "__main__":
    sys.stdout.write(markdown())
