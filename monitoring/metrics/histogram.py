"""Durations counted in fixed buckets: mergeable, exact at the edges that thresholds use, within 3 % elsewhere.

Each octave from the exact edges has buckets at most 2^(1/12) wide, so that a bucket's geometric middle is at most
2^(1/24) - 1 = 2.93 % from whatever fell into it.
"""

from __future__ import annotations

import itertools
import math
from bisect import bisect_left
from collections.abc import Iterable
from typing import Final

import msgspec

EXACT_MS: Final = (100.0, 200.0, 500.0, 1000.0, 2000.0)
_WIDEST: Final = 2 ** (1 / 12)
VERSION: Final = 1


def _edges() -> tuple[float, ...]:
    """Upper edges in milliseconds, half a microsecond to 17 minutes; a bucket holds what is over the edge before it."""
    edges = [EXACT_MS[0] * 2 ** (-k / 12) for k in range(212, 0, -1)]
    for low, high in itertools.pairwise(EXACT_MS):
        steps = math.ceil(math.log(high / low) / math.log(_WIDEST) - 1e-9)
        edges += [low, *(low * (high / low) ** (k / steps) for k in range(1, steps))]
    edges += [EXACT_MS[-1] * 2 ** (k / 12) for k in range(109)]
    return tuple(edges)


EDGES_MS: Final = _edges()
SIZE: Final = len(EDGES_MS) + 1  # the last bucket holds everything beyond


class Stored(msgspec.Struct, array_like=True):
    """The form on disk: only buckets that hold something."""

    version: int
    sum_ms: float
    buckets: dict[int, int]


_decode = msgspec.msgpack.Decoder(Stored).decode


class Histogram:
    """How many durations fell into each bucket, and their sum in milliseconds."""

    __slots__ = ("buckets", "sum_ms")

    def __init__(self, values_ms: Iterable[float] = ()) -> None:
        self.buckets = [0] * SIZE
        self.sum_ms = 0.0
        for value in values_ms:
            self.add(value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Histogram) and self.buckets == other.buckets

    __hash__ = None  # type: ignore[assignment]  # it changes

    @property
    def count(self) -> int:
        return sum(self.buckets)

    @property
    def mean_ms(self) -> float:
        """Arithmetic mean; not a number when empty."""
        count = self.count
        return self.sum_ms / count if count else math.nan

    def add(self, value_ms: float) -> None:
        """Count one duration; what is negative or no number counts as zero, since a clock may step."""
        if not value_ms > 0:
            value_ms = 0.0
        self.buckets[bisect_left(EDGES_MS, value_ms)] += 1
        self.sum_ms += value_ms

    def merge(self, other: Histogram) -> None:
        """Take in everything that `other` counted."""
        self.buckets = [a + b for a, b in zip(self.buckets, other.buckets, strict=True)]
        self.sum_ms += other.sum_ms

    def over(self, edge_ms: float) -> int:
        """How many took longer than `edge_ms`, exactly. Raises ValueError for an edge that no bucket ends at."""
        at = bisect_left(EDGES_MS, edge_ms)
        if at == len(EDGES_MS) or EDGES_MS[at] != edge_ms:
            raise ValueError(f"{edge_ms:g} ms is not an edge: {', '.join(f'{e:g}' for e in EXACT_MS)} are exact")
        return sum(self.buckets[at + 1 :])

    def percentile(self, p: float) -> float:
        """The value in milliseconds that `p` percent of the samples don't exceed, within 3 %; not a number when empty.

        Nearest rank on the inverse of the cumulated counts (numpy's `inverted_cdf`), read at the bucket's geometric
        middle. Beyond the last edge it says the last edge.
        """
        if not 0 <= p <= 100:
            raise ValueError("a percentile lies between 0 and 100")
        count = self.count
        if not count:
            return math.nan
        rank, seen = max(1, math.ceil(count * p / 100 - 1e-9)), 0
        for index, here in enumerate(self.buckets):
            seen += here
            if seen >= rank:
                return _middle_ms(index)
        raise AssertionError("the counts add up to the count")

    def to_bytes(self) -> bytes:
        used = {index: n for index, n in enumerate(self.buckets) if n}
        return packed(used, self.sum_ms)

    @classmethod
    def from_bytes(cls, stored: bytes) -> Histogram:
        """Read back what `to_bytes` wrote. Raises ValueError when it isn't that."""
        histogram = cls()
        histogram.absorb(stored)
        return histogram

    def absorb(self, stored: bytes) -> None:
        """Merge what `to_bytes` wrote. Raises ValueError when it isn't that, and takes nothing of it."""
        try:
            known = _decode(stored)
        except msgspec.DecodeError as error:
            raise ValueError("these bytes are no histogram") from error
        used = known.buckets
        if known.version != VERSION or (used and (min(used) < 0 or max(used) >= SIZE or min(used.values()) < 0)):
            raise ValueError("these bytes are no histogram of this version")
        buckets = self.buckets
        for index, n in used.items():
            buckets[index] += n
        self.sum_ms += known.sum_ms


def packed(used: dict[int, int], sum_ms: float) -> bytes:
    """The form on disk of these buckets, by their number."""
    return msgspec.msgpack.encode(Stored(VERSION, sum_ms, used))


_EXACT_AT: Final = tuple(EDGES_MS.index(edge) for edge in EXACT_MS)


def tally(stored: bytes) -> tuple[int, ...]:
    """How many samples took longer than each of EXACT_MS, from what `to_bytes` wrote, without building a histogram."""
    try:
        used = _decode(stored).buckets
    except msgspec.DecodeError as error:
        raise ValueError("these bytes are no histogram") from error
    if not used or max(used) <= _EXACT_AT[0]:
        return (0,) * len(_EXACT_AT)
    return tuple(sum(n for index, n in used.items() if index > at) for at in _EXACT_AT)


def _middle_ms(index: int) -> float:
    if index == 0:
        return EDGES_MS[0]
    if index == len(EDGES_MS):
        return EDGES_MS[-1]
    return math.sqrt(EDGES_MS[index - 1] * EDGES_MS[index])
