"""What a process measured and has not yet seen written, slot by slot, in every tier at once.

A row says all that its source measured in its slot so far, never a difference: writing it a second time, because nobody
knows whether the first time worked, changes nothing. So nothing is ever counted twice.
"""

from __future__ import annotations

import secrets
import threading
from typing import Final, NamedTuple

from monitoring.metrics.histogram import Histogram
from monitoring.metrics.recorder import Key, Level, Window
from monitoring.metrics.tiers import TIERS_S, slot_of

LOST: Final = "monitoring.lost"  # [seconds of the slot] slots given up because they could not be written for too long
WAITING_MAX: Final = {10: 90, 60: 60, 3600: 24}  # slots that wait to be written: 15 minutes, an hour, a day
SlotKey = tuple[str, int, int]  # source, tier, start


class Row(NamedTuple):
    """One measure as it is stored."""

    source: str
    tier_s: int
    start_s: int
    metric: str
    label: str
    n: int
    last: float | None
    high: float | None
    histogram: bytes | None


class _Entry:
    """One metric and label in one slot."""

    __slots__ = ("count", "histogram", "level", "stored", "version", "written")

    def __init__(self) -> None:
        self.count = 0
        self.histogram: Histogram | None = None
        self.level: Level | None = None
        self.stored: bytes | None = None  # the histogram of a slot that is over, in little space
        self.version, self.written = 0, 0

    def add(self, count: int = 0, histogram: Histogram | None = None, level: Level | None = None) -> None:
        self.version += 1
        self.count += count
        if level:
            self.level = Level(level.last, max(level.high, self.level.high) if self.level else level.high)
        if histogram:
            self.count += histogram.count
            self.histogram = self.histogram or Histogram()
            self.histogram.merge(histogram)

    def freeze(self) -> None:
        self.stored, self.histogram = self.bytes(), None

    def bytes(self) -> bytes | None:
        return self.histogram.to_bytes() if self.histogram else self.stored


class Receipt(NamedTuple):
    """What was handed out to be written."""

    rows: tuple[Row, ...]
    versions: tuple[tuple[_Entry, int], ...]


class Ledger:
    """The slots of this process that are open or wait to be written; safe to use from two threads."""

    def __init__(self, token: str = "") -> None:
        self._token = token or secrets.token_hex(8)
        self._run = 0
        self._lock = threading.Lock()
        self._slots: dict[SlotKey, dict[Key, _Entry]] = {}  # oldest first
        self._newest: dict[int, int] = {}
        self._timings: dict[Key, Histogram] = {}
        self._counts: dict[Key, int] = {}
        self._levels: dict[Key, Level] = {}
        self._lost: dict[int, int] = {}

    @property
    def source(self) -> str:
        """Who writes: this process, and how often its clock was set back."""
        return f"{self._token}-{self._run}"

    def add(self, window: Window, at_s: float) -> None:
        """Put what was recorded around this moment (seconds since the epoch) into its slots."""
        with self._lock:
            if any(slot_of(at_s, tier_s) < newest for tier_s, newest in self._newest.items()):
                self._begin_anew()  # the clock was set back: slots already written are never written over
            for tier_s in TIERS_S:
                self._newest[tier_s] = slot_of(at_s, tier_s)
                for key, histogram in window.timings.items():
                    self._entry(tier_s, key).add(histogram=histogram)
                for key, n in window.counts.items():
                    self._entry(tier_s, key).add(count=n)
                for key, level in window.levels.items():
                    self._entry(tier_s, key).add(level=level)
                for lost_s, n in self._lost.items():
                    self._entry(tier_s, (LOST, f"{lost_s} s")).add(count=n)
            self._total(window)
            self._lost.clear()
            self._tidy()

    def pending(self) -> Receipt:
        """Everything that changed since it was last confirmed."""
        rows, versions = [], []
        with self._lock:
            for slot, entries in self._slots.items():
                for key, entry in entries.items():
                    if entry.version != entry.written:
                        last, high = entry.level or (None, None)
                        rows.append(Row(*slot, *key, entry.count, last, high, entry.bytes()))
                        versions.append((entry, entry.version))
        return Receipt(tuple(rows), tuple(versions))

    def confirm(self, receipt: Receipt) -> None:
        """These rows are safe."""
        with self._lock:
            for entry, version in receipt.versions:
                entry.written = version
            self._tidy()

    def close(self, source: str) -> None:
        """This source may write no more; what still waits under its name is lost, and counted."""
        with self._lock:
            if source == self.source:
                self._begin_anew()
            for slot in [s for s in self._slots if s[0] == source]:
                self._give_up(slot)

    def totals(self) -> Window:
        """Everything since the process began; levels as they stand."""
        with self._lock:
            timings = {}
            for key, histogram in self._timings.items():
                timings[key] = Histogram()
                timings[key].merge(histogram)
            return Window(timings, dict(self._counts), dict(self._levels))

    def _begin_anew(self) -> None:
        self._run += 1
        self._newest.clear()

    def _entry(self, tier_s: int, key: Key) -> _Entry:
        entries = self._slots.setdefault((self.source, tier_s, self._newest[tier_s]), {})
        return entries.get(key) or entries.setdefault(key, _Entry())

    def _total(self, window: Window) -> None:
        for key, histogram in window.timings.items():
            self._timings.setdefault(key, Histogram()).merge(histogram)
        for key, n in window.counts.items():
            self._counts[key] = self._counts.get(key, 0) + n
        self._levels.update(window.levels)

    def _tidy(self) -> None:
        """Forget what is over and written; give up the oldest of what waits for too long."""
        waiting: dict[int, list[SlotKey]] = {tier_s: [] for tier_s in TIERS_S}
        for slot, entries in list(self._slots.items()):
            source, tier_s, start_s = slot
            if source == self.source and start_s == self._newest.get(tier_s):
                continue
            if all(entry.version == entry.written for entry in entries.values()):
                del self._slots[slot]
                continue
            waiting[tier_s].append(slot)
            for entry in entries.values():
                if entry.histogram:
                    entry.freeze()
        for tier_s, slots in waiting.items():
            for slot in slots[: -WAITING_MAX[tier_s]]:
                self._give_up(slot)

    def _give_up(self, slot: SlotKey) -> None:
        del self._slots[slot]
        self._lost[slot[1]] = self._lost.get(slot[1], 0) + 1  # said with the next window
