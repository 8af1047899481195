"""Who has to be told of what, after the rules were judged: first mails, more, reminders, escalations, recoveries.

Runs within the transaction that wrote the alerts. A mail is owed from here on; it is worded only when it goes, so that
what fires or ends within the time of grouping is still in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

from django.db.models import Max, Q, QuerySet

from monitoring.alerts import post
from monitoring.alerts.lifecycle import (
    FOLLOWS,
    MAIL_EVERY,
    Mail,
    Mailed,
    Mute,
    State,
    first_mail_at,
    last_mail_at,
    mail_due,
    muted_by,
)
from monitoring.alerts.rules import Rule
from monitoring.models import Alert, AlertTransition, Maintenance, OutboxMail, RuleState, Silence

EVERYTHING: Final = "*"
Kind = OutboxMail.Kind


def run(
    rules: Mapping[str, Rule],
    alerts: Mapping[str, Alert],
    ended: Iterable[Alert],
    states: Mapping[str, State],
    now: datetime,
) -> None:
    """Owe the mails that are due: `alerts` are open, `ended` just ended; only those of `rules` are looked at."""
    for alert in ended:
        if not alert.late:
            _over(alert, now)
    mutes = _mutes(now)
    for name, alert in alerts.items():
        if name not in rules:
            continue
        _mute(alert, muted_by(rules[name], states, mutes, now, alert.muted) or "", now)
        if not alert.muted:
            _tell(alert, now)


def _mutes(now: datetime) -> list[Mute]:
    silences = Silence.objects.filter(from_at__lte=now, to_at__gt=now)
    work = Maintenance.objects.filter(from_at__lte=now, to_at__gt=now)
    return [s.mute for s in silences] + [Mute(w.from_at, w.to_at, EVERYTHING) for w in work]


def _mute(alert: Alert, why: str, now: datetime) -> None:
    """Say in the history that it is muted, or heard again; a mail that has not gone is taken back."""
    if why == alert.muted:
        return
    alert.muted = why
    if why:
        _take_back(alert, Kind.FIRED)
    alert.save(update_fields=["muted", "heard_at", "told_at"])
    state = RuleState.objects.get(rule=alert.rule)
    AlertTransition.objects.create(
        rule=alert.rule,
        alert=alert,
        before=state.phase,
        after=state.phase,
        at=now,
        reason=f"Not mailed: {why}."[:200] if why else "To be mailed again.",
    )


def _take_back(alert: Alert, kind: OutboxMail.Kind) -> bool:
    """Take an alert out of the mails that have not gone; whether there were any. An empty mail goes nowhere."""
    waiting = list(_unworded(kind).filter(alerts=alert))
    for mail in waiting:
        mail.alerts.remove(alert)
        if not mail.alerts.exists():
            mail.delete()
    if waiting and kind == Kind.FIRED:
        alert.heard_at = alert.told_at = None
    return bool(waiting)


def _unworded(kind: OutboxMail.Kind) -> QuerySet[OutboxMail]:
    return OutboxMail.objects.filter(kind=kind, state=OutboxMail.State.WAITING, rendered_at=None)


def _tell(alert: Alert, now: datetime) -> None:
    if alert.heard_at is None:
        _first(alert, now)
        return
    mailed = Mailed(
        alert.fired_at,
        alert.heard_at,
        alert.reminded_at,
        alert.escalated_at,
        alert.acknowledged_at,
        alert.told_at,
        alert.news > alert.news_told and not _unworded(Kind.MORE).filter(alerts=alert).exists(),
    )
    due = mail_due(mailed, critical=alert.critical, rule_mailed_at=None, now=now)
    if due is None or _unworded(Kind.FIRED).filter(alerts=alert).exists():
        return
    kind = Kind(due.value)
    if due is Mail.ESCALATION:
        alert.escalated_at = now
    elif due is Mail.REMINDER:
        alert.reminded_at = now
    also = alert.escalated_at is not None and due is not Mail.ESCALATION
    group = [] if also else _joined(kind, alert, now, now)
    group = group or post.to_everybody(kind, escalation=due is Mail.ESCALATION, also=also, now=now, due_at=now)
    _owe(alert, group)
    alert.told_at = now
    alert.save(update_fields=["told_at", "reminded_at", "escalated_at"])


def _first(alert: Alert, now: datetime) -> None:
    """The first mail, together with others that wait, but never within five minutes of the rule's last one."""
    rule_mailed_at = _rule_mailed_at(alert, now)
    free_at = rule_mailed_at + MAIL_EVERY if rule_mailed_at else alert.fired_at
    due_at = max(first_mail_at(alert.fired_at, rule_mailed_at), now)
    group = _joined(Kind.FIRED, alert, free_at, due_at) or post.to_everybody(Kind.FIRED, now=now, due_at=due_at)
    _owe(alert, group)
    alert.heard_at = alert.told_at = group[0].due_at
    alert.save(update_fields=["heard_at", "told_at"])
    for before in Alert.objects.filter(rule=alert.rule, closed_at__gt=now):  # that mail says it too: it is back
        if _take_back(before, Kind.RESOLVED):
            before.closed_at = alert.heard_at
            before.save(update_fields=["closed_at"])


def _rule_mailed_at(alert: Alert, now: datetime) -> datetime | None:
    """When a mail about any alert of its rule was last due. A drill's mails hold back no others."""
    times = Alert.objects.filter(rule=alert.rule, drill=alert.drill).aggregate(
        told=Max("told_at"), closed=Max("closed_at", filter=Q(closed_at__lte=now))
    )
    return max(filter(None, times.values()), default=None)


def _joined(kind: OutboxMail.Kind, alert: Alert, not_before: datetime, not_after: datetime) -> Sequence[OutboxMail]:
    """The mails of a group that waits, one for each person."""
    waiting = _unworded(kind).filter(due_at__gte=not_before, due_at__lte=not_after, alerts__drill=alert.drill)
    first = waiting.order_by("due_at").first()
    return list(waiting.filter(due_at=first.due_at).distinct()) if first else []


def _owe(alert: Alert, mails: Iterable[OutboxMail]) -> None:
    for mail in mails:
        mail.alerts.add(alert)


def _over(alert: Alert, now: datetime) -> None:
    """Whoever heard of it hears that it is over; who has not heard yet gets the one mail that says both."""
    if alert.heard_at is None or alert.told_at is None:
        return
    heard = OutboxMail.objects.filter(alerts=alert, rendered_at__isnull=False).order_by("pk")
    if not heard:
        return
    due_at = last_mail_at(now, alert.told_at)
    for recipient, address in dict.fromkeys((mail.recipient, mail.address) for mail in heard):
        group = [m for m in _joined(Kind.RESOLVED, alert, alert.told_at + MAIL_EVERY, due_at) if m.address == address]
        mails = group or [post.put(Kind.RESOLVED, recipient, address=address, now=now, due_at=due_at)]
        _owe(alert, mails)
        alert.closed_at = mails[0].due_at
    alert.save(update_fields=["closed_at"])


def is_story(alert: Alert) -> bool:
    """Whether people work on it: somebody heard of it, or it follows from what they heard of."""
    return not alert.late and (alert.heard_at is not None or alert.muted.startswith(FOLLOWS))
