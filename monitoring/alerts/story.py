"""Keeps incidents up to date with alerts, and alerts with what people did on an incident's page."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Q

from monitoring.alerts import actions
from monitoring.alerts.notify import is_story
from monitoring.incidents import actions as incidents
from monitoring.incidents.stages import Firing
from monitoring.models import Alert, IncidentAlert

LOOK_BACK: Final = timedelta(days=7)  # for what ended while nobody looked


def run(now: datetime) -> None:
    """Tell incidents of every alert that they don't know to be over. A job of the watch, safe to run twice."""
    incidents.sync(firings(now), now)
    for alert in Alert.objects.filter(resolved_at=None, acknowledged_at=None):
        known = IncidentAlert.objects.select_related("incident").filter(key=str(alert.key)).first()
        answered_at = known.incident.acknowledged_at if known else None
        if answered_at and answered_at >= alert.fired_at:  # whoever has the incident has this alert of it too
            actions.acknowledge(alert, by=_who(known), now=now)


def firings(now: datetime) -> Iterator[Firing]:
    """The alerts that people work on, oldest first."""
    over = IncidentAlert.objects.filter(ended_at__isnull=False, began_at__gte=now - LOOK_BACK).values("key")
    known = {row["key"] for row in over}
    recent = Q(resolved_at=None) | Q(resolved_at__gte=now - LOOK_BACK)
    for alert in Alert.objects.filter(recent, late=False).order_by("fired_at", "pk"):
        if str(alert.key) not in known and is_story(alert):
            yield Firing(
                key=str(alert.key),
                rule=alert.rule,
                title=alert.title,
                severity=alert.severity,
                began_at=alert.fired_at,
                ended_at=alert.resolved_at,
                drill=alert.drill,
            )


def _who(known: IncidentAlert | None) -> actions.Person:
    row = known.incident.changes.filter(what="Acknowledged.").select_related("by").first() if known else None
    return row.by if row else None
