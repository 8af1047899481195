"""A stretch of measures as running sums, read in one query: many windows of it cost next to nothing.

For whoever judges window after window: the alert rules as time goes by, and the back-test over a month.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import accumulate
from typing import Any, Final

from monitoring.metrics.histogram import EXACT_MS, tally
from monitoring.metrics.store import FLUSH, FRESH_S, SUMMED
from monitoring.metrics.tiers import FINEST_S, slot_of, up
from monitoring.models import Measure

EDGES_MS: Final = tuple(int(edge) for edge in EXACT_MS)


class Timeline:
    """What was measured of some metrics from `start` to `end`, in slots of one tier.

    `counts` names each count and says of which metric and which labels it is the sum: all of them, or all but some.
    """

    def __init__(  # noqa: PLR0913 - what to read, and where
        self,
        start: datetime,
        end: datetime,
        *,
        timings: Iterable[str],
        counts: dict[str, tuple[str, frozenset[str]]],
        levels: Iterable[str],
        tier_s: int = FINEST_S,
    ) -> None:
        self.tier_s = tier_s
        self._low = slot_of(start.timestamp(), tier_s)
        self._n = max(0, (up(end.timestamp(), tier_s) - self._low) // tier_s)
        self._timings, self._counts, self._levels = tuple(timings), counts, tuple(levels)
        self._sums: dict[str, list[list[int]]] = {}  # by metric: of all, then of those over each edge, before each slot
        self._flush_sums: dict[str, list[int]] = {}
        self._cut: tuple[datetime, datetime, tuple[int, int]] = (start, start, (0, 0))
        self._count_sums: dict[str, list[int]] = {}
        self._level: dict[str, list[float | None]] = {}
        self._flushes: dict[str, list[int]] = {}  # starts of the slots in which a role measured
        self._read()

    def timing(self, metric: str, start: datetime, end: datetime) -> tuple[int, dict[int, int]]:
        """How many samples the window holds, and how many of them took longer than each exact edge."""
        low, high = self._within(start, end)
        counted, *overs = self._sums[metric]
        return counted[high] - counted[low], {e: s[high] - s[low] for e, s in zip(EDGES_MS, overs, strict=True)}

    def count(self, name: str, start: datetime, end: datetime) -> int:
        low, high = self._within(start, end)
        sums = self._count_sums[name]
        return sums[high] - sums[low]

    def level(self, metric: str, at: datetime) -> float | None:
        """Where it stood; None when nobody told it for half a minute, or a slot."""
        _, high = self._within(at, at)
        known = self._level[metric][max(0, high - max(1, FRESH_S // self.tier_s)) : high]
        return next((value for value in reversed(known) if value is not None), None)

    def flushed(self, role: str, start: datetime, end: datetime) -> bool:
        """Whether a process of this role measured anything in the window."""
        low, high = self._within(start, end)
        sums = self._flush_sums.get(role)
        return sums is not None and sums[high] > sums[low]

    def silent_s(self, role: str, at: datetime) -> float | None:
        """For how long no process of this role had measured; None when none had before."""
        slots, at_s = self._flushes.get(role, []), at.timestamp()
        index = bisect_left(slots, at_s)
        return max(0.0, at_s - slots[index - 1] - self.tier_s) if index else None

    def ends_after(self, role: str, at: datetime) -> bool:
        """Whether a process of this role measured later than that."""
        slots = self._flushes.get(role, [])
        return bool(slots) and slots[-1] >= at.timestamp()

    def _within(self, start: datetime, end: datetime) -> tuple[int, int]:
        if self._cut[0] is not start or self._cut[1] is not end:  # one window is asked for many numbers
            low, high = (-int(-(at.timestamp() - self._low) // self.tier_s) for at in (start, end))
            self._cut = (start, end, (min(max(0, low), self._n), min(max(0, high), self._n)))
        return self._cut[2]

    def _read(self) -> None:
        timed = {metric: [[0] * self._n for _ in (0, *EDGES_MS)] for metric in self._timings}
        counted = {name: [0] * self._n for name in self._counts}
        into: defaultdict[str, list[tuple[frozenset[str], list[int]]]] = defaultdict(list)
        for name, (metric, without) in self._counts.items():
            into[metric].append((without, counted[name]))
        told: dict[str, defaultdict[int, list[float]]] = {metric: defaultdict(list) for metric in self._levels}
        flushes: defaultdict[str, set[int]] = defaultdict(set)
        for metric, label, start_s, count, last, stored in self._rows([FLUSH, *timed, *into, *told]):
            slot = (start_s - self._low) // self.tier_s
            if metric in timed:
                _add(timed[metric], slot, count, stored)
            elif metric == FLUSH:
                flushes[label].add(start_s)
            elif metric in told and last is not None:
                told[metric][slot].append(last)
            for without, slots in into.get(metric, ()):
                if label not in without:
                    slots[slot] += count
        self._keep(timed, counted, told)
        self._flushes = {role: sorted(slots) for role, slots in flushes.items()}
        for role, starts in flushes.items():
            told_in = [int(self._low + i * self.tier_s in starts) for i in range(self._n)]
            self._flush_sums[role] = _sums(told_in)

    def _keep(
        self,
        timed: dict[str, list[list[int]]],
        counted: dict[str, list[int]],
        told: dict[str, defaultdict[int, list[float]]],
    ) -> None:
        self._sums = {metric: [_sums(slots) for slots in counted_over] for metric, counted_over in timed.items()}
        self._count_sums = {name: _sums(slots) for name, slots in counted.items()}
        for metric, by_slot in told.items():
            join = sum if metric in SUMMED else max
            self._level[metric] = [float(join(by_slot[i])) if i in by_slot else None for i in range(self._n)]

    def _rows(self, metrics: Sequence[str]) -> Iterable[tuple[Any, ...]]:
        high = self._low + self._n * self.tier_s
        rows = Measure.objects.filter(metric__in=metrics, tier_s=self.tier_s, start_s__gte=self._low, start_s__lt=high)
        return rows.order_by().values_list("metric", "label", "start_s", "count", "last", "histogram").iterator(2000)


def _add(into: list[list[int]], slot: int, count: int, stored: bytes | None) -> None:
    into[0][slot] += count
    if stored is not None:
        for over, n in zip(into[1:], tally(stored), strict=True):
            over[slot] += n


def _sums(slots: Sequence[int]) -> list[int]:
    return list(accumulate(slots, initial=0))
