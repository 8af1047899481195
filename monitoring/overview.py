"""Is all well: one sentence, from what is known here; the same for the page and the terminal."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from pathlib import Path
from typing import Any, Final

from django.db import DatabaseError, connection
from django.db.models import Exists, OuterRef

from monitoring.alerts import post
from monitoring.alerts.rules import SHIPPED
from monitoring.models import Incident, IncidentAlert, IncidentSync
from monitoring.runbooks.figures import READERS, disk_share, read

_OVER: Final = {rule.name: rule.condition.over for rule in SHIPPED}
DISK_OVER: Final = _OVER["disk-near-full"]
OF_DATABASE: Final = ("database.answer", "database.size", "migrations.pending")  # figures that only it can give
LATE: Final = timedelta(seconds=_OVER["watch-late"])


class State(IntEnum):
    """How it stands; the number is the exit code of `manage.py status`."""

    WELL = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3


@dataclass(frozen=True, slots=True)
class Open:
    """An incident without a verdict; `quiet` when nothing fires any more."""

    number: int
    title: str
    severity: str
    stage: str
    detected_at: datetime
    drill: bool
    quiet: bool


@dataclass(frozen=True, slots=True)
class Overview:
    state: State
    sentence: str
    incidents: tuple[Open, ...]
    figures: dict[str, str]
    readable: bool = True  # whether the database answered

    def plain(self) -> dict[str, Any]:
        """As JSON takes it."""
        incidents = [{**asdict(i), "detected_at": i.detected_at.isoformat()} for i in self.incidents]
        return {
            "state": self.state.name.lower(),
            "sentence": self.sentence,
            "incidents": incidents,
            "figures": self.figures,
        }


def _incidents() -> tuple[Open, ...]:
    firing = IncidentAlert.objects.filter(incident=OuterRef("pk"), ended_at=None)
    return tuple(
        Open(i.pk, i.title, i.severity, i.stage, i.detected_at, i.drill, not i.fires)
        for i in Incident.objects.filter(resolved_at=None).annotate(fires=Exists(firing))
    )


def blind(synced_at: datetime | None, now: datetime) -> str:
    """Why no open incident would mean nothing, as a sentence; empty when alerts were looked at just now."""
    if synced_at is None:
        return "It can't be known: alerts were never looked at here."
    if now - synced_at > LATE:
        return f"It can't be known: alerts were last looked at {synced_at:%Y-%m-%d %H:%M:%S} UTC."
    return ""


def judge(incidents: tuple[Open, ...], disk: float, figures: dict[str, str]) -> tuple[State, str]:
    """The worst that holds, and its sentence. A drill is never trouble, nor is what only waits for its verdict."""
    loud = [i for i in incidents if not i.drill and not i.quiet]
    critical = [i for i in loud if i.severity == "critical"]
    if critical:
        return State.CRITICAL, f"Not well: {critical[0].title}."
    if disk > DISK_OVER:
        return State.CRITICAL, f"Not well: the disk is {disk:.0%} full."
    if figures.get("migrations.pending", "0") != "0":
        return State.WARNING, f"Migrations are not applied: {figures['migrations.pending']}."
    if loud:
        return State.WARNING, f"Look at it today: {loud[0].title}."
    return State.WELL, _well(incidents)


def _well(incidents: tuple[Open, ...]) -> str:
    if any(not i.quiet for i in incidents):
        return "All is well but for a drill."
    if waiting := len(incidents):
        return f"Nothing fires; {waiting} {'waits' if waiting == 1 else 'wait'} for a verdict."
    return "No incident is open."


def _deaf() -> str:
    """Why nobody would hear of the next alert, as a sentence; empty when somebody would."""
    if post.listening().exists():
        return ""
    if post.stand_ins():
        return "Alerts go to superusers only: add a recipient, and confirm the address."
    return "Nobody would be told of an alert: add a recipient, and confirm the address."


def _missing() -> str | None:
    """Why there is no database to ask, as far as that can be known without making an empty one by asking."""
    name = connection.settings_dict["NAME"]
    if connection.vendor != "sqlite" or not isinstance(name, str | Path) or str(name).startswith(("file:", ":memory:")):
        return None
    return None if connection.connection or Path(name).is_file() else "the database file is not there."


def look(now: datetime) -> Overview:
    """Read everything. What can't be read makes the state unknown, never well."""
    if (missing_file := _missing()) is not None:
        figures = read(frozenset(name for name in READERS if name not in OF_DATABASE))
        return Overview(State.UNKNOWN, f"It can't be known: {missing_file}", (), figures, readable=False)
    figures = read(frozenset(READERS))
    try:
        incidents = _incidents()
        disk = disk_share()
        synced = IncidentSync.objects.filter(pk=1).first()
    except (DatabaseError, OSError) as error:
        sentence = f"It can't be known: reading failed with {type(error).__name__}."
        return Overview(State.UNKNOWN, sentence, (), figures, readable=False)
    state, sentence = judge(incidents, disk, figures)
    if state is not State.CRITICAL and (why := blind(synced.at if synced else None, now)):
        return Overview(State.UNKNOWN, why, incidents, figures)
    if state is State.WELL and (deaf := _deaf()):
        return Overview(State.WARNING, deaf, incidents, figures)
    if state is State.WELL and (missing := sorted(READERS.keys() - figures.keys())):
        return Overview(State.UNKNOWN, f"It can't be known: no figure for {', '.join(missing)}.", incidents, figures)
    return Overview(state, sentence, incidents, figures)
