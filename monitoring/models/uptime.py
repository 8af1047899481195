"""What is probed, what came of it, and who keeps the watch."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import F, Q

from monitoring.uptime.outage import INTERVAL_BOUNDS, Answer, Kind, Policy, State

HERE = ""  # the prober of this installation's own watch process
UPTIMEROBOT = "uptimerobot"  # the prober whose answers arrive by webhook

_address = RegexValidator(r"^(/|https?://)\S*$", "Give a path of this service, or an http or https address.")
_seconds = [int(bound.total_seconds()) for bound in INTERVAL_BOUNDS]


class Monitor(models.Model):
    """One thing that is probed from outside, and what is known of it."""

    class Way(models.TextChoices):
        HTTP = "http", "HTTP GET"
        WEBSOCKET = "websocket", "WebSocket handshake"

    name = models.CharField(max_length=60, unique=True, help_text="Shown on the status page.")
    way = models.CharField(max_length=16, choices=Way.choices, default=Way.HTTP)
    address = models.CharField(
        max_length=300, validators=[_address], help_text="A path of this service (under PUBLIC_URL) or a whole address."
    )
    expects = models.CharField(
        max_length=200, blank=True, help_text="A text that a good HTTP answer contains; empty: any answer with 200."
    )
    prober = models.SlugField(
        max_length=40,
        blank=True,
        default=HERE,
        help_text="Empty: the watch process here. Else the name of a remote prober, or uptimerobot.",
    )
    interval_s = models.PositiveIntegerField(
        "interval",
        default=300,
        validators=[MinValueValidator(_seconds[0]), MaxValueValidator(_seconds[1])],
        help_text="Seconds between two probes; after a failure it is 20 in any case.",
    )
    timeout_s = models.PositiveSmallIntegerField(
        "time limit",
        default=10,
        validators=[MinValueValidator(1), MaxValueValidator(15)],
        help_text="Seconds; later is a failure.",
    )
    slow_ms = models.PositiveIntegerField(
        "slow after",
        default=1000,
        validators=[MinValueValidator(10), MaxValueValidator(15_000)],
        help_text="Milliseconds; three answers in a row that take longer are an outage of the slow kind.",
    )
    enabled = models.BooleanField(default=True)
    public = models.BooleanField(default=True, help_text="Whether the status page shows it.")
    state = models.JSONField(default=dict, editable=False)
    attempted_at = models.DateTimeField(null=True, editable=False)
    certificate_expires_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        if self.slow_ms > self.timeout_s * 1000:
            raise ValidationError({"slow_ms": "Slow has to lie under the time limit."})

    @property
    def url(self) -> str:
        """The whole address; a WebSocket's as its http form."""
        return f"{settings.PUBLIC_URL}{self.address}" if self.address.startswith("/") else self.address

    @property
    def policy(self) -> Policy:
        return Policy(interval=timedelta(seconds=self.interval_s), slow_after=timedelta(milliseconds=self.slow_ms))

    @property
    def known(self) -> State:
        """The state as monitoring.uptime.outage takes it."""
        return msgspec.convert(self.state, State)

    @known.setter
    def known(self, state: State) -> None:
        self.state = msgspec.to_builtins(state)


class ProbeResult(models.Model):
    """One probe, as it was answered."""

    monitor = models.ForeignKey(Monitor, on_delete=models.CASCADE, related_name="results")
    at = models.DateTimeField()
    answer = models.CharField(max_length=8, choices=[(a.value, a.value.capitalize()) for a in Answer])
    took_ms = models.FloatField(null=True)
    reason = models.CharField(max_length=160, blank=True)

    class Meta:
        ordering = ["-at"]
        constraints = [models.UniqueConstraint(fields=["monitor", "at"], name="probed_once_at_a_time")]
        indexes = [models.Index(fields=["at"], name="probe_results_at")]

    def __str__(self) -> str:
        return f"{self.answer} at {self.at:%Y-%m-%d %H:%M:%S}"


