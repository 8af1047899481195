"""People as columns by block of cells, so that a radar reads what it needs and a change writes one row."""

from __future__ import annotations

from collections import Counter
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from signals.domain.engine import DECLINES_MAX, REPORTS_MAX, Crowd, Weights, tie_of
from signals.domain.people import VIBE_INDEX, Sight
from signals.domain.proximity import OUT_OF_RANGE, block_of, blocks_around, place_of
from signals.presence.base import Shown, View

_json = msgspec.json.Encoder().encode
MASK_BITS: Final = 64
Part = tuple[  # vibe, tags, standing, tie, tier, slot
    NDArray[np.uint8],
    NDArray[np.uint64],
    NDArray[np.int16],
    NDArray[np.uint64],
    NDArray[np.uint8],
    NDArray[np.intp],
]


class TagBits:
    """Which bit of a mask each tag in use has; a bit is free again when the last who chose its tag has left."""

    def __init__(self) -> None:
        self._bit: dict[str, int] = {}
        self._uses: Counter[str] = Counter()
        self._free = list(range(MASK_BITS - 1, -1, -1))

    def __len__(self) -> int:
        return len(self._bit)

    def take(self, tags: tuple[str, ...]) -> None:
        for tag in tags:
            if tag not in self._bit:
                self._bit[tag] = self._free.pop()  # the catalogue never has more than 64 in use: models.Tag.clean
            self._uses[tag] += 1

    def give_back(self, tags: tuple[str, ...]) -> None:
        for tag in tags:
            self._uses[tag] -= 1
            if not self._uses[tag]:
                del self._uses[tag]
                self._free.append(self._bit.pop(tag))

    def mask(self, tags: tuple[str, ...]) -> int:
        return sum(1 << self._bit[tag] for tag in tags)

    def mask_of_known(self, tags: tuple[str, ...]) -> int:
        """The mask of those tags that somebody here has: nobody shares the others."""
        return sum(1 << self._bit[tag] for tag in tags if tag in self._bit)


class Block:
    """The columns of one block: rows 0..size, in no order."""

    def __init__(self) -> None:
        self.size = 0
        self.vibe = np.zeros(16, np.uint8)
        self.tags = np.zeros(16, np.uint64)
        self.standing = np.zeros(16, np.int16)
        self.tie = np.zeros(16, np.uint64)
        self.place = np.zeros(16, np.intp)
        self.slot = np.zeros(16, np.intp)
        self.reports = np.zeros(16, np.uint8)
        self.declines = np.zeros(16, np.uint8)

    def columns(self) -> tuple[str, ...]:
        return "vibe", "tags", "standing", "tie", "place", "slot", "reports", "declines"

    def room(self) -> int:
        """A new row at the end."""
        if self.size == len(self.vibe):
            for name in self.columns():
                old = getattr(self, name)
                new = np.zeros(len(old) * 2, old.dtype)
                new[: len(old)] = old
                setattr(self, name, new)
        self.size += 1
        return self.size - 1

    def drop(self, row: int) -> int | None:
        """Fill `row` with the last one; gives the slot that moved here."""
        self.size -= 1
        if row == self.size:
            return None
        for name in self.columns():
            column = getattr(self, name)
            column[row] = column[self.size]
        return int(self.slot[row])

    def reweigh(self, weights: Weights) -> None:
        n = slice(0, self.size)
        self.standing[n] = (
            weights.visible
            - weights.no_tags * (self.tags[n] == 0).astype(np.int16)
            - weights.report * self.reports[n].astype(np.int16)
            - weights.decline * self.declines[n].astype(np.int16)
        )


