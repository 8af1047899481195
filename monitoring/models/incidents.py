"""Incidents: alerts that are handled together, and everything that people did about them."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models


class Incident(models.Model):
    """One story from the first alert to its write-up. Written by monitoring.incidents.actions alone."""

    class Stage(models.TextChoices):
        DETECTED = "detected", "Detected"
        ACKNOWLEDGED = "acknowledged", "Acknowledged"
        INVESTIGATING = "investigating", "Investigating"
        RESOLVED = "resolved", "Resolved"
        DOCUMENTED = "documented", "Documented"

    class Verdict(models.TextChoices):
        REAL = "real", "Real"
        FALSE_ALARM = "false_alarm", "False alarm"
        DRILL = "drill", "Drill"

    title = models.CharField(max_length=200)
    rule = models.CharField(max_length=64, db_index=True, help_text="The rule whose alert came first.")
    severity = models.CharField(max_length=16)
    drill = models.BooleanField(default=False)
    stage = models.CharField(max_length=16, choices=Stage.choices, default=Stage.DETECTED, db_index=True)
    detected_at = models.DateTimeField(db_index=True)
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    investigating_at = models.DateTimeField(null=True, blank=True)
    resolved_at = models.DateTimeField(null=True, blank=True)
    documented_at = models.DateTimeField(null=True, blank=True)
    quiet_at = models.DateTimeField(null=True, blank=True, help_text="Later alerts are another incident's.")
    verdict = models.CharField(max_length=16, choices=Verdict.choices, blank=True)
    cause = models.TextField(blank=True)
    follow_ups = models.TextField(blank=True, help_text="One a line.")
    sessions_hit = models.PositiveIntegerField(null=True, blank=True)
    write_up = models.TextField(blank=True)

    class Meta:
        ordering = ("-detected_at",)
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["drill"],
                condition=models.Q(resolved_at__isnull=True, quiet_at__isnull=True),
                name="one_incident_gathers_alerts",
            ),
        ]

    def __str__(self) -> str:
        return f"Incident {self.pk}: {self.title}"


class IncidentSync(models.Model):
    """The one row that says when alerts were last looked at; without it, no incident means nothing."""

    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S}"


class IncidentAlert(models.Model):
    """One alert of an incident, as it was told; kept when the alert itself is long deleted."""

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="alerts")
    key = models.CharField(max_length=64, unique=True)
    rule = models.CharField(max_length=64)
    title = models.CharField(max_length=200)
    severity = models.CharField(max_length=16)
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("began_at", "pk")

    def __str__(self) -> str:
        return self.title


class IncidentStep(models.Model):
    """A step of a runbook that somebody ticked."""

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="steps")
    runbook = models.CharField(max_length=64)
    text = models.CharField(max_length=500)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    ticked_at = models.DateTimeField()

    class Meta:
        ordering = ("ticked_at", "pk")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["incident", "runbook", "text"], name="a_step_is_ticked_once")
        ]

    def __str__(self) -> str:
        return self.text


class IncidentNote(models.Model):
    """What somebody found or did, in their own words."""

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="notes")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    at = models.DateTimeField()
    text = models.TextField()

    class Meta:
        ordering = ("at", "pk")

    def __str__(self) -> str:
        return self.text[:80]


class IncidentChange(models.Model):
    """One row of an incident's history, written together with what it tells of."""

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="changes")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    at = models.DateTimeField()
    what = models.CharField(max_length=600)

    class Meta:
        ordering = ("at", "pk")

    def __str__(self) -> str:
        return self.what
