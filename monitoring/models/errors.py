"""Errors: who may send them, what came, and the issues that it was grouped into."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from monitoring.errors.story import in_a_line


class Project(models.Model):
    """A sender: our server, our pages, or another program. Its DSN is made of its key and PUBLIC_URL."""

    slug = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=80)
    errors_per_minute = models.PositiveIntegerField(
        default=600, validators=[MaxValueValidator(1_000_000)], help_text="0 is no limit."
    )
    others_per_minute = models.PositiveIntegerField(
        default=1200,
        validators=[MaxValueValidator(1_000_000)],
        help_text="Of each other kind: transactions, spans, sessions and so on. 0 is no limit.",
    )
    keep_days = models.PositiveIntegerField(default=90, validators=[MinValueValidator(1), MaxValueValidator(400)])
    keep_events = models.PositiveIntegerField(
        default=100_000, validators=[MinValueValidator(100), MaxValueValidator(10_000_000)]
    )

    class Meta:
        ordering = ("pk",)

    def __str__(self) -> str:
        return self.name


class ProjectKey(models.Model):
    """The public half of a DSN. A key that was rotated out is taken for a day longer."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="keys")
    public_key = models.CharField(max_length=32, unique=True)
    created_at = models.DateTimeField()
    retires_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-created_at", "-pk")

    def __str__(self) -> str:
        return f"{self.public_key[:6]}..."


class Release(models.Model):
    """A version that a project sent something of."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="releases")
    version = models.CharField(max_length=200)
    first_seen_at = models.DateTimeField(db_index=True)
    last_seen_at = models.DateTimeField()

    class Meta:
        ordering = ("-first_seen_at",)
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project", "version"], name="a_release_is_known_once"),
        ]

    def __str__(self) -> str:
        return self.version


class DeployMarker(models.Model):
    """When a version began to run here; drawn on every chart."""

    version = models.CharField(max_length=200)
    environment = models.CharField(max_length=200)
    at = models.DateTimeField(db_index=True)

    class Meta:
        ordering = ("-at",)

    def __str__(self) -> str:
        return f"{self.version} in {self.environment}"


class Issue(models.Model):
    """One kind of trouble. Written by monitoring.errors.digest and monitoring.errors.issues alone."""

    class Status(models.TextChoices):
        UNRESOLVED = "unresolved", "Unresolved"
        RESOLVED = "resolved", "Resolved"
        IGNORED = "ignored", "Ignored"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="issues")
    type = models.CharField(max_length=200)
    value = models.CharField(max_length=1000, blank=True)
    culprit = models.CharField(max_length=300, blank=True)
    level = models.CharField(max_length=20, default="error")
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.UNRESOLVED, db_index=True)
    first_seen_at = models.DateTimeField(db_index=True)
    last_seen_at = models.DateTimeField(db_index=True)
    count = models.PositiveIntegerField(default=0)
    people = models.PositiveIntegerField(default=0, help_text="Different sessions hit; not counted beyond 1,000.")
    first_release = models.CharField(max_length=200, blank=True)
    last_release = models.CharField(max_length=200, blank=True)
    resolved_at = models.DateTimeField(null=True, blank=True)
    in_next_release = models.BooleanField(default=False)
    ignored_until = models.DateTimeField(null=True, blank=True)
    ignored_until_count = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        ordering = ("-last_seen_at",)
        indexes: ClassVar = [models.Index(fields=["project", "status", "-last_seen_at"])]

    def __str__(self) -> str:
        return in_a_line(f"{self.type}: {self.value}" if self.value else self.type, 120)


class Grouping(models.Model):
    """A fingerprint and the issue that it leads to; after a merge several lead to one."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="groupings")
    key = models.CharField(max_length=40)
    issue = models.ForeignKey(Issue, on_delete=models.CASCADE, related_name="groupings")

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["project", "key"], name="a_group_has_one_issue")]

    def __str__(self) -> str:
        return self.key


class IssueTransition(models.Model):
    """A turning point of an issue: by an event, or by somebody."""

    class Kind(models.TextChoices):
        NEW = "new", "New"
        REGRESSION = "regression", "Came back"
        RESOLVED = "resolved", "Resolved"
        IGNORED = "ignored", "Ignored"
        REOPENED = "reopened", "Opened again"
        MERGED = "merged", "Merged"

    issue = models.ForeignKey(Issue, on_delete=models.CASCADE, related_name="transitions")
    kind = models.CharField(max_length=16, choices=Kind.choices)
    at = models.DateTimeField(db_index=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    note = models.CharField(max_length=200, blank=True)
    seen_at = models.DateTimeField(
        null=True, help_text="The window in which the alert rules counted it: what is digested late is told late."
    )

    class Meta:
        ordering = ("at", "pk")
        indexes: ClassVar = [models.Index(fields=["kind", "at"]), models.Index(fields=["seen_at", "kind"])]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} at {self.at:%Y-%m-%d %H:%M:%S}"


class IssuePerson(models.Model):
    """A mark of somebody who was hit: enough to count, not to find."""

    issue = models.ForeignKey(Issue, on_delete=models.CASCADE, related_name="persons")
    mark = models.CharField(max_length=16)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["issue", "mark"], name="somebody_is_counted_once")]

    def __str__(self) -> str:
        return self.mark


