"""Many histograms at once, as columns: what 30 days of them take to merge without a loop in Python."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from monitoring.metrics.histogram import EDGES_MS, SIZE, VERSION, Stored

Ints = npt.NDArray[np.int64]
Row = tuple[int, str, bytes]  # the step it belongs to, its label, and the stored histogram
_decode = msgspec.msgpack.Decoder(list[Stored]).decode
_ENDS: Final = np.array(EDGES_MS)
_NONE: Final = np.zeros(0, np.int64)
_MIDDLES: Final = np.concatenate(([_ENDS[0]], np.sqrt(_ENDS[:-1] * _ENDS[1:]), [_ENDS[-1]]))  # as Histogram reads them


class Stack:
    """Counts by label, step and bucket: three columns of the same length, a row for each count that is not zero."""

    def __init__(self, labels: Sequence[str], steps: int, number: Ints, place: Ints, counts: Ints) -> None:
        """`number` is that of the label; a place is step * SIZE + bucket."""
        self.labels, self.steps = tuple(labels), steps
        self._number, self._place, self._counts = number, place, counts

    @property
    def size(self) -> int:
        """How many rows it holds."""
        return len(self._place)

    @classmethod
    def read(cls, rows: Sequence[Row], steps: int) -> Stack:
        """Unpack and merge. Raises ValueError when one of them is no histogram of this version."""
        labels = sorted({label for _, label, _ in rows})
        number = {label: index * steps for index, label in enumerate(labels)}
        begins = np.fromiter((number[label] + step for step, label, _ in rows), np.int64, len(rows))
        which, bucket, n = _unpacked([stored for _, _, stored in rows])
        dense = np.bincount(begins[which] * SIZE + bucket, n, len(labels) * steps * SIZE)
        used = np.flatnonzero(dense)
        return cls(labels, steps, *np.divmod(used, max(1, steps) * SIZE), dense[used].astype(np.int64))

    @classmethod
    def joined(cls, parts: Sequence[tuple[Stack, int]], steps: int) -> Stack:
        """Several stacks as one of `steps`, each put at the step it begins with; what falls outside is left out."""
        labels = sorted({label for part, _ in parts for label in part.labels})
        columns: list[tuple[Ints, Ints, Ints]] = [(_NONE, _NONE, _NONE)]
        for part, begins in parts:
            renumbered = np.array([labels.index(label) for label in part.labels] or [0], np.int64)
            place = part._place + begins * SIZE
            inside = (place >= 0) & (place < steps * SIZE)
            columns.append((renumbered[part._number][inside], place[inside], part._counts[inside]))
        return cls(labels, steps, *(np.concatenate(column) for column in zip(*columns, strict=True)))

    def by_step(self, label: str | None = None) -> Ints:
        """A row of buckets for each step; of one label, or of all together."""
        place, counts = self._place, self._counts
        if label is not None:
            own = self._number == (self.labels.index(label) if label in self.labels else -1)
            place, counts = place[own], counts[own]
        return _matrix(place, counts, self.steps)

    def by_label(self) -> Ints:
        """A row of buckets for each label, all steps together."""
        return _matrix(self._number * SIZE + self._place % SIZE, self._counts, len(self.labels))


def percentiles(merged: Ints, p: float) -> list[float | None]:
    """`Histogram.percentile` of each row; None where it is empty."""
    seen = merged.cumsum(axis=1)
    count = seen[:, -1]
    rank = np.maximum(1, np.ceil(count * p / 100 - 1e-9))
    at = (seen >= rank[:, None]).argmax(axis=1)
    return [float(value) if n else None for value, n in zip(_MIDDLES[at], count, strict=True)]


def over(merged: Ints, edge_ms: float) -> list[int]:
    """`Histogram.over` of each row. Raises ValueError for an edge that no bucket ends at."""
    at = int(np.searchsorted(_ENDS, edge_ms))
    if at == len(_ENDS) or _ENDS[at] != edge_ms:
        raise ValueError(f"{edge_ms:g} ms is not an edge")
    return [int(n) for n in merged[:, at + 1 :].sum(axis=1)]


def sums(merged: Ints) -> list[int]:
    """How many samples each row holds."""
    return [int(n) for n in merged.sum(axis=1)]


def _unpacked(stored: Sequence[bytes]) -> tuple[Ints, Ints, Ints]:
    """Of every bucket that is used: which histogram it is of, which bucket it is, and its count."""
    try:
        known = _decode(b"".join((b"\xdd", len(stored).to_bytes(4, "big"), *stored)))  # one msgpack list of them all
    except msgspec.DecodeError as error:
        raise ValueError("these bytes are no histograms") from error
    sizes = np.fromiter((len(one.buckets) for one in known), np.int64, len(known))
    total = int(sizes.sum())
    bucket = np.fromiter(chain.from_iterable(one.buckets for one in known), np.int64, total)
    n = np.fromiter(chain.from_iterable(one.buckets.values() for one in known), np.int64, total)
    if any(one.version != VERSION for one in known) or (
        total and (bucket.min() < 0 or bucket.max() >= SIZE or n.min() < 0)
    ):
        raise ValueError("these bytes are no histograms of this version")
    return np.repeat(np.arange(len(known)), sizes), bucket, n


def _matrix(at: Ints, n: Ints, rows: int) -> Ints:
    return np.bincount(at, n, rows * SIZE).astype(np.int64).reshape(rows, SIZE)