class Watched(models.Model):
    """A stretch without a gap between judged probes; it speaks for the policy's gap after its last one too."""

    monitor = models.ForeignKey(Monitor, on_delete=models.CASCADE, related_name="watched")
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()

    class Meta:
        ordering = ["monitor", "first_at"]
        indexes = [models.Index(fields=["monitor", "last_at"], name="watched_until")]

    def __str__(self) -> str:
        return f"{self.first_at:%Y-%m-%d %H:%M} to {self.last_at:%Y-%m-%d %H:%M}"


class Outage(models.Model):
    """A confirmed outage of one monitor, from its first failed probe to its first good one."""

    monitor = models.ForeignKey(Monitor, on_delete=models.CASCADE, related_name="outages")
    kind = models.CharField(max_length=8, choices=[(k.value, k.value.capitalize()) for k in Kind])
    opened_at = models.DateTimeField(db_index=True)
    confirmed_at = models.DateTimeField(help_text="When the probe that proved it was made.")
    closed_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=160, blank=True)
    note = models.TextField(
        blank=True, max_length=2000, help_text="What to tell people, in plain words; a draft until published."
    )
    published_at = models.DateTimeField(null=True, blank=True, editable=False)
    drill = models.BooleanField(default=False, editable=False, help_text="Made on purpose: the public is not told.")

    class Meta:
        ordering = ["-opened_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["monitor", "kind"], condition=Q(closed_at__isnull=True), name="one_open_outage_of_a_kind"
            )
        ]

    def __str__(self) -> str:
        return f"{self.monitor} {self.kind} since {self.opened_at:%Y-%m-%d %H:%M}"


class Maintenance(models.Model):
    """Announced work: its time counts neither as up nor as down, and nobody is woken."""

    from_at = models.DateTimeField("from")
    to_at = models.DateTimeField("to")
    reason = models.CharField(max_length=200, help_text="Shown on the status page.")
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, editable=False, on_delete=models.SET_NULL
    )

    class Meta:
        ordering = ["-from_at"]
        verbose_name_plural = "maintenance"
        constraints = [
            models.CheckConstraint(name="maintenance_ends_after_it_begins", condition=Q(to_at__gt=F("from_at")))
        ]

    def __str__(self) -> str:
        return f"{self.from_at:%Y-%m-%d %H:%M} to {self.to_at:%Y-%m-%d %H:%M}: {self.reason}"


class Heartbeat(models.Model):
    """When something last showed that it lives: `watch`, and each job and remote prober by its name."""

    name = models.CharField(max_length=80, primary_key=True)
    beat_at = models.DateTimeField()
    detail = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return f"{self.name} at {self.beat_at:%Y-%m-%d %H:%M:%S}"


class Lease(models.Model):
    """Who may act for now; claimed by a conditional update."""

    name = models.CharField(max_length=40, primary_key=True)
    holder = models.CharField(max_length=80, blank=True)
    until_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name}: {self.holder or 'nobody'} until {self.until_at:%H:%M:%S}"


class JobSlot(models.Model):
    """That a job was begun for one slot of time; the database refuses a second one."""

    job = models.CharField(max_length=40)
    slot = models.BigIntegerField(help_text="Seconds since the epoch over the job's interval.")
    taken_at = models.DateTimeField(db_index=True)
    holder = models.CharField(max_length=80)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["job", "slot"], name="one_run_a_slot")]

    def __str__(self) -> str:
        return f"{self.job} {self.slot}"


class Delivery(models.Model):
    """A signed message from outside, once: its key refuses a replay."""

    class Source(models.TextChoices):
        SENTRY = "sentry", "Sentry"
        UPTIMEROBOT = "uptimerobot", "UptimeRobot"
        PROBER = "prober", "Remote prober"

    source = models.CharField(max_length=16, choices=Source.choices)
    key = models.CharField(max_length=64, help_text="A hash of what may arrive only once.")
    received_at = models.DateTimeField(db_index=True)
    topic = models.CharField(max_length=40, blank=True)
    title = models.CharField(max_length=200, blank=True)
    link = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["-received_at"]
        verbose_name_plural = "deliveries"
        constraints = [models.UniqueConstraint(fields=["source", "key"], name="delivered_once")]

    def __str__(self) -> str:
        return f"{self.get_source_display()}: {self.title or self.topic}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.title = self.title[:200]
        super().save(*args, **kwargs)
