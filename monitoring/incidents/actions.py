"""The one home for writes to incidents: each change and its row of history in one transaction."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction

from monitoring.incidents.stages import Firing, NotNow, Stage, Verdict, check, quiet_since, troubled, worse
from monitoring.incidents.writeup import Facts, Happening, draft
from monitoring.models import Incident, IncidentAlert, IncidentChange, IncidentStep, IncidentSync

Person = AbstractBaseUser | None
NOTE_MAX = 4000


def attach(alert: Firing, now: datetime) -> Incident:
    """Put an alert into the incident under way, or open one. The same alert again only learns that it ended."""
    try:
        return _attach(alert, now)
    except IntegrityError:  # another process opened the incident, or attached this alert, a moment earlier
        return _attach(alert, now)


@transaction.atomic
def _attach(alert: Firing, now: datetime) -> Incident:
    known = IncidentAlert.objects.select_related("incident").filter(key=alert.key).first()
    if known:
        _ended(known, alert)
        return known.incident
    incident = _gathering(alert.drill, now) or _open(alert)
    incident.alerts.create(
        key=alert.key,
        rule=alert.rule,
        title=alert.title[:200],
        severity=alert.severity,
        began_at=alert.began_at,
        ended_at=alert.ended_at,
    )
    incident.severity = worse(incident.severity, alert.severity)
    incident.save(update_fields=["severity"])
    _tell(incident, f"Alert: {alert.title}", alert.began_at)
    if alert.ended_at:
        _tell(incident, f"Over: {alert.title}", alert.ended_at)
    return incident


def _ended(known: IncidentAlert, alert: Firing) -> None:
    if alert.ended_at and not known.ended_at:
        known.ended_at = alert.ended_at
        known.save(update_fields=["ended_at"])
        _tell(known.incident, f"Over: {known.title}", alert.ended_at)


def _gathering(drill: bool, now: datetime) -> Incident | None:
    """The incident that alerts of now belong to; one that has been quiet for long stops being it here."""
    found = Incident.objects.select_for_update().filter(drill=drill, resolved_at=None, quiet_at=None).first()
    return None if found and _hushed(found, now) else found


def _hushed(incident: Incident, now: datetime) -> bool:
    since = quiet_since(incident.alerts.values_list("began_at", "ended_at"), now)
    if since is None:
        return False
    incident.quiet_at = since
    incident.save(update_fields=["quiet_at"])
    return True


def _open(alert: Firing) -> Incident:
    return Incident.objects.create(
        title=alert.title[:200],
        rule=alert.rule,
        severity=alert.severity,
        drill=alert.drill,
        detected_at=alert.began_at,
    )


def _tell(incident: Incident, what: str, now: datetime, by: Person = None) -> None:
    IncidentChange.objects.create(incident=incident, by_id=by.pk if by else None, at=now, what=what[:600])


def _locked(incident: Incident, wanted: Stage) -> Incident:
    fresh = Incident.objects.select_for_update().get(pk=incident.pk)
    check(Stage(fresh.stage), wanted)
    fresh.stage = Incident.Stage(wanted.value)
    return fresh


@transaction.atomic
def acknowledge(incident: Incident, *, by: Person, now: datetime) -> Incident:
    """Somebody has it. Raises NotNow when it went further already."""
    fresh = _locked(incident, Stage.ACKNOWLEDGED)
    fresh.acknowledged_at = now
    fresh.save(update_fields=["stage", "acknowledged_at"])
    _tell(fresh, "Acknowledged.", now, by)
    return fresh


@transaction.atomic
def investigate(incident: Incident, *, by: Person, now: datetime) -> Incident:
    """Somebody works on it, which acknowledges it too. Raises NotNow when it went further already."""
    fresh = _locked(incident, Stage.INVESTIGATING)
    fresh.acknowledged_at = fresh.acknowledged_at or now
    fresh.investigating_at = now
    fresh.save(update_fields=["stage", "acknowledged_at", "investigating_at"])
    _tell(fresh, "Investigating.", now, by)
    return fresh


@transaction.atomic
def resolve(  # noqa: PLR0913 - what the verdict consists of
    incident: Incident,
    *,
    verdict: Verdict,
    cause: str,
    follow_ups: str,
    sessions_hit: int | None,
    by: Person,
    now: datetime,
) -> Incident:
    """Say what it was, and get the draft of the write-up. Raises NotNow, also when a drill is called real."""
    fresh = _locked(incident, Stage.RESOLVED)
    if fresh.drill != (verdict is Verdict.DRILL):
        raise NotNow("A drill is resolved as a drill, and nothing else is.")
    if verdict is Verdict.REAL and not cause.strip():
        raise NotNow("Say what the cause was, or that it is not known.")
    fresh.resolved_at, fresh.verdict = now, Incident.Verdict(verdict.value)
    fresh.cause, fresh.follow_ups, fresh.sessions_hit = cause.strip(), follow_ups.strip(), sessions_hit
    _tell(fresh, f"Resolved: {verdict.replace('_', ' ')}.", now, by)
    fresh.write_up = draft(facts(fresh))
    fresh.save()
    return fresh


@transaction.atomic
def document(incident: Incident, *, write_up: str, by: Person, now: datetime) -> Incident:
    """The write-up is finished. Raises NotNow when it is empty or the incident isn't resolved."""
    fresh = _locked(incident, Stage.DOCUMENTED)
    if not write_up.strip():
        raise NotNow("The write-up is empty.")
    fresh.write_up, fresh.documented_at = write_up.replace("\r\n", "\n").strip() + "\n", now
    fresh.save(update_fields=["stage", "write_up", "documented_at"])
    _tell(fresh, "Documented.", now, by)
    return fresh


