"""What stands behind the telemetry seam: counts in memory and nothing else, so that recording costs next to nothing.

The lock is only ever held for a few steps in memory; the flusher empties the recorder from a thread of its own.
"""

from __future__ import annotations

import logging
import threading
from bisect import bisect_left
from contextlib import AbstractContextManager, nullcontext
from typing import Final, NamedTuple, Protocol

from django.conf import settings

from monitoring.errors import fallback
from monitoring.metrics.histogram import EDGES_MS, Histogram
from signals import telemetry

Key = tuple[str, str]  # metric, label
OTHER: Final = "other"
LABELS_MAX: Final = 100  # by metric: what comes later is `other`
LABEL_LENGTH: Final = 80
KNOWN: Final[dict[str, frozenset[str]]] = {
    # A client chooses its close code, and could otherwise use up the labels.
    telemetry.WS_CLOSED: frozenset(
        "1000 1001 1005 1006 1007 1009 1011 1012 4401 4404 4429 4500".split()  # noqa: SIM905 - easier to read
    ),
}
log = logging.getLogger("icebreaker.fallback")
_nothing = nullcontext()


class Level(NamedTuple):
    """The last value in a window, and the highest."""

    last: float
    high: float


class Window(NamedTuple):
    """Everything that was recorded since the recorder was last emptied."""

    timings: dict[Key, Histogram]
    counts: dict[Key, int]
    levels: dict[Key, Level]


class Tracer(Protocol):
    """Who takes spans and exceptions. No method may raise, block or do I/O that can hang."""

    def span(self, op: str, name: str) -> AbstractContextManager[object]: ...

    def transaction(self, op: str, name: str) -> AbstractContextManager[object]: ...

    def capture(self, error: BaseException, tags: dict[str, str]) -> None: ...


class JsonLines:
    """The tracer when there is no other: one line of JSON an exception, on stderr, and never its message."""

    def span(self, op: str, name: str) -> AbstractContextManager[object]:
        return _nothing

    def transaction(self, op: str, name: str) -> AbstractContextManager[object]:
        return _nothing

    def capture(self, error: BaseException, tags: dict[str, str]) -> None:
        log.error("%s", fallback.of_error(error, settings.RELEASE, settings.ENVIRONMENT, tags))


class MetricsRecorder:
    """The recorder of this process: timings, counts and levels here, everything else to `tracer`."""

    def __init__(self) -> None:
        self.tracer: Tracer = JsonLines()
        self._lock = threading.Lock()
        self._timings: dict[Key, Histogram] = {}
        self._counts: dict[Key, int] = {}
        self._levels: dict[Key, Level] = {}
        self._labels: dict[str, set[str]] = {}

    def observe(self, metric: str, value_ms: float, label: str) -> None:
        if not value_ms > 0:  # also what is no number
            value_ms = 0.0
        bucket = bisect_left(EDGES_MS, value_ms)
        with self._lock:
            histogram = self._timings.get((metric, label)) or self._timing(metric, label)
            histogram.buckets[bucket] += 1
            histogram.sum_ms += value_ms

    def count(self, metric: str, label: str, n: int) -> None:
        with self._lock:
            if (metric, label) not in self._counts:
                label = self._bounded(metric, label)
            self._counts[metric, label] = self._counts.get((metric, label), 0) + n

    def level(self, metric: str, value: float, label: str) -> None:
        with self._lock:
            label = self._bounded(metric, label)
            before = self._levels.get((metric, label))
            self._levels[metric, label] = Level(value, max(value, before.high) if before else value)

    def span(self, op: str, name: str) -> AbstractContextManager[object]:
        return self.tracer.span(op, name)

    def transaction(self, op: str, name: str) -> AbstractContextManager[object]:
        return self.tracer.transaction(op, name)

    def capture(self, error: BaseException, tags: dict[str, str]) -> None:
        self.count(telemetry.ERRORS, tags.get("component", ""), 1)
        self.tracer.capture(error, tags)

    def drain(self) -> Window:
        """Take everything out. A level stands until it is told anew, and so stays."""
        with self._lock:
            window = Window(self._timings, self._counts, dict(self._levels))
            self._timings, self._counts = {}, {}
            self._levels = {key: Level(level.last, level.last) for key, level in window.levels.items()}
        return window

    def _timing(self, metric: str, label: str) -> Histogram:
        key = metric, self._bounded(metric, label)
        return self._timings.setdefault(key, Histogram())

    def _bounded(self, metric: str, label: str) -> str:
        labels = self._labels.setdefault(metric, {OTHER})
        if label in labels:
            return label
        if label.startswith("admin/"):
            return "admin/"  # one label for all pages of staff: what people feel has the others
        known = KNOWN.get(metric)
        if len(label) > LABEL_LENGTH or (known is not None and label not in known) or len(labels) >= LABELS_MAX:
            return OTHER
        labels.add(label)
        return label


recorder: Final = MetricsRecorder()
