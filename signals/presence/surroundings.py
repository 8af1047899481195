"""What somebody can see, from a copy of the blocks around: two round trips at most, and exact.

The first reads the record together with the versions of the blocks around where it was last; the second loads what is
behind. Mostly nothing is: the news of every change keeps the copy up to date.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterable
from contextlib import suppress
from functools import lru_cache
from time import monotonic
from typing import Any, Final

from redis.asyncio import Redis

from signals.domain.people import Session
from signals.domain.proximity import blocks_around
from signals.presence import records
from signals.presence.base import Change
from signals.presence.records import NOWHERE
from signals.presence.replica import Replica

NEWS_WITHIN_S: Final = 0.02  # news of a version that Redis already names is on its way: cheaper than loading
UNUSED_S: Final = 120.0
GUESSES_MAX: Final = 20_000
Versions = dict[str, int | None]


class Surroundings:
    """The copy of this process, and how it is brought up to date for one look."""

    def __init__(self, client: Redis, prefix: str) -> None:
        self._client, self._prefix = client, prefix
        self.replica = Replica()
        self._news = asyncio.Event()
        self._cells: OrderedDict[str, int | None] = OrderedDict()  # where somebody was last: which blocks to ask for
        self._cleaned_at = monotonic()

    async def of(self, session_id: str, range_m: float) -> Session | None:
        """The record, with all that it can see in `replica`."""
        guess = self._cells.get(session_id)
        record, versions = await self._versions(session_id, guess, range_m)
        session = records.unpack(record)
        if session is None:
            self._cells.pop(session_id, None)
            return None
        self.guess(session)
        cell, held = session.person.cell, self.replica
        wanted = {*versions, *held.blocks(), NOWHERE} if cell is None else _blocks(cell, range_m)
        if guess is None:  # every block there is was named; one that was not is empty
            versions = {block: versions.get(block, 0) for block in wanted}
        behind = {b: versions.get(b) for b in wanted if not held.is_at(b, versions.get(b))}
        if behind and not await self._caught_up(behind):
            await self._load(behind)
        self._tidy(wanted)
        return session

    def guess(self, session: Session) -> None:
        """Expect to find the session where it is now."""
        self._cells[session.session_id] = session.person.cell
        self._cells.move_to_end(session.session_id)
        if len(self._cells) > GUESSES_MAX:
            self._cells.popitem(last=False)

    def hear(self, data: bytes) -> list[Change]:
        """Take over news; gives the changes. All of them: who gave no position watches blocks that are not held yet,
        and a block that nobody looked at for a while is let go under those who go on watching."""
        head, _, body = data.partition(b"\n")
        heads = head.decode().split()
        changes = records.changes_in(body)
        self.replica.hear(heads, changes)
        self._news.set()
        self._news.clear()
        return changes

    def lost(self) -> None:
        """No news comes any more: nothing of the copy is believed."""
        weights = self.replica.index.weights
        self.replica = Replica()
        self.replica.index.reweigh(weights)

    async def _versions(self, session_id: str, guess: int | None, range_m: float) -> tuple[bytes | None, Versions]:
        """The record, and the versions of the blocks around where somebody probably is, or of all of them."""
        pipe: Any = self._client.pipeline(transaction=False)
        pipe.get(f"{self._prefix}:s:{session_id}")
        if guess is None:
            pipe.hgetall(f"{self._prefix}:blocks")
            record, found = await pipe.execute()
            return record, {block.decode(): int(version) for block, version in found.items()}
        blocks = _blocks(guess, range_m)
        pipe.hmget(f"{self._prefix}:blocks", blocks)
        record, found = await pipe.execute()
        return record, {block: int(version or 0) for block, version in zip(blocks, found, strict=True)}

    async def _caught_up(self, behind: Versions) -> bool:
        """Whether the news that Redis named already was only still on its way."""
        if not all(version and self.replica.holds(block) for block, version in behind.items()):
            return False
        with suppress(TimeoutError):
            async with asyncio.timeout(NEWS_WITHIN_S):
                while not all(self.replica.has_reached(block, version or 0) for block, version in behind.items()):
                    await self._news.wait()
                return True
        return False

    async def _load(self, wanted: Iterable[str]) -> None:
        blocks, held = tuple(wanted), self.replica
        pipe: Any = self._client.pipeline(transaction=True)
        for block in blocks:
            pipe.hget(f"{self._prefix}:blocks", block)
            pipe.hgetall(f"{self._prefix}:b:{block}")
        found = await pipe.execute()
        for block, version, rows in zip(blocks, found[::2], found[1::2], strict=True):
            held.load(block, int(version or 0), rows)

    def _tidy(self, used: Iterable[str]) -> None:
        now = monotonic()
        self.replica.use(used, now)
        if now - self._cleaned_at > UNUSED_S:
            self._cleaned_at = now
            self.replica.drop_unused(now - UNUSED_S)


@lru_cache(maxsize=4096)
def _blocks(cell: int, range_m: float) -> tuple[str, ...]:
    return (*(f"{block:x}" for block in blocks_around(cell, range_m)), NOWHERE)
