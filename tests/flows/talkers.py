"""Pairs of people who talk without pause and come back whenever they are cut off, and count what was lost."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from time import perf_counter
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import WebSocketException

from tests.flows.server import Client, Server, dial

EVERY_S = 0.1
BACK_S = 0.25


class Talker:
    """One person, as the page is: connects anew with the same token, and onboards anew when told that it is over."""

    def __init__(self, server: Server) -> None:
        self.server, self.client = server, None
        self.socket: ClientConnection | None = None
        self.connected = False
        self.partner: str | None = None
        self.heard: set[str] = set()
        self.acknowledged: set[str] = set()
        self.refused = self.visits = 0
        self.client: Client | None

    @property
    def id(self) -> str:
        return self.client.session_id if self.client else ""

    async def live(self) -> None:
        while True:
            with suppress(OSError, TimeoutError, WebSocketException, httpx.HTTPError, AssertionError):
                if self.client is None:
                    self.client = await Client.arrive(self.server)
                    self.visits += 1
                async with await dial(self.server, self.client.token, open_timeout=5) as self.socket:
                    async for frame in self.socket:
                        await self._hear(json.loads(frame))
            code = self.socket.close_code if self.socket else None
            self.socket, self.connected = None, False
            if code == 4404:
                self.client = self.partner = None
            await asyncio.sleep(BACK_S)

    async def say(self, type_: str, **payload: Any) -> None:
        if self.socket and self.connected:
            with suppress(OSError, WebSocketException):
                await self.socket.send(json.dumps({"type": type_, "payload": payload}))

    async def _hear(self, frame: dict[str, Any]) -> None:
        payload = frame["payload"]
        match frame["type"]:
            case "connected":
                self.connected, self.partner = True, None
            case "chat:accepted":
                self.partner = payload["partnerSessionId"]
            case "chat:end":
                self.partner = None
            case "chat:request":
                await self.say("chat:accept", requesterSessionId=payload["fromSessionId"])
            case "chat:message":
                (self.acknowledged if payload["sender"] == "me" else self.heard).add(payload["text"])
            case "error":
                self.refused += payload["code"] == "chat_message_failed"
                if payload["code"] == "no_active_chat":
                    self.partner = None


class Pair:
    """Two who find each other again whenever they can, and send numbered lines both ways."""

    def __init__(self, server: Server) -> None:
        self.a, self.b = Talker(server), Talker(server)
        self.tried = 0
        self.sent_at: dict[str, float] = {}

    async def run(self) -> None:
        while True:
            a, b = self.a, self.b
            if a.connected and b.connected:
                if a.partner == b.id and b.partner == a.id:
                    for who in (a, b):
                        self.tried += 1
                        line = f"{who is a} {self.tried}"
                        self.sent_at[line] = perf_counter()
                        await who.say("chat:message", text=line)
                elif a.partner is None and b.partner is None:
                    await a.say("chat:request", targetSessionId=b.id)
            await asyncio.sleep(EVERY_S)

    def talks_since(self, at: float) -> bool:
        """Whether each has heard a line of the other that was sent after `at`."""
        return all(any(self.sent_at[line] > at for line in who.heard) for who in (self.a, self.b))

    def lost(self) -> int:
        """Lines that were acknowledged to their sender and that the other never heard."""
        return len(self.a.acknowledged - self.b.heard) + len(self.b.acknowledged - self.a.heard)

    def one_sided(self) -> bool:
        return ((self.a.partner or "") != self.b.id and self.b.partner == self.a.id) or (
            self.a.partner == self.b.id and self.b.partner != self.a.id
        )


@asynccontextmanager
async def talking(server: Server, count: int) -> AsyncIterator[list[Pair]]:
    """`count` pairs in conversation."""
    pairs = [Pair(server) for _ in range(count)]
    tasks = [asyncio.create_task(who.live()) for pair in pairs for who in (pair.a, pair.b)]
    tasks += [asyncio.create_task(pair.run()) for pair in pairs]
    try:
        await until(lambda: all(pair.talks_since(0) for pair in pairs), 60)
        yield pairs
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def until(holds: Callable[[], bool], within_s: float) -> None:
    async with asyncio.timeout(within_s):
        while not holds():
            await asyncio.sleep(0.02)
