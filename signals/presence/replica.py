"""The looks of people near those who watch here: a copy by block, each with the version that it is of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from signals.domain.people import Sight
from signals.presence.base import Change
from signals.presence.index import Index
from signals.presence.records import block_name, looks, seen


class Held:
    """One block: its rows as they are written in the store, and which version of it that is; 0 is empty."""

    __slots__ = ("rows", "used_at", "version")

    def __init__(self) -> None:
        self.rows: dict[str, bytes] = {}
        self.version = 0
        self.used_at = 0.0


class Replica:
    """Blocks that somebody here looked at, kept up to date by what the store says of every change.

    A block is current when its version is the store's; one whose news went missing is behind until it is loaded anew.
    """

    def __init__(self) -> None:
        self.index = Index()
        self._held: dict[str, Held] = {}
        self._where: dict[str, str] = {}  # the block whose row of somebody stands in the index

    def blocks(self) -> tuple[str, ...]:
        return tuple(self._held)

    def is_at(self, block: str, version: int | None) -> bool:
        held = self._held.get(block)
        return held is not None and held.version == version

    def has_reached(self, block: str, version: int) -> bool:
        held = self._held.get(block)
        return held is not None and held.version >= version

    def holds(self, block: str) -> bool:
        return block in self._held

    def use(self, blocks: Iterable[str], at: float) -> None:
        for block in blocks:
            if held := self._held.get(block):
                held.used_at = at

    def load(self, block: str, version: int, rows: Mapping[bytes, bytes]) -> None:
        """Hold these rows of that version, unless the news has brought a newer one in the meantime."""
        held = self._held.setdefault(block, Held())
        if version and held.version > version:
            return
        new = {session_id.decode(): row for session_id, row in rows.items()}
        for session_id in held.rows.keys() - new.keys():
            self._take_out(block, held, session_id)
        for session_id, row in new.items():
            if held.rows.get(session_id) != row or self._where.get(session_id) != block:
                self._put(block, held, seen(row), row)
        held.version = version

    def hear(self, heads: Sequence[str], changes: Sequence[Change]) -> None:
        """Take over changes; `heads` is BLOCK FROM TO for each block in which a row changed."""
        for block, before, after in zip(heads[::3], heads[1::3], heads[2::3], strict=True):
            held = self._held.get(block)
            if held is None or held.version != int(before):
                continue  # loaded since, or news went missing: the version tells whoever looks
            for change in changes:
                self._write(block, held, change)
            held.version = int(after)

    def drop_unused(self, before: float) -> None:
        for block in [name for name, held in self._held.items() if held.used_at < before]:
            self.drop(block)

    def drop(self, block: str) -> None:
        held = self._held.pop(block, None)
        if held:
            for session_id in tuple(held.rows):
                self._take_out(block, held, session_id)

    def _write(self, block: str, held: Held, change: Change) -> None:
        after = change.after
        if after is not None and block_name(after.cell) == block:
            self._put(block, held, after, looks(after))
        elif change.before is not None and block_name(change.before.cell) == block:
            self._take_out(block, held, change.session_id)

    def _put(self, block: str, held: Held, sight: Sight, row: bytes) -> None:
        if sight.session_id not in self._where:
            self.index.bits.take(sight.tags)
        self._where[sight.session_id] = block
        held.rows[sight.session_id] = row
        self.index.put(sight)

    def _take_out(self, block: str, held: Held, session_id: str) -> None:
        row = held.rows.pop(session_id, None)
        if row is not None and self._where.get(session_id) == block:
            del self._where[session_id]
            self.index.remove(session_id)
            self.index.bits.give_back(seen(row).tags)
