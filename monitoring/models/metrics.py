"""What was measured: one row a process run, slot, metric and label; and the process runs themselves."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class Source(models.Model):
    """One run of a process that measures. Whoever has no end and is silent was killed, and lost its last window."""

    token = models.CharField(max_length=32, unique=True)
    role = models.CharField(max_length=16)
    release = models.CharField(max_length=64)
    started_at = models.DateTimeField()
    flushed_at = models.DateTimeField(db_index=True)
    stopped_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True, help_text="Its measures were merged: it may write no more.")

    class Meta:
        ordering = ("-flushed_at",)

    def __str__(self) -> str:
        return f"{self.role} {self.token}"


class Measure(models.Model):
    """What one source measured of one metric and label in one slot, from its start to the last flush."""

    tier_s = models.PositiveSmallIntegerField()
    start_s = models.BigIntegerField(help_text="Seconds since the epoch.")
    metric = models.CharField(max_length=48)
    label = models.CharField(max_length=80, blank=True)
    source = models.CharField(max_length=32, blank=True, help_text="Empty: merged from several.")
    count = models.BigIntegerField(default=0)
    last = models.FloatField(null=True)
    high = models.FloatField(null=True)
    histogram = models.BinaryField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["metric", "tier_s", "start_s", "label", "source"], name="a_measure_stands_once"
            )
        ]
        indexes: ClassVar = [models.Index(fields=["tier_s", "start_s"], name="measure_by_age")]

    def __str__(self) -> str:
        return f"{self.metric} [{self.label}] at {self.start_s}"
