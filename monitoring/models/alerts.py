"""Alerts: how each rule stands, what fired, who was told of it and what came of the mail."""

from __future__ import annotations

import uuid
from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from monitoring.alerts.lifecycle import Mute, Phase, Span
from monitoring.alerts.rules import Judgement, Severity

_PHASES = [(phase.value, phase.value.replace("_", " ").capitalize()) for phase in Phase]
_SEVERITIES = [(severity.value, severity.value.capitalize()) for severity in Severity]


class RuleSetting(models.Model):
    """What staff made of a shipped rule. Written by monitoring.alerts.actions alone; no row: it is as shipped."""

    name = models.CharField(max_length=64, unique=True)
    over = models.FloatField()
    clear = models.FloatField()
    edge_ms = models.PositiveIntegerField(default=0)
    min_samples = models.PositiveIntegerField(default=0)
    window_s = models.PositiveIntegerField()
    hold_s = models.PositiveIntegerField()
    keep_s = models.PositiveIntegerField()
    enabled = models.BooleanField(default=True)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return f"{self.name}, version {self.version}"


class RuleChange(models.Model):
    """One edit of a rule: what it was, what it became, who did it and why."""

    rule = models.CharField(max_length=64, db_index=True)
    version = models.PositiveIntegerField()
    before = models.JSONField()
    after = models.JSONField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    at = models.DateTimeField()
    why = models.CharField(max_length=300)

    class Meta:
        ordering = ["-at", "-pk"]
        constraints = [models.UniqueConstraint(fields=["rule", "version"], name="a_version_of_a_rule_is_made_once")]

    def __str__(self) -> str:
        return f"{self.rule}, version {self.version}"


class RuleState(models.Model):
    """Where a rule stands, and the last window that was read for it."""

    rule = models.CharField(max_length=64, primary_key=True)
    phase = models.CharField(max_length=16, choices=_PHASES, default=Phase.INACTIVE)
    since_at = models.DateTimeField()
    evaluated_at = models.DateTimeField(help_text="The end of the last window.")
    breach_at = models.DateTimeField(null=True)
    clear_at = models.DateTimeField(null=True)
    fired_at = models.DateTimeField(null=True)
    judgement = models.CharField(max_length=24, choices=[(j.value, j.value.capitalize()) for j in Judgement])
    value = models.FloatField(null=True)
    samples = models.BigIntegerField(default=0)
    reason = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["rule"]

    def __str__(self) -> str:
        return f"{self.rule}: {self.phase}"


class Evaluation(models.Model):
    """How far one evaluator has come: the watch process, or the dead-man's switch in the web process."""

    name = models.CharField(max_length=40, primary_key=True)
    until_at = models.DateTimeField(help_text="The end of the last window that it judged.")
    resumed_at = models.DateTimeField(help_text="When it began to look again after a gap.")

    def __str__(self) -> str:
        return f"{self.name} until {self.until_at:%Y-%m-%d %H:%M:%S}"


class Alert(models.Model):
    """One time that a rule fired. Written by monitoring.alerts.evaluate, outbox and actions alone."""

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    rule = models.CharField(max_length=64, db_index=True)
    title = models.CharField(max_length=200)
    severity = models.CharField(max_length=16, choices=_SEVERITIES)
    began_at = models.DateTimeField(help_text="Since when the condition held.")
    fired_at = models.DateTimeField(db_index=True)
    resolved_at = models.DateTimeField(null=True, blank=True)
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    acknowledged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    acknowledged_name = models.CharField(max_length=150, blank=True, help_text="Who, also when it was by mail.")
    value = models.FloatField(null=True, help_text="In the window that made it fire.")
    peak = models.FloatField(null=True, help_text="The worst while it was open.")
    last = models.FloatField(null=True, help_text="In the last window.")
    samples = models.BigIntegerField(default=0)
    detail = models.CharField(max_length=300, blank=True, help_text="Which monitor, issue or label, in words.")
    release = models.CharField(max_length=64, blank=True)
    drill = models.BooleanField(default=False)
    late = models.BooleanField(default=False, help_text="It was over before anybody could have been told.")
    muted = models.CharField(
        max_length=200, blank=True, help_text="Why nobody is mailed, in words; empty: somebody is."
    )
    news = models.PositiveIntegerField(default=0, help_text="How many new things it is about, where it counts such.")
    news_told = models.PositiveIntegerField(default=0, help_text="How many of them were mailed.")
    heard_at = models.DateTimeField(null=True, blank=True, help_text="When its first mail was due.")
    told_at = models.DateTimeField(null=True, blank=True, help_text="When its last mail was due, of whatever kind.")
    reminded_at = models.DateTimeField(null=True, blank=True)
    escalated_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True, help_text="When its end was told.")

    class Meta:
        ordering = ["-fired_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["rule"], condition=Q(resolved_at__isnull=True), name="one_open_alert_of_a_rule"
            )
        ]
        indexes = [models.Index(fields=["rule", "-fired_at"], name="alerts_of_a_rule")]

    def __str__(self) -> str:
        return f"{self.title} at {self.fired_at:%Y-%m-%d %H:%M:%S}"

    @property
    def is_open(self) -> bool:
        return self.resolved_at is None

    @property
    def critical(self) -> bool:
        return self.severity == Severity.CRITICAL


