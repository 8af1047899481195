"""People who meet across processes: a simulated crowd at three web and two watch processes behind a proxy."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import perf_counter
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from bench.table import Row
from signals.presence import records
from signals.simulation.crowd import Make, gather
from signals.simulation.person import Person
from signals.simulation.plan import Plan
from signals.simulation.tally import Tally
from tests import redis_here
from tests.flows import caddy, faults
from tests.flows.private import PrivatePostgres
from tests.flows.scaled import Scaled
from tests.flows.server import PLACE

CROWD, SECONDS, LAST_WORD_S = 150, 60.0, 5.0
ROOMY = {"ONBOARDING_PER_MINUTE": "100000", "CHAT_MESSAGES_PER_MINUTE": "1000"}


class Meetings:
    """Which chats began, and at which processes the two sit."""

    def __init__(self, region: str) -> None:
        self.region = region
        self.together = self.apart = self.unknown = 0
        self._looking: set[asyncio.Task[None]] = set()

    def began(self, one: str, other: str) -> None:
        task = asyncio.create_task(self._look(one, other))
        self._looking.add(task)
        task.add_done_callback(self._looking.discard)

    async def _look(self, one: str, other: str) -> None:
        async with redis_here.reader() as store:
            found = await store.mget([f"ib:{{{self.region}}}:s:{who}" for who in (one, other)])
        homes = [set(session.homes) if (session := records.unpack(record)) else set() for record in found]
        if not all(homes):
            self.unknown += 1  # somebody has left again
        elif homes[0] & homes[1]:
            self.together += 1
        else:
            self.apart += 1


class Counted(Person):
    """Stays on the line after saying goodbye until the goodbye is back, so that no line under way is missed."""

    meetings: Meetings

    async def _talk(self, socket: ClientConnection, leave_at: float) -> None:
        await super()._talk(socket, leave_at)
        with suppress(TimeoutError, ConnectionClosed):
            async with asyncio.timeout(LAST_WORD_S):
                while self.visit.partner:
                    self._hear(json.loads(await socket.recv()))

    def on_accepted(self, payload: dict[str, Any]) -> None:
        if self.session_id < payload["partnerSessionId"]:  # one of the two
            self.meetings.began(self.session_id, payload["partnerSessionId"])
        super().on_accepted(payload)


class Crowd(Make):
    """People who are counted."""

    def member(self, number: int, seed: int, plan: Plan, tally: Tally, http: httpx.AsyncClient) -> Person:
        return Counted(f"{seed}/{number}", plan, tally, http)


@contextmanager
def deployed() -> Iterator[Scaled]:
    """Three web and two watch processes on PostgreSQL and Redis."""
    postgres = PrivatePostgres().make()
    try:
        with tempfile.TemporaryDirectory(prefix="icebreaker-meeting-") as data:
            by_caddy = not caddy.trouble()
            server = Scaled(Path(data), 3, watches=2, by_caddy=by_caddy, DATABASE_URL=postgres.url, **ROOMY)
            faults.migrate(server)
            try:
                yield server.start()
            finally:
                server.stop()
                redis_here.empty(server.region)
    finally:
        postgres.stop()


def met() -> list[Row]:
    with deployed() as server:
        plan = Plan(server.url, PLACE["lat"], PLACE["lng"], 200, perf_counter() + SECONDS)
        tally, Counted.meetings = Tally(), Meetings(server.region)
        asyncio.run(gather(Crowd(CROWD), 1, plan, tally, lambda _: None))
        complaints = server.complaints()
        proxy = type(server.proxy).__name__
    seen, counts = Counted.meetings, tally.counts
    text = (
        f"{counts['sides of chats'] // 2} chats, {seen.apart} of them between two processes, {seen.together} in one; "
        f"{counts['messages']} lines acknowledged, {counts['messages heard']} heard; "
        f"{tally.errors.total()} errors, {len(complaints)} complaints of the servers"
    )
    what = f"{CROWD} people, {SECONDS:.0f} s, 3 web and 2 watch processes, PostgreSQL, Redis, proxy: {proxy}"
    return [Row(what, text, "acknowledged = heard, 0 errors")]
