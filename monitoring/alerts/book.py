"""The rules as they hold now: those that ship, with what staff made of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Final

from monitoring.alerts.rules import SHIPPED, Rule, problems
from monitoring.models import RuleSetting

BY_NAME: Final[dict[str, Rule]] = {rule.name: rule for rule in SHIPPED}


def current() -> tuple[Rule, ...]:
    """Every rule that is judged, in the order in which they ship."""
    settings = {row.name: row for row in RuleSetting.objects.all()}
    return tuple(
        as_set(rule, settings.get(rule.name))
        for rule in SHIPPED
        if rule.name not in settings or settings[rule.name].enabled
    )


def one(name: str) -> Rule:
    """One rule as it is set, also when it is switched off. Raises KeyError for a name that doesn't ship."""
    return as_set(BY_NAME[name], RuleSetting.objects.filter(name=name).first())


def as_set(rule: Rule, row: RuleSetting | None) -> Rule:
    """A rule with a row's values; with its own when the row's are no longer within bounds."""
    if row is None:
        return rule
    condition = replace(
        rule.condition, over=row.over, clear=row.clear, edge_ms=row.edge_ms, min_samples=row.min_samples
    )
    candidate = replace(
        rule,
        condition=condition,
        window=timedelta(seconds=row.window_s),
        hold=timedelta(seconds=row.hold_s),
        keep=timedelta(seconds=row.keep_s),
    )
    return rule if problems(candidate) else candidate


def values(rule: Rule, *, enabled: bool = True) -> dict[str, float | bool]:
    """What of a rule can be set, by the names of RuleSetting's fields."""
    return {
        "over": rule.condition.over,
        "clear": rule.condition.clear,
        "edge_ms": rule.condition.edge_ms,
        "min_samples": rule.condition.min_samples,
        "window_s": int(rule.window.total_seconds()),
        "hold_s": int(rule.hold.total_seconds()),
        "keep_s": int(rule.keep.total_seconds()),
        "enabled": enabled,
    }
