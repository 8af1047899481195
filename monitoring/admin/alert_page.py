"""What an alert's page shows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from monitoring.alerts import book, drawing, history, words
from monitoring.alerts.drawing import Mark
from monitoring.alerts.rules import Kind, Rule
from monitoring.models import Alert, DeployMarker, Incident
from monitoring.runbooks.library import answering
from monitoring.runbooks.shelf import FIRST, runbooks

BEFORE_MOST = 10
TABLE_MOST = 60
SOURCES: Final = {  # by a rule's source: what it counts, for people
    "ws.message": "WebSocket messages",
    "signal.rank": "rankings of the Signal Engine",
    "http.request": "HTTP requests",
    "errors": "errors",
    "issues.new": "new kinds of error",
    "issues.regression": "resolved errors that came back",
    "outages.down": "monitors that are down",
    "outages.slow": "monitors that answer slowly",
    "web.flush": "the last figures of a web process",
    "watch.beat": "the last beat of the watch process",
    "mail.oldest": "the oldest mail that waits",
    "disk.used": "the share of the disk in use",
    "database.used": "the share in use of what the database may take",
    "certificate.days": "the days until a certificate expires",
    "sockets.by_session": "sockets for each session",
    "ws.refused": "connections refused",
}


def meaning(rule: Rule) -> str:
    """What the rule's number is, and what of it is allowed."""
    condition = rule.condition
    allowed = f"allowed: {words.limit(condition)}"
    what = SOURCES.get(condition.source, condition.source)
    match condition.kind:
        case Kind.SHARE:
            return f"The share of {what} that take over {condition.edge_ms} ms; {allowed}."
        case Kind.RATE:
            return f"{_begun(what)} by the minute; {allowed}."
        case Kind.COUNT:
            return f"{_begun(what)} in the window; {allowed}."
        case Kind.AGE:
            return f"How old it is: {what}; {allowed}."
    return f"{_begun(what)}; {allowed}."


def _begun(words: str) -> str:
    return words[:1].upper() + words[1:]


def shown(alert: Alert, now: datetime) -> dict[str, Any]:
    """Everything of one alert, in a bounded number of questions."""
    rule = book.one(alert.rule) if alert.rule in book.BY_NAME else None
    page = answering(alert.rule, runbooks())
    return {
        "alert": alert,
        "lasted": words.duration((alert.resolved_at or now) - alert.fired_at),
        "rule": rule,
        "meaning": meaning(rule) if rule else "",
        "figures": _figures(alert, rule),
        "incident": Incident.objects.filter(alerts__key=str(alert.key)).first(),
        "runbook": page.name if page else FIRST,
        "transitions": [
            {"row": row, "said": words.figure(rule.condition, row.value) if rule and row.value is not None else ""}
            for row in alert.transitions.select_related("by")[:200]
        ],
        "mails": alert.mails.prefetch_related("tries").order_by("created_at")[:100],
        "before": _before(alert, now),
        **(picture(rule, *history.around(alert, now), now, _acts(alert)) if rule else {}),
    }


def _figures(alert: Alert, rule: Rule | None) -> list[tuple[str, str]]:
    named = (("When it fired", alert.value), ("At worst", alert.peak), ("Last", alert.last))
    return [(name, words.figure(rule.condition, value)) for name, value in named] if rule else []


def _before(alert: Alert, now: datetime) -> list[dict[str, Any]]:
    """Earlier ones of the same rule, and what they turned out to be."""
    rows = list(Alert.objects.filter(rule=alert.rule, fired_at__lt=alert.fired_at)[:BEFORE_MOST])
    incidents = Incident.objects.filter(alerts__key__in=[str(row.key) for row in rows])
    verdicts = {
        key: (incident.pk, incident.get_verdict_display())
        for incident in incidents.prefetch_related("alerts")
        for key in (told.key for told in incident.alerts.all())
    }
    return [
        {
            "alert": row,
            "lasted": words.duration((row.resolved_at or now) - row.fired_at),
            "incident": verdicts.get(str(row.key)),
        }
        for row in rows
    ]


def picture(rule: Rule, start: datetime, end: datetime, now: datetime, marks: Sequence[Mark]) -> dict[str, Any]:
    """The rule's number and its state over time, drawn and as a table."""
    points = history.points(rule, start, end, now)
    over, clear = rule.condition.over, rule.condition.clear
    drawn = drawing.Picture(
        drawing.frame(start, end, points, (over, clear)),
        points,
        history.stretches(rule.name, start, end),
        [*_deploys(start, end), *marks],
        bounds=(over, clear),
        words=f"{meaning(rule)} From {start:%Y-%m-%d %H:%M} to {end:%H:%M} UTC.",
    )
    every = max(1, -(-len(points) // TABLE_MOST))
    return {
        "start": start,
        "end": end,
        "known": any(point.value is not None for point in points),
        "chart": drawing.svg(drawn),
        "points": [{"at": p.at, "said": words.figure(rule.condition, p.value)} for p in points[::every]],
        "threshold": words.figure(rule.condition, over),
        "lower": words.figure(rule.condition, clear),
    }


def _deploys(start: datetime, end: datetime) -> list[Mark]:
    rows = DeployMarker.objects.filter(at__gte=start, at__lte=end)[:20]
    return [Mark(row.at, f"{row.version} began to run") for row in rows]


def _acts(alert: Alert) -> list[Mark]:
    acts = (("fired", alert.fired_at), ("acknowledged", alert.acknowledged_at), ("resolved", alert.resolved_at))
    return [Mark(at, what) for what, at in acts if at]
