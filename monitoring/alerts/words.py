"""A rule's numbers in words."""

from __future__ import annotations

from datetime import timedelta

from monitoring.alerts.rules import Condition, Kind


def figure(condition: Condition, value: float | None) -> str:
    if value is None:
        return "unknown"
    return f"{value:.1%}" if condition.kind is Kind.SHARE else f"{value:.4g}"


def limit(condition: Condition) -> str:
    return f"at most {figure(condition, condition.over)}"


def duration(span: timedelta) -> str:
    return f"{max(0, round(span.total_seconds()))} s"