class IssueHour(models.Model):
    """How often an issue happened in an hour; stays when the events themselves are gone."""

    issue = models.ForeignKey(Issue, on_delete=models.CASCADE, related_name="hours")
    hour = models.DateTimeField(db_index=True)
    count = models.PositiveIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["issue", "hour"], name="an_hour_is_counted_once")]

    def __str__(self) -> str:
        return f"{self.count} at {self.hour:%Y-%m-%d %H}"


class Event(models.Model):
    """One error or message, cleaned; its JSON is compressed."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="events")
    event_id = models.CharField(max_length=32)
    issue = models.ForeignKey(Issue, on_delete=models.CASCADE, related_name="events")
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField(db_index=True)
    level = models.CharField(max_length=20, blank=True)
    release = models.CharField(max_length=200, blank=True)
    environment = models.CharField(max_length=200, blank=True)
    person = models.CharField(max_length=16, blank=True)
    turning_point = models.BooleanField(default=False, help_text="First or regression; deleted last.")
    data = models.BinaryField()

    class Meta:
        ordering = ("-received_at", "-pk")
        constraints: ClassVar = [models.UniqueConstraint(fields=["project", "event_id"], name="an_event_is_kept_once")]
        indexes: ClassVar = [
            models.Index(fields=["issue", "-received_at"]),
            models.Index(fields=["project", "turning_point", "received_at"]),
        ]

    def __str__(self) -> str:
        return self.event_id


class Sent(models.Model):
    """Anything else that came in an envelope: traces, sessions, check-ins, feedback."""

    class Kind(models.TextChoices):
        TRANSACTION = "transaction", "Transaction"
        SPAN = "span", "Span"
        SESSION = "session", "Session"
        SESSIONS = "sessions", "Sessions"
        CLIENT_REPORT = "client_report", "Client report"
        CHECK_IN = "check_in", "Check-in"
        FEEDBACK = "feedback", "Feedback"
        USER_REPORT = "user_report", "User report"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="sent")
    key = models.CharField(max_length=80, help_text="Makes it unique, however often it is read from the spool.")
    kind = models.CharField(max_length=16, choices=Kind.choices)
    at = models.DateTimeField(db_index=True)
    name = models.CharField(max_length=200, blank=True)
    status = models.CharField(max_length=40, blank=True)
    duration_ms = models.FloatField(null=True, blank=True)
    release = models.CharField(max_length=200, blank=True)
    environment = models.CharField(max_length=200, blank=True)
    trace_id = models.CharField(max_length=32, blank=True, db_index=True)
    data = models.BinaryField()

    class Meta:
        ordering = ("-at", "-pk")
        verbose_name = "other item"
        constraints: ClassVar = [models.UniqueConstraint(fields=["project", "key"], name="an_item_is_kept_once")]
        indexes: ClassVar = [models.Index(fields=["project", "kind", "at"])]

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


class Refused(models.Model):
    """How many were turned away, or lost on the way to us, by reason and hour."""

    project_number = models.PositiveIntegerField(default=0, help_text="0 when it is not known whose it was.")
    reason = models.CharField(max_length=40)
    hour = models.DateTimeField(db_index=True)
    count = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ("-hour", "reason")
        verbose_name = verbose_name_plural = "refused"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["project_number", "reason", "hour"], name="a_reason_is_counted_once_an_hour"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.count} {self.reason}"


class SpoolFile(models.Model):
    """How far a file of the spool is digested, and by whom at the moment."""

    name = models.CharField(max_length=80, unique=True)
    offset = models.BigIntegerField(default=0)
    done = models.BooleanField(default=False)
    leased_by = models.CharField(max_length=40, blank=True)
    leased_until = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


class DeadLetter(models.Model):
    """A record of the spool that could not be digested. It is tried again by itself, and by hand."""

    class State(models.TextChoices):
        WAITING = "waiting", "Tried again by itself"
        DEAD = "dead", "Given up"

    state = models.CharField(max_length=16, choices=State.choices, default=State.WAITING, db_index=True)
    received_at = models.DateTimeField()
    error = models.CharField(max_length=200)
    attempts = models.PositiveIntegerField(default=1)
    next_attempt_at = models.DateTimeField()
    record = models.BinaryField()

    class Meta:
        ordering = ("-received_at",)

    def __str__(self) -> str:
        return f"{self.error} ({self.attempts})"


class ForwardItem(models.Model):
    """An event on its way to a real Sentry; gone when it has arrived."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        DEAD = "dead", "Given up"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="forwards")
    event_id = models.CharField(max_length=32)
    state = models.CharField(max_length=16, choices=State.choices, default=State.WAITING)
    created_at = models.DateTimeField()
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField()
    last_error = models.CharField(max_length=200, blank=True)
    data = models.BinaryField()

    class Meta:
        ordering = ("created_at", "pk")
        indexes: ClassVar = [models.Index(fields=["state", "next_attempt_at"])]
        constraints: ClassVar = [models.UniqueConstraint(fields=["project", "event_id"], name="forwarded_once")]

    def __str__(self) -> str:
        return self.event_id
