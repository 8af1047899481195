"""Judges every rule, window by window on the data's own clock, and writes down what changed and who has to be told.

Alert, row of history and mails are written in one transaction, or not at all: whoever is killed in between left
nothing half done, and the next one judges the same windows again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.db import transaction

from monitoring.alerts import actions, book, details, gather, notify, practice
from monitoring.alerts.gather import Facts
from monitoring.alerts.lifecycle import GAP, STEP, Phase, State, Transition, catch_up, new, ticks
from monitoring.alerts.rules import DEADMAN, Judgement, Kind, Reading, Rule, read
from monitoring.models import Alert, AlertTransition, Evaluation, RuleState

NAME: Final = "watch"
SETTLE: Final = timedelta(seconds=10)  # by then every process has written what it measured
UPSERT: Final[dict[str, Any]] = {  # what says to bulk_create that a row takes the place of the one that stands there
    "update_conflicts": True,
    "unique_fields": ["rule"],
    "update_fields": [field.name for field in RuleState._meta.fields if not field.primary_key],
}
Readings = Sequence[tuple[datetime, Reading]]


@dataclass(frozen=True, slots=True)
class Round:
    """The windows that one run judges, by their ends, oldest first."""

    moments: tuple[datetime, ...]
    until_at: datetime | None  # the last that was judged before
    resumed_at: datetime


def run(now: datetime) -> int:
    """Judge what is due; gives how many windows that were. A job of the watch process, safe to run twice."""
    due = _due(now)
    if not due.moments:
        return 0
    rules = [rule for rule in book.current() if rule.name != DEADMAN]
    gather.see_issues(due.moments[-1], now)
    facts = gather.facts(rules, due.moments[0], due.moments[-1], resumed_at=due.resumed_at)
    return judge(NAME, rules, gather.live(facts), due, now)


def _due(now: datetime) -> Round:
    end = _floor(now - SETTLE)
    row = Evaluation.objects.filter(name=NAME).first()
    if row is None or row.until_at > end + GAP:  # never, or the clock was set back
        return Round((end,), row.until_at if row else None, now)
    gone = end - row.until_at > GAP
    return Round(tuple(ticks(row.until_at, end)), row.until_at, now if gone else row.resumed_at)


def _floor(at: datetime) -> datetime:
    step_s = int(STEP.total_seconds())
    return datetime.fromtimestamp(at.timestamp() // step_s * step_s, UTC)


@transaction.atomic
def judge(name: str, rules: Sequence[Rule], facts: Facts, due: Round, now: datetime) -> int:
    """Judge these windows and write what follows, unless another process did meanwhile."""
    if not _claimed(name, due):
        return 0
    known = {row.rule: row for row in RuleState.objects.select_for_update()}
    alerts = {alert.rule: alert for alert in Alert.objects.select_for_update().filter(resolved_at=None)}
    for gone in alerts.keys() - book.BY_NAME.keys():
        actions.end(alerts.pop(gone), None, "The rule is no longer shipped.", now)
    ended: list[Alert] = []
    for rule in rules:
        readings = [(at, read(rule.condition, facts.snapshot(rule.window, at))) for at in due.moments]
        before = _reconciled(known.get(rule.name), alerts.get(rule.name), due.moments[0])
        after, rows = catch_up(rule, readings, before)
        ended += _written(rule, before, rows, readings, alerts)
        if rule.name in alerts and _outlives_drill(rule, alerts[rule.name], readings[-1]):
            ended.append(alerts.pop(rule.name))
            alerts[rule.name] = _real(rule, ended[-1], readings[-1])
            after = replace(after, fired_at=due.moments[-1])
        known[rule.name] = _row(rule, after, readings[-1][1])
    RuleState.objects.bulk_create([known[rule.name] for rule in rules], **UPSERT)
    states = {row.rule: _state(row) for row in known.values()}
    notify.run({rule.name: rule for rule in rules}, alerts, ended, states, now)
    return len(due.moments)


def _claimed(name: str, due: Round) -> bool:
    """Write how far we have come, if nobody came further since we looked."""
    values = {"until_at": due.moments[-1], "resumed_at": due.resumed_at}
    if due.until_at is None:
        return Evaluation.objects.get_or_create(name=name, defaults=values)[1]
    return Evaluation.objects.filter(name=name, until_at=due.until_at).update(**values) == 1


def _state(row: RuleState) -> State:
    return State(Phase(row.phase), row.since_at, row.evaluated_at, row.breach_at, row.clear_at, row.fired_at)


def _reconciled(row: RuleState | None, alert: Alert | None, now: datetime) -> State:
    """What is known of the rule; the alert has the last word on whether it is open."""
    state = _state(row) if row else new(now)
    if state.is_open == (alert is not None):
        return state
    phase = Phase.FIRING if alert else Phase.INACTIVE
    return State(phase, now, state.evaluated_at, fired_at=alert.fired_at if alert else None)


def _row(rule: Rule, state: State, reading: Reading) -> RuleState:
    return RuleState(
        rule=rule.name,
        phase=state.phase,
        since_at=state.since_at,
        evaluated_at=state.evaluated_at,
        breach_at=state.breach_at,
        clear_at=state.clear_at,
        fired_at=state.fired_at,
        judgement=reading.judgement,
        value=reading.value,
        samples=reading.samples,
        reason=reading.reason[:200],
    )


def _written(
    rule: Rule, before: State, rows: Sequence[Transition], readings: Readings, alerts: dict[str, Alert]
) -> list[Alert]:
    """Write the rows of one rule and its alerts; `alerts` holds the open ones. Gives those that ended."""
    ended, began_at = [], before.breach_at
    for row in rows:
        alert = alerts.get(rule.name)
        if row.after is Phase.PENDING:
            began_at = row.at
        elif row.after is Phase.FIRING and alert is None:
            alert = alerts[rule.name] = _opened(rule, row, began_at or row.at)
        elif row.after is Phase.RESOLVED and alert:
            alert.resolved_at, alert.late = max(row.at, alert.fired_at), row.late
            ended.append(alerts.pop(rule.name))
        if alert:
            _measured(alert, rule, readings)
        AlertTransition.objects.create(
            rule=rule.name,
            alert=alert,
            before=row.before,
            after=row.after,
            at=row.at,
            value=row.reading.value,
            samples=row.reading.samples,
            reason=row.reading.reason[:200],
            late=row.late,
        )
    if not rows and rule.name in alerts:
        _measured(alerts[rule.name], rule, readings)
    return ended


def _outlives_drill(rule: Rule, alert: Alert, last: tuple[datetime, Reading]) -> bool:
    """Whether an alert that a drill set off holds on for another reason."""
    at, reading = last
    return (
        alert.drill
        and reading.judgement is Judgement.BREACH
        and at > alert.fired_at
        and not practice.is_drill(rule, at)
    )


def _real(rule: Rule, drill: Alert, last: tuple[datetime, Reading]) -> Alert:
    """End a drill's alert, and open one that is no drill: with mails, an incident and an answer of its own."""
    at, reading = last
    drill.resolved_at = at
    drill.save(update_fields=["resolved_at"])
    row = Transition(rule.name, Phase.FIRING, Phase.FIRING, at, reading)
    fresh = _opened(rule, row, at)
    said = {"rule": rule.name, "at": at, "value": reading.value, "samples": reading.samples}
    AlertTransition.objects.create(
        alert=drill, before=Phase.FIRING, after=Phase.RESOLVED, reason="What goes on is no drill.", **said
    )
    AlertTransition.objects.create(
        alert=fresh, before=Phase.RESOLVED, after=Phase.FIRING, reason="It goes on beside or after a drill.", **said
    )
    return fresh


def _opened(rule: Rule, row: Transition, began_at: datetime) -> Alert:
    return Alert.objects.create(
        rule=rule.name,
        title=rule.title[:200],
        severity=rule.severity,
        began_at=min(began_at, row.at),
        fired_at=row.at,
        value=row.reading.value,
        peak=row.reading.value,
        samples=row.reading.samples,
        detail=details.describe(rule, row.at)[:300],
        release=details.release()[:64],
        drill=practice.is_drill(rule, row.at),
    )


def _measured(alert: Alert, rule: Rule, readings: Readings) -> None:
    """The worst and the last while it was open, and how much of what it counts has come."""
    worse = min if rule.condition.kind is Kind.LEFT else max
    until = alert.resolved_at or readings[-1][0]
    values = [r.value for at, r in readings if alert.fired_at <= at <= until and r.value is not None]
    if values:
        alert.last = values[-1]
        alert.peak = worse(values if alert.peak is None else [alert.peak, *values])
        alert.samples = readings[-1][1].samples or alert.samples
    if (news := details.news(alert, rule)) is not None:
        alert.news = news.count()
    alert.save()