class Index:
    """Everybody that radars show, by block; None is the block of those who gave no position."""

    def __init__(self) -> None:
        self.weights = Weights()
        self.bits = TagBits()
        self.blocks: dict[int | None, Block] = {}
        self.shown: list[Shown | None] = []  # by slot
        self._at: list[tuple[int | None, int]] = []  # by slot: block and row
        self._slot: dict[str, int] = {}
        self._free: list[int] = []

    def __len__(self) -> int:
        return len(self._slot)

    def find(self, session_id: str) -> tuple[int, Shown] | None:
        """The slot and the looks of somebody who is shown."""
        slot = self._slot.get(session_id)
        shown = None if slot is None else self.shown[slot]
        return None if slot is None or shown is None else (slot, shown)

    def put(self, sight: Sight) -> None:
        """Show somebody, or show them anew. The tags' bits are taken by whoever keeps the session."""
        key = None if sight.cell is None else block_of(sight.cell)
        slot = self._slot.get(sight.session_id)
        old = None if slot is None else self.shown[slot]
        if slot is None:
            slot = self._new_slot(sight.session_id)
            row = self._new_row(key, slot)
        elif self._at[slot][0] != key:
            self._leave(slot)
            row = self._new_row(key, slot)
        else:
            row = self._at[slot][1]
        if old is None or old.sight[:-1] != sight[:-1]:  # no column says who is busy
            self._write(self.blocks[key], row, sight)
        self.shown[slot] = _dress(sight, old)

    def remove(self, session_id: str) -> None:
        slot = self._slot.pop(session_id, None)
        if slot is None:
            return
        self._leave(slot)
        self.shown[slot] = None
        self._free.append(slot)
        if not self._slot:
            self.shown.clear()
            self._at.clear()
            self._free.clear()

    def reweigh(self, weights: Weights) -> None:
        self.weights = weights
        for block in self.blocks.values():
            block.reweigh(weights)

    def view(self, cell: int | None, range_m: float, vibe: str | None) -> View:
        """The rows in range of `cell`; without a copy when one block holds them and all are in range."""
        parts = self._all() if cell is None else self._near(cell, range_m)
        if not parts:
            return _EMPTY
        vibes, tags, standing, tie, tier, slots = parts[0] if len(parts) == 1 else _joined(parts)
        keep: NDArray[np.bool_] | None = None
        if tier.max() == OUT_OF_RANGE:
            keep = tier != OUT_OF_RANGE
        if vibe is not None:
            same = vibes == VIBE_INDEX[vibe]
            keep = same if keep is None else keep & same
        if keep is not None:
            rows = np.flatnonzero(keep)
            vibes, tags, standing, tie, tier, slots = (
                vibes[rows],
                tags[rows],
                standing[rows],
                tie[rows],
                tier[rows],
                slots[rows],
            )
        return View(Crowd(vibes, tags, standing, tie, tier), slots, self.shown)

    def _near(self, cell: int, range_m: float) -> list[Part]:
        parts = []
        for key, tiers in blocks_around(cell, range_m).items():
            block = self.blocks.get(key)
            if block:
                parts.append(_slices(block, tiers.take(block.place[: block.size])))
        unplaced = self.blocks.get(None)
        if unplaced:
            parts.append(_slices(unplaced, np.zeros(unplaced.size, np.uint8)))
        return parts

    def _all(self) -> list[Part]:
        return [_slices(b, np.zeros(b.size, np.uint8)) for b in self.blocks.values()]

    def _write(self, block: Block, row: int, sight: Sight) -> None:
        tags = self.bits.mask(sight.tags)
        reports, declines = min(sight.reports, REPORTS_MAX), min(sight.declines, DECLINES_MAX)
        w = self.weights
        block.vibe[row] = VIBE_INDEX[sight.vibe]
        block.tags[row] = tags
        block.tie[row] = tie_of(sight.session_id)
        block.reports[row] = reports
        block.declines[row] = declines
        block.standing[row] = w.visible - w.no_tags * (tags == 0) - w.report * reports - w.decline * declines
        block.place[row] = 0 if sight.cell is None else place_of(sight.cell)

    def _new_slot(self, session_id: str) -> int:
        if self._free:
            slot = self._free.pop()
        else:
            slot = len(self.shown)
            self.shown.append(None)
            self._at.append((None, 0))
        self._slot[session_id] = slot
        return slot

    def _new_row(self, key: int | None, slot: int) -> int:
        block = self.blocks.get(key)
        if block is None:
            block = self.blocks[key] = Block()
        row = block.room()
        block.slot[row] = slot
        self._at[slot] = key, row
        return row

    def _leave(self, slot: int) -> None:
        key, row = self._at[slot]
        block = self.blocks[key]
        moved = block.drop(row)
        if moved is not None:
            self._at[moved] = key, row
        if not block.size:
            del self.blocks[key]


def _slices(block: Block, tier: NDArray[np.uint8]) -> Part:
    n = block.size
    return block.vibe[:n], block.tags[:n], block.standing[:n], block.tie[:n], tier, block.slot[:n]


def _joined(parts: list[Part]) -> Part:
    return (
        np.concatenate([p[0] for p in parts]),
        np.concatenate([p[1] for p in parts]),
        np.concatenate([p[2] for p in parts]),
        np.concatenate([p[3] for p in parts]),
        np.concatenate([p[4] for p in parts]),
        np.concatenate([p[5] for p in parts]),
    )


def _dress(sight: Sight, old: Shown | None) -> Shown:
    head = old.head if old and old.sight[:4] == sight[:4] else _head(sight)
    return Shown(sight, head, b',"busy":true}' if sight.busy else b',"busy":false}')


def _head(sight: Sight) -> bytes:
    person = {"sessionId": sight.session_id, "handle": sight.handle, "vibe": sight.vibe, "tags": sight.tags}
    return _json(person)[:-1]


_EMPTY: Final = View(
    Crowd(*(np.zeros(0, t) for t in (np.uint8, np.uint64, np.int16, np.uint64, np.uint8))),  # type: ignore[arg-type]
    np.zeros(0, np.intp),
    (),
)
