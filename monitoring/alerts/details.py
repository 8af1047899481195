"""Where the trouble is, in a few words, when an alert fires: which monitor, which part, which kind of error."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from monitoring.alerts import gather
from monitoring.alerts.letters import one_line
from monitoring.alerts.rules import Kind, Rule
from monitoring.metrics import store
from monitoring.models import Alert, Outage, Source

SAID = 3  # of several


def describe(rule: Rule, at: datetime) -> str:
    """Empty when there is nothing to add to the figures."""
    source, start = rule.condition.source, at - rule.window
    if source.startswith("outages."):
        return _outages(source.removeprefix("outages."), at)
    if source in gather.ISSUES:
        found = gather.issues_within(source, start, at).select_related("issue")
        return _first([str(row.issue) for row in found[:SAID]], found.count())
    if rule.condition.kind is Kind.SHARE:
        slow = {label: h.over(rule.condition.edge_ms) for label, h in store.by_label(source, start, at).items()}
        return _worst(slow)
    if source in gather.COUNTED:
        metric, without = gather.COUNTED[source]
        return _worst({k: n for k, n in store.counts(metric, start, at).items() if k not in without})
    return ""


def _outages(kind: str, at: datetime) -> str:
    found = Outage.objects.filter(kind=kind, confirmed_at__lte=at).exclude(closed_at__lte=at).select_related("monitor")
    said = [f"{o.monitor.name}: {o.reason}" if o.reason else o.monitor.name for o in found[:SAID]]
    return _first(said, found.count())


def _worst(found: dict[str, int]) -> str:
    worst = sorted(((n, label) for label, n in found.items() if n), reverse=True)
    return _first([f"{label or 'all'} ({n})" for n, label in worst[:SAID]], len(worst))


def _first(said: list[str], of: int) -> str:
    short = [one_line(text, 90) for text in said]
    return "; ".join([*short, f"{of - len(said)} more"] if of > len(said) else short)


def news(alert: Alert, rule: Rule) -> Any:
    """The turning points that an alert is about, for the rules that count such; else nothing."""
    source, start = rule.condition.source, alert.began_at - rule.window
    until = alert.resolved_at or datetime.max.replace(tzinfo=alert.fired_at.tzinfo)
    return gather.issues_within(source, start, until) if source in gather.ISSUES else None


def release() -> str:
    """What ran when it happened: the release of the web process that measured last."""
    newest = Source.objects.filter(role=store.WEB).order_by("-flushed_at").first()
    return newest.release if newest else ""
