"""What a web process does of the drills under way.

A thread of its own reads them every few seconds, off every path that people use. A fault is held only as long as the
database confirms it: cut off from it, or past its end, it lifts by itself, whatever this thread is doing.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from typing import Final

from django.db import close_old_connections, connection
from django.utils import timezone

from monitoring.drills import record
from monitoring.drills.effects import BURST, COMPONENT, DRIP, HELD_S, SLOW_S, Kind
from monitoring.metrics.trouble import Trouble
from monitoring.models.drills import Drill
from signals import faults, telemetry

log = logging.getLogger("icebreaker")
EVERY_S: Final = 2.0
SENTENCE: Final = "This is a drill: the health answer fails on purpose, until {:%H:%M:%S} UTC at the latest."


class DrillError(Exception):
    """Raised on purpose: nothing is broken."""


@dataclass(frozen=True, slots=True)
class Held:
    """A drill as this process carries it out. Times of the steady clock: setting the other one prolongs nothing."""

    number: int
    ends_at: datetime
    until_s: float  # confirmed so far
    last_s: float  # never beyond this, whatever the database says


class Drilling:
    """The drills of this process; `look` is what its thread does, and tests do without it."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._held: dict[Kind, Held] = {}
        self._thread: threading.Thread | None = None

    def holds(self, kind: Kind) -> Held | None:
        """The drill of this kind that is in force at this very moment."""
        held = self._held.get(kind)
        return held if held and self._clock() < held.until_s else None

    async def strike(self) -> None:
        """Hold up a frame or a call, as the latency drill wants it."""
        if self.holds(Kind.LATENCY):
            await asyncio.sleep(SLOW_S)

    def health_fails(self) -> str:
        """Why the health answer is bad on purpose, as a sentence; empty when it isn't."""
        held = self.holds(Kind.HEALTH)
        return SENTENCE.format(held.ends_at) if held else ""

    def look(self, now: datetime) -> None:
        """Read what is to be done, and do it. Raises what the database raises; what is held lifts by itself then."""
        found = {Kind(drill.kind): drill for drill in record.running(now)}
        fresh = [drill.pk for drill in found.values() if self._is_new(drill)]
        self._held = {kind: self._hold(kind, drill, now) for kind, drill in found.items()}
        faults.install(self if Kind.LATENCY in self._held else None)
        if fresh:
            record.in_effect(fresh, now)
            log.warning("a drill begins: %s", ", ".join(found))
        if held := self.holds(Kind.ERRORS):
            for _ in range(BURST if held.number in fresh else DRIP):
                _fail(held.number)

    def start(self) -> None:
        """Carry out drills in this process from now on; a second call does nothing."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._keep_looking, name="drills", daemon=True)
            self._thread.start()

    def _is_new(self, drill: Drill) -> bool:
        held = self._held.get(Kind(drill.kind))
        return held is None or held.number != drill.pk

    def _hold(self, kind: Kind, drill: Drill, now: datetime) -> Held:
        at_s, before = self._clock(), self._held.get(kind)
        left_s = (drill.ends_at - now) / timedelta(seconds=1)
        last_s = at_s + left_s if self._is_new(drill) or before is None else before.last_s
        return Held(drill.pk, drill.ends_at, min(at_s + HELD_S, at_s + left_s, last_s), last_s)

    def _keep_looking(self) -> None:
        pause, trouble = threading.Event(), Trouble("drills", "drills can't be read for now")
        while not pause.wait(EVERY_S):
            try:
                close_old_connections()
                self.look(timezone.now())
                trouble.over()
            except Exception as error:  # most likely the database; what is held lifts by itself
                trouble.caught(error)
                connection.close()


def _break(number: int) -> None:
    raise DrillError(f"Drill {number}: raised on purpose, nothing is broken.")


def _fail(number: int) -> None:
    try:
        _break(number)
    except DrillError as error:
        telemetry.capture(error, component=COMPONENT, drill=str(number))


drilling: Final = Drilling()
