"""Drills: trouble made on purpose, and how fast everybody answered."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from monitoring.drills.effects import Kind


class Drill(models.Model):
    """One drill, from its start to the end of the last alert that it caused. Written by monitoring.drills alone."""

    kind = models.CharField(
        max_length=16,
        choices=[
            (Kind.HEALTH.value, "Health fails"),
            (Kind.LATENCY.value, "Answers are slow"),
            (Kind.ERRORS.value, "Errors burst"),
        ],
    )
    reason = models.CharField(max_length=200)
    started_at = models.DateTimeField(db_index=True)
    started_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    ends_at = models.DateTimeField(help_text="When it ends by itself.")
    ended_at = models.DateTimeField(null=True, help_text="When it really ended.")
    ended_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    in_effect_at = models.DateTimeField(null=True, help_text="When the first web process took it up.")
    detected_at = models.DateTimeField(null=True, help_text="When the first alert fired.")
    mailed_at = models.DateTimeField(null=True, help_text="When the mail server took the first mail.")
    acknowledged_at = models.DateTimeField(null=True)
    resolved_at = models.DateTimeField(null=True, help_text="When the last of its alerts ended.")

    class Meta:
        ordering = ("-started_at", "-pk")
        default_permissions = ("view",)
        permissions = [("run_drill", "Can start and stop drills")]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["kind"], condition=Q(ended_at__isnull=True), name="one_drill_of_a_kind_at_a_time"
            ),
        ]

    def __str__(self) -> str:
        return f"Drill {self.pk}: {self.get_kind_display()}"

    def is_running(self, now: datetime) -> bool:
        return self.ended_at is None and self.started_at <= now < self.ends_at
