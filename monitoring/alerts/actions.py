"""What people do about alerts: the one home of these writes, each with its row of history in the same transaction."""

from __future__ import annotations

import secrets
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Final

from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db import transaction

from monitoring.alerts import book, post, tokens
from monitoring.alerts.letters import one_line
from monitoring.alerts.lifecycle import Mute, Phase
from monitoring.alerts.rules import SHIPPED, Judgement, edited
from monitoring.incidents import actions as incidents
from monitoring.incidents.stages import NotNow as IncidentNotNow
from monitoring.models import (
    Alert,
    AlertTransition,
    Incident,
    OutboxMail,
    Recipient,
    RuleChange,
    RuleSetting,
    RuleState,
    Silence,
)

Person = AbstractBaseUser | None
SILENCE_MOST: Final = timedelta(days=30)
RECIPIENTS_MOST: Final = 50
VERIFY_EVERY: Final = timedelta(minutes=1)


class NotNow(ValueError):
    """What can't be done, in a sentence for whoever tried."""


def acknowledge(alert: Alert, *, by: Person | Recipient, now: datetime) -> Alert:
    """Somebody has it: nobody else is woken for it. Raises NotNow when somebody was first, or it is over."""
    with transaction.atomic():
        fresh = Alert.objects.select_for_update().get(pk=alert.pk)
        if fresh.acknowledged_at:
            raise NotNow(
                f"{fresh.acknowledged_name or 'Somebody'} acknowledged it at {fresh.acknowledged_at:%H:%M} UTC."
            )
        if fresh.resolved_at:
            raise NotNow(f"It was over at {fresh.resolved_at:%H:%M} UTC.")
        person = None if isinstance(by, Recipient) else by
        fresh.acknowledged_at, fresh.acknowledged_by_id = now, person.pk if person else None
        fresh.acknowledged_name = (by.name if isinstance(by, Recipient) else str(by or ""))[:150]
        fresh.save(update_fields=["acknowledged_at", "acknowledged_by", "acknowledged_name"])
        _tell(fresh, f"Acknowledged by {fresh.acknowledged_name or 'somebody'}.", now, person)
    _acknowledge_incident(fresh, person, now)
    return fresh


def acknowledge_mail(token: str, *, now: datetime) -> list[Alert]:
    """Acknowledge every alert of a mail that still needs it. Raises BadLink, and NotNow when none does."""
    mail = tokens.mail_of(token)
    done, refusal = [], NotNow("There is nothing to acknowledge.")
    for alert in mail.alerts.order_by("fired_at"):
        try:
            done.append(acknowledge(alert, by=_reader(mail), now=now))
        except NotNow as said:
            refusal = said
    if not done:
        raise refusal
    return done


def _reader(mail: OutboxMail) -> Recipient:
    return mail.recipient or Recipient(name=mail.address or "somebody by mail")


def _acknowledge_incident(alert: Alert, by: Person, now: datetime) -> None:
    incident = Incident.objects.filter(alerts__key=str(alert.key), stage=Incident.Stage.DETECTED).first()
    if incident:
        with suppress(IncidentNotNow):  # somebody was quicker
            incidents.acknowledge(incident, by=by, now=now)


@transaction.atomic
def resolve(alert: Alert, *, by: Person, why: str, now: datetime) -> Alert:
    """End an alert whose rule can no longer tell. Raises NotNow while its condition holds: it would fire at once."""
    if not why.strip():
        raise NotNow("Say why it is over.")
    fresh = Alert.objects.select_for_update().get(pk=alert.pk)
    if fresh.resolved_at:
        raise NotNow("It is over already.")
    state = RuleState.objects.select_for_update().filter(rule=fresh.rule).first()
    if state and state.judgement == Judgement.BREACH:
        raise NotNow("Its condition still holds. Mend it, or silence the rule for a while.")
    end(fresh, state, f"Resolved by {by or 'somebody'}: {why.strip()}", now, by)
    return fresh


def end(alert: Alert, state: RuleState | None, reason: str, now: datetime, by: Person = None) -> None:
    """Close an alert outside the evaluation of its rule; within a transaction of the caller."""
    before = Phase(state.phase) if state else Phase.FIRING
    alert.resolved_at = max(now, alert.fired_at)
    alert.save(update_fields=["resolved_at"])
    if state:
        state.phase, state.since_at = Phase.RESOLVED, now
        state.fired_at = state.clear_at = state.breach_at = None
        state.save()
    _row(alert, (before, Phase.RESOLVED), reason, now, by)


def _tell(alert: Alert, reason: str, now: datetime, by: Person) -> None:
    state = RuleState.objects.filter(rule=alert.rule).first()
    phase = Phase(state.phase) if state else Phase.FIRING
    _row(alert, (phase, phase), reason, now, by)


def _row(alert: Alert, phases: tuple[Phase, Phase], reason: str, now: datetime, by: Person) -> None:
    AlertTransition.objects.create(
        rule=alert.rule,
        alert=alert,
        before=phases[0],
        after=phases[1],
        at=now,
        value=alert.last,
        samples=alert.samples,
        reason=reason[:200],
        by_id=by.pk if by else None,
    )


# --- silences --------------------------------------------------------------------------------------------------------


