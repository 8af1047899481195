"""What an incident's page shows: stages, live figures, checklist, alerts, and what was deployed nearby."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import QuerySet

from monitoring import glance
from monitoring.incidents.stages import NEXT, Stage, troubled
from monitoring.incidents.writeup import minutes
from monitoring.models import Alert, DeployMarker, Event, Incident
from monitoring.runbooks.library import Runbook, answering
from monitoring.runbooks.shelf import FIRST, runbooks

NEARBY: Final = timedelta(hours=2)  # a deploy so long before may be the cause
NAMES: Final = {
    "alerts.open": "Open alerts, drills aside",
    "errors": "Errors",
    "p95 ws.message": "WebSocket message, P95",
    "p95 signal.rank": "Signal Engine, P95",
    "p95 radar.update": "Radar update, P95",
    "p95 chat.start": "Chat start, P95",
    "p95 http.request": "HTTP request, P95",
}
MOST: Final = 200  # rows of one kind: a bad night stays a page


def shown(incident: Incident, now: datetime) -> dict[str, Any]:
    """Everything of one incident, in a bounded number of questions."""
    spans = list(incident.alerts.values_list("began_at", "ended_at"))
    return {
        "title": str(incident),
        "incident": incident,
        "stages": stages(incident),
        "checklist": checklist(incident),
        "figures": figures(now),
        "alerts": _alerts(incident),
        "deploys": _deploys(incident, now),
        "notes": incident.notes.select_related("by")[:MOST],
        "changes": incident.changes.select_related("by")[: 2 * MOST],
        "open_for": minutes(troubled(spans, incident.resolved_at or now)),
        "next": {stage.value for stage in NEXT[Stage(incident.stage)]},
    }


def figures(now: datetime) -> list[dict[str, str]]:
    """The few that say most, as they are now, each with its last half hour."""
    return [
        {"name": NAMES.get(name, name.capitalize()), "says": figure.says, "trail": glance.sparkline(figure.trail)}
        for name, figure in glance.read(now).items()
    ]


def pages(incident: Incident) -> list[Runbook]:
    """The runbooks of the incident's alerts, each once, and after them the one that always holds."""
    rules = list(dict.fromkeys(incident.alerts.values_list("rule", flat=True)))
    found = [answering(rule, runbooks()) for rule in rules]
    first = [page for page in runbooks() if page.name == FIRST]
    return list(dict.fromkeys([*(page for page in found if page), *first]))


def checklist(incident: Incident) -> list[dict[str, Any]]:
    ticked = {(s.runbook, s.text): s for s in incident.steps.select_related("by")}
    return [
        {"page": page, "steps": [{"text": text, "tick": ticked.get((page.name, text[:500]))} for text in page.steps]}
        for page in pages(incident)
    ]


def stages(incident: Incident) -> list[dict[str, Any]]:
    return [
        {"label": label, "at": getattr(incident, f"{value}_at"), "here": value == incident.stage}
        for value, label in Incident.Stage.choices
    ]


def sessions_hit(incident: Incident, now: datetime) -> int:
    """How many different sessions sent an error while it lasted: a first guess for the verdict."""
    end = incident.resolved_at or now
    events = Event.objects.filter(received_at__gte=incident.detected_at, received_at__lte=end)
    return events.exclude(person="").values("person").distinct().count()


def _alerts(incident: Incident) -> list[dict[str, Any]]:
    """What was told of each, with its page as long as the alert itself is kept."""
    told = list(incident.alerts.all()[:MOST])
    kept = {str(key): pk for pk, key in Alert.objects.filter(key__in=_keys(told)).values_list("pk", "key")}
    return [{"told": one, "pk": kept.get(one.key)} for one in told]


def _keys(told: list[Any]) -> list[str]:
    return [one.key for one in told if len(one.key) == 36]


def _deploys(incident: Incident, now: datetime) -> QuerySet[DeployMarker]:
    start, end = incident.detected_at - NEARBY, incident.resolved_at or now
    return DeployMarker.objects.filter(at__gte=start, at__lte=end).order_by("at")[:20]