class AlertTransition(models.Model):
    """One row of a rule's history: a change of phase, or what somebody did (then both phases are the same)."""

    rule = models.CharField(max_length=64)
    alert = models.ForeignKey(Alert, null=True, blank=True, on_delete=models.CASCADE, related_name="transitions")
    before = models.CharField(max_length=16, choices=_PHASES)
    after = models.CharField(max_length=16, choices=_PHASES)
    at = models.DateTimeField(db_index=True)
    value = models.FloatField(null=True)
    samples = models.BigIntegerField(default=0)
    reason = models.CharField(max_length=200, blank=True)
    late = models.BooleanField(default=False)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        ordering = ["at", "pk"]
        indexes = [models.Index(fields=["rule", "at"], name="transitions_of_a_rule")]

    def __str__(self) -> str:
        return f"{self.rule}: {self.before} to {self.after}"


class Silence(models.Model):
    """Rules whose name fits are not mailed from then till then. Whether it holds is derived, never stored."""

    from_at = models.DateTimeField("from")
    to_at = models.DateTimeField("to")
    matcher = models.CharField(max_length=64, help_text="A rule's name; * stands for any part of it.")
    reason = models.CharField(max_length=200)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, editable=False, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(editable=False)

    class Meta:
        ordering = ["-from_at", "-pk"]
        constraints = [
            models.CheckConstraint(name="a_silence_ends_after_it_begins", condition=Q(to_at__gt=F("from_at")))
        ]

    def __str__(self) -> str:
        return f"{self.matcher} until {self.to_at:%Y-%m-%d %H:%M}"

    @property
    def mute(self) -> Mute:
        return Mute(self.from_at, self.to_at, self.matcher)

    def span(self, now: datetime) -> Span:
        """Upcoming, active or over."""
        return self.mute.span(now)


class Recipient(models.Model):
    """Somebody who is mailed. Only an address that was confirmed by its owner is."""

    name = models.CharField(max_length=80)
    address = models.EmailField(max_length=200, unique=True)
    escalation = models.BooleanField(
        default=False, help_text="Told only when nobody acknowledges a critical alert within five minutes."
    )
    active = models.BooleanField(default=True)
    verified_at = models.DateTimeField(null=True, blank=True, editable=False)
    verification = models.CharField(max_length=40, blank=True, editable=False, help_text="What its link has to carry.")
    created_at = models.DateTimeField(editable=False)

    class Meta:
        ordering = ["escalation", "name", "pk"]

    def __str__(self) -> str:
        return f"{self.name} <{self.address}>"


class OutboxMail(models.Model):
    """One mail to one person: from the moment that it is owed until SMTP took it, or a day has passed."""

    class Kind(models.TextChoices):
        FIRED = "fired", "Alert"
        MORE = "more", "More of the same"
        REMINDER = "reminder", "Reminder"
        ESCALATION = "escalation", "Escalation"
        RESOLVED = "resolved", "Recovery"
        VERIFY = "verify", "Confirmation of an address"
        TEST = "test", "Test"
        SELF_TEST = "self_test", "Weekly self-test"

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        SENT = "sent", "Sent"
        NOBODY = "nobody", "Nobody to send it to"
        GIVEN_UP = "given_up", "Given up after a day"

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    kind = models.CharField(max_length=16, choices=Kind.choices)
    state = models.CharField(max_length=16, choices=State.choices, default=State.WAITING)
    recipient = models.ForeignKey(Recipient, null=True, on_delete=models.SET_NULL, related_name="mails")
    address = models.CharField(max_length=300, blank=True, help_text="Empty: there was nobody to send it to.")
    alerts = models.ManyToManyField(Alert, related_name="mails", blank=True)
    subject = models.CharField(max_length=200, blank=True)
    text = models.TextField(blank=True)
    html = models.TextField(blank=True)
    message_id = models.CharField(max_length=120, unique=True)
    in_reply_to = models.CharField(max_length=120, blank=True)
    created_at = models.DateTimeField(db_index=True)
    due_at = models.DateTimeField(help_text="When it was to go for the first time.")
    next_attempt_at = models.DateTimeField()
    rendered_at = models.DateTimeField(null=True, help_text="From then on nothing joins it, and it never changes.")
    leased_by = models.CharField(max_length=80, blank=True)
    leased_until = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(default=0)
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "-pk"]
        verbose_name = "mail"
        indexes = [
            models.Index(fields=["next_attempt_at"], condition=Q(state="waiting"), name="mails_that_wait"),
            models.Index(fields=["sent_at"], name="mails_by_sending"),
        ]

    def __str__(self) -> str:
        return self.subject or f"{self.get_kind_display()} to {self.address or 'nobody'}"


class MailAttempt(models.Model):
    """One time that a mail was handed to the server, and what that said."""

    class Outcome(models.TextChoices):
        ACCEPTED = "accepted", "Accepted"
        REFUSED = "refused", "Refused"
        FAILED = "failed", "Failed"

    mail = models.ForeignKey(OutboxMail, on_delete=models.CASCADE, related_name="tries")
    at = models.DateTimeField()
    outcome = models.CharField(max_length=16, choices=Outcome.choices)
    reply = models.CharField(max_length=300, blank=True)
    took_ms = models.FloatField(null=True)

    class Meta:
        ordering = ["at", "pk"]

    def __str__(self) -> str:
        return f"{self.outcome} at {self.at:%Y-%m-%d %H:%M:%S}"
