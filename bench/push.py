"""Pushes: 1,000 people in one venue watch their radars over real sockets, each moving every 30 s."""

from __future__ import annotations

import asyncio
import json
import random
import tempfile
from pathlib import Path
from statistics import quantiles
from time import perf_counter
from typing import Any

import httpx
import msgspec
import psutil
from h3.api import basic_int
from websockets.asyncio.client import ClientConnection

from bench.table import Row
from signals.domain.people import VIBES
from signals.domain.proximity import Tier, around, cell_of, tier_between, touching
from tests.flows.server import Server, dial

PEOPLE, MOVE_EVERY_S, WARM_S, RUN_S = 1000, 30.0, 3.0, 30.0
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
    for watcher in people:
        watcher.took_s.clear()
        watcher.waiting.clear()
        watcher.frames = 0
    process = psutil.Process(server.process.pid)
    before, started = process.cpu_times(), perf_counter()
    await wander(crowd, RUN_S)
    after, passed = process.cpu_times(), perf_counter() - started
    frames = sum(watcher.frames for watcher in people)
    await asyncio.sleep(2)
    took = [s for watcher in people for s in watcher.took_s]
    lost = sum(len(watcher.waiting) for watcher in people)
    errors = sum(len(watcher.errors) for watcher in people)
    for task in listening:
        task.cancel()
    await asyncio.gather(*(watcher.socket.close() for watcher in people), *listening, return_exceptions=True)
    share = (after.user + after.system - before.user - before.system) / passed
    cuts = quantiles(took, n=100)
    return [
        Row(
            f"a change is on every radar that shows it, {PEOPLE:,} people ({server.kind})",
            f"p50 {cuts[49]:.3f} s, p99 {cuts[98]:.3f} s of {len(took):,}, {lost} lost, {errors} errors",
            "p99 1 s",
        ),
        Row(f"the same: the server's load ({server.kind})", f"{share:.0%}, {frames / passed:.0f} frames/s", "60 %"),
    ]


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
