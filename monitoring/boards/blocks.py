"""Timings over a range, read in blocks. A block that nobody can write into any more is unpacked once and kept."""

from __future__ import annotations

import threading
from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Final

from monitoring.metrics.ledger import WAITING_MAX
from monitoring.metrics.stack import Row, Stack
from monitoring.metrics.tiers import slot_of, tier_for
from monitoring.models import Measure

STEPS: Final = 12  # of a block
KEPT_ROWS: Final = 2_000_000  # of all blocks together, at 24 bytes each
Key = tuple[str, int, int]  # metric, seconds of a step, start


class Shelf:
    """Blocks that are over, the last used ones."""

    def __init__(self, most: int = KEPT_ROWS) -> None:
        self._most, self._rows = most, 0
        self._blocks: OrderedDict[Key, Stack] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Key) -> Stack | None:
        with self._lock:
            if key in self._blocks:
                self._blocks.move_to_end(key)
            return self._blocks.get(key)

    def put(self, key: Key, block: Stack) -> None:
        """Keep a block, unless it is empty: it costs nothing to read, and a history may still be filled in."""
        with self._lock:
            if not block.size or key in self._blocks:
                return
            self._blocks[key] = block
            self._rows += block.size
            while self._rows > self._most:
                self._rows -= self._blocks.popitem(last=False)[1].size

    def clear(self) -> None:
        with self._lock:
            self._blocks.clear()
            self._rows = 0


shelf: Final = Shelf()


def read(metric: str, times: list[datetime], step_s: int, now: datetime) -> Stack:
    """All labels of a timing over these steps. What is not kept is read, with a query for each run of blocks."""
    if not times:
        return Stack.read([], 0)
    low, length = int(times[0].timestamp()), STEPS * step_s
    starts = range(slot_of(low, length), int(times[-1].timestamp()) + 1, length)
    known = {start: shelf.get((metric, step_s, start)) for start in starts}
    for run in _runs([start for start, block in known.items() if block is None], length):
        for start, block in _read(metric, run, step_s).items():
            known[start] = block
            if _is_over(start + length, step_s, now):
                shelf.put((metric, step_s, start), block)
    parts = [(block, (start - low) // step_s) for start, block in known.items() if block]
    return Stack.joined(parts, len(times))


def _runs(starts: list[int], length: int) -> list[list[int]]:
    """Blocks that follow one another, together."""
    runs: list[list[int]] = []
    for start in starts:
        if runs and runs[-1][-1] + length == start:
            runs[-1].append(start)
        else:
            runs.append([start])
    return runs


def _read(metric: str, starts: list[int], step_s: int) -> dict[int, Stack]:
    length = STEPS * step_s
    found: dict[int, list[Row]] = {start: [] for start in starts}
    rows = Measure.objects.filter(
        metric=metric,
        tier_s=tier_for(timedelta(seconds=step_s)),
        start_s__gte=starts[0],
        start_s__lt=starts[-1] + length,
        histogram__isnull=False,
    ).order_by()
    for start_s, label, stored in rows.values_list("start_s", "label", "histogram"):
        start = slot_of(start_s, length)
        found[start].append(((start_s - start) // step_s, label, bytes(stored or b"")))
    return {start: Stack.read(block, STEPS) for start, block in found.items()}


def _is_over(end_s: int, step_s: int, now: datetime) -> bool:
    """Whether even a process that could not write for as long as it may has written."""
    tier_s = tier_for(timedelta(seconds=step_s))
    return end_s + (WAITING_MAX[tier_s] + 1) * tier_s < now.timestamp()
