"""Invented alerts: what would have fired in bad times, who was mailed, and the incidents that staff made of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Final, NamedTuple
from uuid import UUID

from monitoring.alerts import post
from monitoring.alerts.lifecycle import Phase
from monitoring.alerts.rules import SHIPPED
from monitoring.incidents import actions
from monitoring.incidents.stages import QUIET_AFTER, Firing, Verdict
from monitoring.models import Alert, AlertTransition, IncidentSync, IssueTransition, MailAttempt, OutboxMail
from monitoring.seeding.plan import Happening, Plan, Sort

_RULES: Final = {rule.name: rule for rule in SHIPPED}
ADDRESS: Final = "on-call@example.org"
CAUSES: Final = {
    Sort.DOWN: "The kernel killed the server for want of memory.",
    Sort.SLOW: "The nightly backup ran in the evening and kept the disk busy.",
    Sort.ERRORS: "The new version held the database for too long while it wrote reports.",
}
FOLLOW_UPS: Final = "Move the backup to the night.\nLook at the disk's waiting time every week."


class Fires(NamedTuple):
    """One time that a rule fired."""

    rule: str
    began_at: datetime
    ended_at: datetime
    peak: float
    cause: Sort | None


def write(plan: Plan) -> None:
    """Alerts, their history, their mails; then the incidents, in order of time."""
    draw = plan.draw("alerts")
    found = sorted(_fires(plan), key=lambda one: one.began_at)
    story: list[Fires] = []
    for one in found:
        if story and one.began_at - max(f.ended_at for f in story) >= QUIET_AFTER:
            _incident(story, draw)
            story = []
        story.append(one)
    if story:
        _incident(story, draw)
    IncidentSync.objects.update_or_create(pk=1, defaults={"at": plan.now})


def _fires(plan: Plan) -> Iterator[Fires]:
    minute = timedelta(minutes=1)
    for happening in plan.all(Sort.DOWN, Sort.SLOW, Sort.ERRORS):
        for rule, peak in _rules_of(happening):
            yield Fires(rule, happening.start + minute, happening.end + 3 * minute, peak, happening.sort)
    turns = IssueTransition.objects.filter(kind__in=("new", "regression")).order_by("at", "pk")
    for kind, at in turns.values_list("kind", "at"):
        rule = "new-issue" if kind == "new" else "regression"
        if plan.all(Sort.DEPLOY)[0].start + timedelta(days=2) < at < plan.now - timedelta(minutes=20):
            yield Fires(rule, at, at + 5 * minute, 1.0, None)


def _rules_of(happening: Happening) -> list[tuple[str, float]]:
    """Which rules a happening makes fire, and how bad each becomes."""
    if happening.sort is Sort.DOWN:
        return [("service-down", 2.0)]
    if happening.sort is Sort.ERRORS:
        name = "error-rate-critical" if happening.share > 10 else "error-rate-warning"
        return [(name, happening.share)]
    critical = happening.share * 0.6 > 0.05  # of what is slow, so much takes over 2 s
    return [(f"slow-ws-message-{'critical' if critical else 'warning'}", happening.share)]


def _incident(story: list[Fires], draw: Random) -> None:
    """Tell it as staff did: had within minutes, mended, and written up unless it was nothing."""
    alerts = [_alert(one, draw) for one in story]
    for alert in alerts:
        firing = Firing(str(alert.key), alert.rule, alert.title, alert.severity, alert.fired_at, alert.resolved_at)
        incident = actions.attach(firing, alert.fired_at)
    end = max(one.ended_at for one in story)
    had_at = alerts[0].acknowledged_at or alerts[0].fired_at
    actions.acknowledge(incident, by=None, now=had_at)
    actions.investigate(incident, by=None, now=had_at + timedelta(minutes=2))
    cause = next((one.cause for one in story if one.cause), None)
    verdict = Verdict.REAL if cause else draw.choice((Verdict.REAL, Verdict.REAL, Verdict.REAL, Verdict.FALSE_ALARM))
    words = CAUSES[cause] if cause else "A mistake in the last version."
    follow_ups = FOLLOW_UPS if cause else ""
    done_at = max(end, had_at + timedelta(minutes=2)) + timedelta(minutes=draw.randrange(2, 40))
    hit = draw.randrange(20, 180) if cause else None
    actions.resolve(
        incident, verdict=verdict, cause=words, follow_ups=follow_ups, sessions_hit=hit, by=None, now=done_at
    )
    if cause:
        incident.refresh_from_db()
        actions.document(incident, write_up=incident.write_up, by=None, now=done_at + timedelta(hours=15))


def _alert(one: Fires, draw: Random) -> Alert:
    rule = _RULES[one.rule]
    fired_at = one.began_at + rule.hold
    acknowledged_at = fired_at + timedelta(seconds=draw.randrange(40, 280))
    alert = Alert.objects.create(
        key=UUID(int=draw.getrandbits(128), version=4),
        rule=one.rule,
        title=rule.title,
        severity=rule.severity,
        began_at=one.began_at,
        fired_at=fired_at,
        resolved_at=one.ended_at,
        acknowledged_at=min(acknowledged_at, one.ended_at),
        acknowledged_name="on call",
        value=one.peak,
        peak=one.peak,
        last=0.0,
        samples=draw.randrange(200, 4000),
        heard_at=fired_at,
        told_at=one.ended_at,
        closed_at=one.ended_at,
    )
    steps = ((Phase.INACTIVE, Phase.FIRING, fired_at), (Phase.FIRING, Phase.RESOLVED, one.ended_at))
    AlertTransition.objects.bulk_create(
        AlertTransition(rule=one.rule, alert=alert, before=before, after=after, at=at, value=one.peak)
        for before, after, at in steps
    )
    _mail(alert, OutboxMail.Kind.FIRED, fired_at, draw)
    _mail(alert, OutboxMail.Kind.RESOLVED, one.ended_at, draw)
    return alert


def _mail(alert: Alert, kind: OutboxMail.Kind, at: datetime, draw: Random) -> None:
    key = UUID(int=draw.getrandbits(128), version=4)
    sent_at = at + timedelta(seconds=30 + draw.random() * 6)
    mail = OutboxMail.objects.create(
        key=key,
        kind=kind,
        state=OutboxMail.State.SENT,
        address=ADDRESS,
        subject=f"{alert.title} (invented)",
        text="Invented: nobody was mailed.",
        message_id=post.message_id(key),
        created_at=at,
        due_at=at,
        next_attempt_at=at,
        rendered_at=sent_at,
        attempts=1,
        sent_at=sent_at,
    )
    mail.alerts.add(alert)
    MailAttempt.objects.create(mail=mail, at=sent_at, outcome=MailAttempt.Outcome.ACCEPTED, reply="250 OK", took_ms=80)
