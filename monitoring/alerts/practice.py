"""Whether what a rule sees is a drill's doing and nothing else's: what is real trouble is never marked as a drill."""

from __future__ import annotations

from datetime import datetime

from monitoring.alerts import gather
from monitoring.alerts.rules import Judgement, Rule, read
from monitoring.alerts.snapshot import Snapshot
from monitoring.drills import effects
from monitoring.drills import record as drills
from monitoring.metrics import store
from monitoring.models import Outage
from signals import telemetry


def is_drill(rule: Rule, at: datetime) -> bool:
    """Asked while the rule is over its threshold. Slowness alone is told by the time: one wait looks like another."""
    source = rule.condition.source
    if source.startswith("outages."):
        return _outages(source.removeprefix("outages."), at)
    if source in gather.ISSUES:
        return _issues(rule, at)
    if source == telemetry.ERRORS:
        return not _breached_without(rule, at)
    return drills.cause_of(rule.name, at) is not None


def _outages(kind: str, at: datetime) -> bool:
    """Outages know whose they are, and cease to be a drill's when they outlive it.

    One may have closed since the rule's numbers were read, to a moment before them: then the last one tells.
    """
    known = Outage.objects.filter(kind=kind, confirmed_at__lte=at)
    found = known.exclude(closed_at__lte=at) or known.order_by("-closed_at")[:1]
    return {outage.drill for outage in found} == {True}


def _issues(rule: Rule, at: datetime) -> bool:
    found = gather.issues_within(rule.condition.source, at - rule.window, at)
    made = {(slug, name) == effects.ISSUE for slug, name in found.values_list("issue__project__slug", "issue__type")}
    return made == {True}


def _breached_without(rule: Rule, at: datetime) -> bool:
    """Whether the errors that the drill did not raise are too many by themselves."""
    start = at - rule.window
    others = store.counts(rule.condition.source, start, at)
    drilled = others.pop(effects.COMPONENT, 0)
    if not drilled:
        return True
    left = Snapshot(start, at, counts={rule.condition.source: float(sum(others.values()))})
    return read(rule.condition, left).judgement is Judgement.BREACH
