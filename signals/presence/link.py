"""A process at Redis: the name under which its sockets are counted, and the one stream of what it is told.

When the stream breaks, or Redis no longer believes the name, this process can't be told anything: it ends its sockets,
so that clients connect anew, and comes back under another name.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from redis.asyncio import Connection, Redis
from redis.exceptions import ConnectionError as Refused
from redis.exceptions import MovedError, RedisError

from signals import telemetry
from signals.errors import Unavailable
from signals.presence import scripts

BEAT_EVERY_S: Final = 1.0
SILENT_S: Final = 5.0  # each beat is answered: without a word for so long, the stream is taken for dead
LEASE_S: Final = 10  # a killed process is noticed after this; its people then have their grace
FIRST_WAIT_S: Final = 2.0  # what comes in while the process starts waits so long for the first connection
RETRY_S: Final = 0.5
SLICE: Final = 50  # messages between two breaths

Hear = Callable[[bytes, bytes], None]


class Link:
    """Connects, listens, beats, and connects again for as long as the process lives."""

    def __init__(self, client: Redis, prefix: str, keep_s: int, hear: Hear, lost: Callable[[], None]) -> None:
        self._client, self._prefix, self._keep_s = client, prefix, keep_s
        self._hear, self._lost = hear, lost
        self._beat = client.register_script(scripts.BEAT)
        self._leave = client.register_script(scripts.LEAVE)
        self._up = asyncio.Event()
        self._was_up = self._told = False
        self.name = ""
        self.runs = False  # a command that only looks something up has no sockets and needs no link

    async def ready(self) -> None:
        """Wait for the first connection of a process that starts. Raises Unavailable."""
        if self._up.is_set():
            return
        if self._was_up:
            raise Unavailable
        try:
            async with asyncio.timeout(FIRST_WAIT_S):
                await self._up.wait()
        except TimeoutError:
            raise Unavailable from None

    async def run(self) -> None:
        self.runs = True
        try:
            while True:
                try:
                    await self._connected()
                except MovedError as moved:
                    await self._follow(moved)
                except (RedisError, OSError) as error:
                    if not self._told:  # once, until it is back
                        telemetry.capture(error, component="presence")
                    self._told = True
                await asyncio.sleep(RETRY_S)
        finally:
            self.runs = False
            with suppress(RedisError, OSError):
                await self._leave(keys=[self._prefix], args=[self.name])

    async def _follow(self, moved: MovedError) -> None:
        """In a Cluster one node keeps the whole region, and each of the others says which."""
        pool: Any = self._client.connection_pool
        pool.connection_kwargs.update(host=moved.host, port=moved.port)
        for old in (*pool._available_connections, *pool._in_use_connections):  # they would go back to where they were
            old.host, old.port = moved.host, moved.port
        await pool.disconnect()

    async def _connected(self) -> None:
        """One connection, from subscribing to its loss."""
        stream: Connection = self._client.connection_pool.make_connection()  # type: ignore[no-untyped-call]
        try:
            name = await self._subscribed(stream)
            old, self.name = self.name, name
            if old:
                await self._leave(keys=[self._prefix], args=[old])
            await self._believed("new")
            self._up.set()
            self._was_up, self._told = True, False
            await self._stay(stream)
        finally:
            if self._up.is_set():
                self._up.clear()
                self._lost()
            await stream.disconnect(nowait=True)

    async def _subscribed(self, stream: Connection) -> str:
        """A new name, and the stream of what it is told."""
        name = secrets.token_hex(6)
        await stream.connect()  # type: ignore[no-untyped-call]
        await stream.send_command("SUBSCRIBE", f"{self._prefix}:to:{name}", f"{self._prefix}:sights")
        for _ in range(2):
            if await stream.read_response(timeout=SILENT_S) is None:
                raise Refused("Redis is silent.")
        return name

    async def _stay(self, stream: Connection) -> None:
        over = asyncio.Event()
        listening = asyncio.create_task(self._listen(stream))
        beating = asyncio.create_task(self._beating(stream, over))
        try:
            done, _ = await asyncio.wait((listening, beating), return_when=asyncio.FIRST_COMPLETED)
        finally:
            over.set()
            listening.cancel()
            await asyncio.gather(listening, beating, return_exceptions=True)
        for job in done:
            job.result()

    async def _listen(self, stream: Connection) -> None:
        heard = 0
        while True:
            message = await stream.read_response(timeout=SILENT_S)
            if message is None:
                raise Refused("Redis is silent.")
            if message[0] == b"message":
                self._hear(message[1], message[2])
                heard += 1
                if heard % SLICE == 0:
                    await asyncio.sleep(0)

    async def _beating(self, stream: Connection, over: asyncio.Event) -> None:
        """Until it is over: a beat under way is not cut off."""
        while not over.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(BEAT_EVERY_S):
                    await over.wait()
                    return
            await stream.send_command("PING", check_health=False)
            await self._believed("")

    async def _believed(self, new: str) -> None:
        if not await self._beat(keys=[self._prefix], args=[self.name, LEASE_S, self._keep_s, new]):
            raise Refused("Redis no longer believes this process.")