@transaction.atomic
def tick(incident: Incident, *, runbook: str, step: str, by: Person, now: datetime) -> None:
    """A step is done. Ticked again it stays with who did it first."""
    defaults = {"by_id": by.pk if by else None, "ticked_at": now}
    _, new = IncidentStep.objects.get_or_create(incident=incident, runbook=runbook, text=step[:500], defaults=defaults)
    if new:
        _tell(incident, f"Done: {step}", now, by)


@transaction.atomic
def untick(incident: Incident, *, runbook: str, step: str, by: Person, now: datetime) -> None:
    gone, _ = incident.steps.filter(runbook=runbook, text=step[:500]).delete()
    if gone:
        _tell(incident, f"Not done after all: {step}", now, by)


def note(incident: Incident, *, text: str, by: Person, now: datetime) -> None:
    """Raises NotNow when there is nothing to note, or too much."""
    if not 0 < len(text.strip()) <= NOTE_MAX:
        raise NotNow(f"A note has between 1 and {NOTE_MAX} characters.")
    incident.notes.create(text=text.strip(), at=now, by_id=by.pk if by else None)


def sync(firings: Iterable[Firing], now: datetime) -> None:
    """Bring incidents up to date with the alerts of now; a job of the watch, safe to run twice."""
    for firing in firings:
        attach(firing, now)
    for incident in Incident.objects.filter(resolved_at=None, quiet_at=None):
        _hushed(incident, now)
    IncidentSync.objects.update_or_create(pk=1, defaults={"at": now})  # last: only what was finished counts


def facts(incident: Incident) -> Facts:
    """What the write-up is drafted from; the incident is resolved."""
    end = incident.resolved_at or incident.detected_at
    changes = [Happening(c.at, c.what, str(c.by or "")) for c in incident.changes.select_related("by")]
    notes = [Happening(n.at, n.text, str(n.by or "")) for n in incident.notes.select_related("by")]
    return Facts(
        title=incident.title,
        number=incident.pk,
        severity=incident.severity,
        verdict=incident.verdict,
        detected_at=incident.detected_at,
        resolved_at=end,
        acknowledged_at=incident.acknowledged_at,
        troubled=troubled(incident.alerts.values_list("began_at", "ended_at"), end),
        sessions_hit=incident.sessions_hit,
        cause=incident.cause,
        follow_ups=incident.follow_ups.splitlines(),
        happenings=changes + notes,
    )
