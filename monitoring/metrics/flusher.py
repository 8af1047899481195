"""Takes what was recorded every 5 seconds, and writes it: two daemon threads, so that nothing else ever waits.

One keeps the time, in memory alone; the other writes. A database that is locked, slow or gone holds up the second, and
the first goes on putting every window into the slot where it belongs.
"""

from __future__ import annotations

import atexit
import logging
import threading
import time
from datetime import datetime
from typing import Final

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import close_old_connections, connection
from django.utils import timezone

from monitoring.metrics import store
from monitoring.metrics.ledger import Ledger
from monitoring.metrics.recorder import MetricsRecorder, Window, recorder
from monitoring.metrics.trouble import Trouble
from signals import telemetry

EVERY_S: Final = 5.0
STOP_WITHIN_S: Final = 6.0  # SQLite waits up to 5 for a lock
log = logging.getLogger("icebreaker")


class Flusher:
    """One process run that measures; `tick` and `write` are what its threads do, and tests do without them."""

    def __init__(self, source: MetricsRecorder, role: str) -> None:
        self.ledger = Ledger()
        self.role = role
        self._recorder = source
        self._ticked_at: float | None = None
        self._troubled = False
        self._stopping = threading.Event()
        self._ready = threading.Event()
        self._finished = threading.Event()
        self._threads = [
            threading.Thread(target=run, name=name, daemon=True)
            for run, name in ((self._keep_time, "metrics-time"), (self._keep_writing, "metrics-write"))
        ]

    def tick(self, now: datetime) -> None:
        """Put what was recorded since the last tick where it belongs: into the slot of its middle."""
        at_s = now.timestamp()
        since_s = at_s - self._ticked_at if self._ticked_at is not None else 0.0
        self._ticked_at = at_s
        timings, counts, levels = self._recorder.drain()
        flushes = {(store.FLUSH, self.role): 1}
        self.ledger.add(Window(timings, counts | flushes, levels), at_s - min(max(since_s, 0.0), EVERY_S) / 2)

    def write(self, now: datetime, *, stopped: bool = False) -> bool:
        """Write what waits; False when the database does not take it, and then it goes on waiting."""
        receipt = self.ledger.pending()
        try:
            closed = store.write(receipt.rows, self.role, settings.RELEASE, now, stopped=stopped)
        except DatabaseError as error:
            if not self._troubled:
                log.warning("measures can't be written for now (%s): they wait in memory", type(error).__name__)
            self._troubled = True
            return False
        self.ledger.confirm(receipt)
        for source in closed:
            self.ledger.close(source)
        if self._troubled:
            log.warning("measures are written again; what was given up meanwhile is counted as monitoring.lost")
        self._troubled = False
        return True

    def start(self) -> None:
        for thread in self._threads:
            thread.start()
        atexit.register(self.stop)

    def stop(self) -> None:
        """Write the last window, as far as that goes quickly."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(STOP_WITHIN_S)

    def _keep_time(self) -> None:
        trouble = Trouble("metrics.time", "measures can't be put in their place")
        while not self._stopping.wait(EVERY_S - time.time() % EVERY_S):
            self._tick(trouble)
            self._ready.set()
        self._tick(trouble)
        self._finished.set()
        self._ready.set()

    def _tick(self, trouble: Trouble) -> None:
        try:
            self.tick(timezone.now())
            trouble.over()
        except Exception as error:
            trouble.caught(error)

    def _keep_writing(self) -> None:
        last, trouble = False, Trouble("metrics.write", "measures were not written")
        while not last:
            self._ready.wait()
            self._ready.clear()
            last = self._finished.is_set()
            try:
                close_old_connections()
                self.write(timezone.now(), stopped=last)
                trouble.over()
            except Exception as error:  # what waits goes on waiting
                trouble.caught(error)
        connection.close()


_running: Flusher | None = None


def start(role: str) -> Flusher:
    """Measure in this process from now on; a second call does nothing."""
    global _running  # noqa: PLW0603 - one process has one flusher
    if _running is None:
        _running = Flusher(recorder, role)
        if role == store.WEB:  # nobody is connected yet, and that is known
            recorder.level(telemetry.WS_CONNECTIONS, 0, "")
        _running.start()
    return _running


def running() -> Flusher | None:
    return _running