def silence(matcher: str, *, from_at: datetime, to_at: datetime, reason: str, by: Person, now: datetime) -> Silence:  # noqa: PLR0913
    """Don't mail about these rules for a while. Raises NotNow, with the sentence, when that makes no sense."""
    matcher, reason = matcher.strip(), one_line(reason, 200)
    if not any(Mute(from_at, to_at, matcher).fits(rule) for rule in SHIPPED):
        raise NotNow("No rule has such a name.")
    if not reason:
        raise NotNow("Say why.")
    if not now <= to_at or not from_at < to_at <= from_at + SILENCE_MOST:
        raise NotNow(f"It has to end after it begins, in the future, and within {SILENCE_MOST.days} days.")
    return Silence.objects.create(
        from_at=from_at, to_at=to_at, matcher=matcher, reason=reason, by_id=by.pk if by else None, created_at=now
    )


def end_silence(silence: Silence, *, now: datetime) -> Silence:
    """Be heard again from now on. Raises NotNow when it is over; one that has not begun is taken back."""
    if silence.to_at <= now:
        raise NotNow("It is over already.")
    silence.to_at = max(now, silence.from_at + timedelta(seconds=1))
    silence.save(update_fields=["to_at"])
    return silence


# --- rules -----------------------------------------------------------------------------------------------------------


@transaction.atomic
def edit_rule(  # noqa: PLR0913 - all that staff may change, and who did it
    name: str,
    *,
    over: float | None = None,
    clear: float | None = None,
    edge_ms: int | None = None,
    min_samples: int | None = None,
    window: timedelta | None = None,
    hold: timedelta | None = None,
    keep: timedelta | None = None,
    enabled: bool | None = None,
    by: Person,
    why: str,
    now: datetime,
) -> RuleSetting:
    """Set a rule anew, with its version and who and why. Raises NotNow with every problem; nothing is changed then."""
    if name not in book.BY_NAME:
        raise NotNow("There is no such rule.")
    if not (why := one_line(why, 300)):
        raise NotNow("Say why.")
    row = RuleSetting.objects.select_for_update().filter(name=name).first()
    was = book.as_set(book.BY_NAME[name], row)
    was_enabled = row.enabled if row else True
    times = {k: v for k, v in (("window", window), ("hold", hold), ("keep", keep)) if v is not None}
    try:
        rule = edited(was, over=over, clear=clear, edge_ms=edge_ms, min_samples=min_samples, **times)
    except ValueError as error:
        raise NotNow(str(error)) from error
    before = book.values(was, enabled=was_enabled)
    after = book.values(rule, enabled=was_enabled if enabled is None else enabled)
    if before == after:
        raise NotNow("Nothing would change.")
    return _kept(name, before, after, by=by, why=why, now=now)


def _kept(  # noqa: PLR0913
    name: str, before: dict[str, Any], after: dict[str, Any], *, by: Person, why: str, now: datetime
) -> RuleSetting:
    last = RuleChange.objects.filter(rule=name).order_by("-version").first()
    version = last.version + 1 if last else 2  # the first is the one that ships
    row, _ = RuleSetting.objects.update_or_create(name=name, defaults={**after, "version": version})
    RuleChange.objects.create(
        rule=name, version=version, before=before, after=after, by_id=by.pk if by else None, at=now, why=why
    )
    if not after["enabled"]:
        state = RuleState.objects.filter(rule=name).first()
        for alert in Alert.objects.filter(rule=name, resolved_at=None):
            end(alert, state, f"The rule was switched off by {by or 'somebody'}.", now, by)
        RuleState.objects.filter(rule=name).delete()
    return row


# --- recipients ------------------------------------------------------------------------------------------------------


@transaction.atomic
def add_recipient(name: str, address: str, *, escalation: bool, now: datetime) -> Recipient:
    """Somebody who is to be mailed, once the address is confirmed. Raises NotNow when it is none, or known."""
    if Recipient.objects.count() >= RECIPIENTS_MOST:
        raise NotNow(f"There are {RECIPIENTS_MOST} recipients already.")
    recipient = Recipient(name=one_line(name, 80), address=address.strip(), escalation=escalation, created_at=now)
    try:
        recipient.full_clean()
    except ValidationError as error:
        raise NotNow(" ".join(error.messages)) from error
    recipient.save()
    return ask(recipient, now=now)


@transaction.atomic
def ask(recipient: Recipient, *, now: datetime) -> Recipient:
    """Mail a link that proves the address; an older one stops working. Raises NotNow when that is not needed now."""
    if recipient.verified_at:
        raise NotNow("The address is confirmed already.")
    last = recipient.mails.filter(kind=OutboxMail.Kind.VERIFY).order_by("-created_at").first()
    if last and timedelta(0) <= now - last.created_at < VERIFY_EVERY:
        raise NotNow("A mail was sent within the last minute. Wait for it.")
    recipient.verification = secrets.token_hex(16)
    recipient.save(update_fields=["verification"])
    said = post.confirmation(recipient, tokens.verify_url(recipient))
    post.put(OutboxMail.Kind.VERIFY, recipient, now=now, said=said)
    return recipient


@transaction.atomic
def verify(token: str, *, now: datetime) -> Recipient:
    """The address is proven. Raises BadLink."""
    recipient = tokens.recipient_of(token)
    recipient.verified_at, recipient.verification = now, ""
    recipient.save(update_fields=["verified_at", "verification"])
    return recipient


def test(recipient: Recipient, *, now: datetime) -> OutboxMail:
    """Send a test mail. Raises NotNow for an address that was never confirmed."""
    if recipient.verified_at is None:
        raise NotNow("The address is not confirmed yet.")
    return post.put(OutboxMail.Kind.TEST, recipient, now=now, said=post.test(now))
