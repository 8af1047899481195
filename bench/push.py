"""Pushes: 1,000 people in one venue watch their radars over real sockets, each moving every 30 s."""

from __future__ import annotations

import asyncio
import json
import random
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import httpx
import msgspec
from h3.api import basic_int
from websockets.asyncio.client import ClientConnection

from bench.table import Row
from bench.wire import cpu_s, middle, percentile
from signals.domain.people import VIBES
from signals.domain.proximity import Tier, around, cell_of, tier_between, touching
from tests.flows.server import Server, dial

PEOPLE, MOVE_EVERY_S, WARM_S, RUN_S, RUNS = 1000, 30.0, 3.0, 12.0, 3
HERE = cell_of(52.5219, 13.4132)
VENUE = (HERE, *(c for c in around(HERE, 1000) if touching(HERE, c)))
WORDS = {Tier.ROOM: "room", Tier.VENUE: "venue", Tier.NEARBY: "nearby"}
TAGS = ("Quietly Curious", "Creative Energy", "Builder brain", "Tech curious", "Lo-fi head")
_decode = msgspec.json.Decoder().decode


class Watcher:
    """A client: where it is, what its radar shows, and which changes it should hear of since when."""

    def __init__(self, crowd: dict[str, Watcher], session_id: str, cell: int) -> None:
        self.crowd, self.session_id, self.cell = crowd, session_id, cell
        self.shown: dict[str, str | None] = {}
        self.waiting: dict[str, tuple[float, str]] = {}
        self.took_s: list[float] = []
        self.frames = 0
        self.errors: list[Any] = []
        self.socket: ClientConnection

    async def listen(self) -> None:
        async for frame in self.socket:
            self.hear(_decode(frame), perf_counter())

    def hear(self, frame: Any, at: float) -> None:
        if frame["type"] != "radar:update":
            self.errors += [frame] if frame["type"] == "error" else []
            return
        self.frames += 1
        self.shown = {p["sessionId"]: p["proximity"] for p in frame["payload"]["people"]}
        for who, (since, wanted) in tuple(self.waiting.items()):
            if self.shown.get(who, wanted) == wanted:
                self.took_s.append(at - since)
                del self.waiting[who]

    async def move(self, cell: int) -> None:
        """Go there; from now on everybody whose radar shows it waits for the news."""
        lat, lng = basic_int.cell_to_latlng(cell)
        self.cell = cell
        self.waiting.clear()  # the answer shows these
        at = perf_counter()
        await self.socket.send(json.dumps({"type": "location:update", "payload": {"lat": lat, "lng": lng}}))
        for other in self.crowd.values():
            shown = other.shown.get(self.session_id)
            wanted = WORDS[tier_between(other.cell, cell, 1000) or Tier.NEARBY]
            if shown and shown != wanted:
                other.waiting[self.session_id] = at, wanted
            else:
                other.waiting.pop(self.session_id, None)  # back where this radar shows it


async def arrive(server: Server) -> dict[str, Watcher]:
    crowd: dict[str, Watcher] = {}
    draw = random.Random(1)
    async with httpx.AsyncClient(base_url=server.url, trust_env=False) as http:
        for _ in range(PEOPLE):
            cell = draw.choice(VENUE)
            lat, lng = basic_int.cell_to_latlng(cell)
            body = {"vibe": draw.choice(list(VIBES)), "tags": draw.sample(TAGS, draw.randrange(4)), "visibility": True}
            answer = (await http.post("/api/onboarding", json={**body, "location": {"lat": lat, "lng": lng}})).json()
            watcher = crowd[answer["sessionId"]] = Watcher(crowd, answer["sessionId"], cell)
            watcher.socket = await dial(server, answer["token"], max_queue=None)
    return crowd


async def wander(crowd: dict[str, Watcher], seconds: float) -> None:
    """One move every 30 ms, everybody in turn."""
    draw = random.Random(2)
    people = list(crowd.values())
    draw.shuffle(people)
    started, moved = perf_counter(), 0
    while (passed := perf_counter() - started) < seconds:
        while moved < passed * PEOPLE / MOVE_EVERY_S:
            who = people[moved % PEOPLE]
            await who.move(draw.choice([c for c in VENUE if c != who.cell]))
            moved += 1
        await asyncio.sleep(0.002)


async def measured(server: Server) -> list[Row]:
    crowd = await arrive(server)
    people = list(crowd.values())
    listening = [asyncio.create_task(watcher.listen()) for watcher in people]
    for watcher in people:
        await watcher.socket.send('{"type":"radar:subscribe","payload":{}}')
    await wander(crowd, WARM_S)
    runs = [await one_run(server, people, crowd) for _ in range(RUNS)]
    errors = sum(len(watcher.errors) for watcher in people)
    for task in listening:
        task.cancel()
    await asyncio.gather(*(watcher.socket.close() for watcher in people), *listening, return_exceptions=True)
    lost = sum(run.lost for run in runs)
    what = f"a change is on every radar that shows it, {PEOPLE:,} people, {server.kind}"
    return [
        Row(f"{what}: p50", middle([run.p50 for run in runs], " s"), "-"),
        Row(f"{what}: p99", middle([run.p99 for run in runs], " s"), "1 s"),
        Row(f"{what}: lost, and errors", f"{lost} of {sum(run.seen for run in runs):,}, {errors}", "0, 0"),
        Row(f"{what}: processor, % of a core", middle([100 * run.share for run in runs], " %", 0), "60 %"),
        Row(f"{what}: frames a second", middle([run.frames for run in runs], digits=0), "-"),
    ]


class Run(NamedTuple):
    """One stretch of everybody moving."""

    p50: float
    p99: float
    seen: int
    lost: int
    share: float  # of one core
    frames: float  # a second


async def one_run(server: Server, people: list[Watcher], crowd: dict[str, Watcher]) -> Run:
    for watcher in people:
        watcher.took_s.clear()
        watcher.waiting.clear()
        watcher.frames = 0
    before, started = cpu_s(server), perf_counter()
    await wander(crowd, RUN_S)
    passed = perf_counter() - started
    share, frames = (cpu_s(server) - before) / passed, sum(watcher.frames for watcher in people) / passed
    await asyncio.sleep(2)
    took = [s for watcher in people for s in watcher.took_s]
    lost = sum(len(watcher.waiting) for watcher in people)
    return Run(percentile(took, 0.5), percentile(took, 0.99), len(took), lost, share, frames)


def rows() -> list[Row]:
    out = []
    for kind in ("uvicorn", "daphne"):
        with tempfile.TemporaryDirectory(prefix="icebreaker-push-") as data:
            server = Server(kind, Path(data)).start()
            try:
                out += asyncio.run(measured(server))
            finally:
                server.stop()
    return out
