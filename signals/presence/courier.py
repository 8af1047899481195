"""What sockets are sent, carried to the processes that hold them, with receipts for what must not be lost silently."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from time import monotonic
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from signals.presence import post, records
from signals.presence.base import Found
from signals.presence.post import Post

RECEIPT_S: Final = 2.0  # a process that says nothing for so long has not handed it over


class Courier:
    """Parcels out, parcels in. `name` gives the name of this process."""

    def __init__(self, client: Redis, prefix: str, name: Callable[[], str]) -> None:
        self._client, self._prefix, self._name = client, prefix, name
        self._receipts: dict[str, asyncio.Future[bool]] = {}
        self._answers: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._receipts)

    def parcels(self, posts: Sequence[Post], found: Found) -> list[tuple[str, bytes]]:
        """What each process is sent, one parcel for all its posts, by where the records say that sockets are."""
        homes = {session.session_id: dict.fromkeys(session.homes) for session in found if session}
        by_home: dict[str, list[Post]] = {}
        for letter in posts:
            for home in homes.get(letter.to, ()):
                by_home.setdefault(home, []).append(letter)
        receipt = next((letter.receipt for letter in posts if letter.receipt), "")
        if receipt:
            self._receipts.setdefault(receipt, asyncio.get_running_loop().create_future())
        return [(home, records.parcel(letters, receipt, self._name())) for home, letters in by_home.items()]

    async def send(self, parcels: Sequence[tuple[str, bytes]]) -> None:
        pipe = self._client.pipeline(transaction=False)
        for home, parcel in parcels:
            pipe.publish(f"{self._prefix}:to:{home}", parcel)
        await pipe.execute()

    async def received(self, receipt: str) -> bool:
        waiting = self._receipts.get(receipt)
        if waiting is None:
            return False
        try:
            async with asyncio.timeout(RECEIPT_S):
                return await waiting
        except TimeoutError:
            return False
        finally:
            del self._receipts[receipt]

    async def echo(self) -> bool:
        """Whether a parcel for nobody, sent to this process, arrives."""
        receipt = f"echo {monotonic()}"
        self._receipts[receipt] = asyncio.get_running_loop().create_future()
        await self.send([(self._name(), records.parcel((), receipt, self._name()))])
        return await self.received(receipt)

    def open(self, data: bytes) -> None:
        """Hand over what came, and say so to who wants the receipt."""
        receipt, answer_to, posts = records.opened(data)
        reached = [post.deliver(to, what) for to, what in posts] if answer_to else []
        if not answer_to or (receipt and answer_to == self._name() and (any(reached) or not posts)):
            self.settle(receipt, heard=True)
        elif receipt and any(reached):
            self._soon(self._answer(receipt, answer_to))

    def settle(self, receipt: str, *, heard: bool) -> None:
        waiting = self._receipts.get(receipt)
        if waiting and not waiting.done():
            waiting.set_result(heard)

    def lost(self) -> None:
        """No receipt comes any more."""
        for receipt in self._receipts:
            self.settle(receipt, heard=False)

    async def _answer(self, receipt: str, answer_to: str) -> None:
        with suppress(RedisError, OSError):  # then the sender is told that it did not arrive
            await self.send([(answer_to, records.parcel((), receipt))])

    def _soon(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._answers.add(task)
        task.add_done_callback(self._answers.discard)
