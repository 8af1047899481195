"""One simulated person: arrives, walks, asks, answers, chats, leaves, and comes back. All chance is from one seed."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from time import perf_counter
from typing import Any, Final

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from signals.simulation.plan import Plan
from signals.simulation.tally import Tally

VIBES: Final = ("banter", "intros", "thinking", "killing-time", "surprise")
LINES: Final = (
    "Hello!",
    "Nice to meet you.",
    "What are you reading?",
    "It's loud in here.",
    "Same here 😀",
    "See you!",
)
WALK_MPS: Final = 1.4
ASKS_STRANGERS: Final = 0.02  # where hosts are: a visitor is there to look around, not to be run over
_REQUEST_OF: Final = {"chat:request": "chat:request:ack", "chat:message": "chat:message"}


@dataclass
class Visit:
    """What somebody knows while connected."""

    people: list[dict[str, Any]] = field(default_factory=list)
    asked_by: list[str] = field(default_factory=list)
    waiting_for: set[str] = field(default_factory=set)
    partner: str = ""
    lines: int = 0
    cooling: bool = False
    sent_at: dict[str, float] = field(default_factory=dict)
    over: bool = False


class Person:
    stay_s = 15.0, 90.0  # from, to

    def __init__(self, seed: str, plan: Plan, tally: Tally, http: httpx.AsyncClient, *, placed: bool = True) -> None:
        self.chance = Random(seed)  # noqa: S311 - a seeded crowd, not a secret
        self.plan, self.tally, self.http, self.placed = plan, tally, http, placed
        self.east = self.chance.uniform(-1, 1) * plan.radius_m
        self.north = self.chance.uniform(-1, 1) * plan.radius_m
        self.heading = self.chance.uniform(0, math.tau)
        self.token = self.session_id = self.handle = ""
        self.visit = Visit()

    async def live(self) -> None:
        """Until the plan is over: come, stay a while, leave, come back (with the old session or a new one)."""
        while perf_counter() < self.plan.until:
            try:
                if not self.token:
                    await self._arrive()
                await self._stay()
            except (httpx.HTTPError, OSError, WebSocketException, TimeoutError) as error:
                if perf_counter() < self.plan.until:
                    self.tally.error(type(error).__name__)
                await self._pause(1, 3)
            if self.token and self.chance.random() < 0.5:
                await self._hide()
            await self._pause(1, 6)

    async def _hide(self) -> None:
        """Leave for good: nobody shall ask somebody who does not come back."""
        headers, self.token = {"Authorization": f"Bearer {self.token}"}, ""
        with suppress(httpx.HTTPError):  # whoever is away is away
            await self.http.put("/api/profile/visibility", json={"visibility": False}, headers=headers)

    async def _arrive(self) -> None:
        body = {
            "vibe": self.chance.choice(VIBES),
            "tags": self.chance.sample(self.plan.tags, min(len(self.plan.tags), self.chance.randint(0, 3))),
            "visibility": True,
            "location": self.plan.place(self.east, self.north) if self.placed else None,
        }
        for company in self._company():
            company.discard(self.session_id)
        while perf_counter() < self.plan.until:
            answer = await self.http.post("/api/onboarding", json=body)
            if answer.status_code == 201:
                given = answer.json()
                self.token, self.session_id, self.handle = given["token"], given["sessionId"], given["handle"]
                for company in self._company():
                    company.add(self.session_id)
                self.tally.count("arrivals")
                return
            if answer.status_code != 429:
                self.tally.error(f"HTTP {answer.status_code}")
                await self._pause(1, 3)
                continue
            self.tally.refused("RATE_LIMITED")
            await self._sleep(float(answer.headers.get("Retry-After", "1")) + self.chance.random())

    def _company(self) -> Collection[set[str]]:
        """Where others of the crowd look somebody up."""
        return (self.plan.crowd,)

    async def _stay(self) -> None:
        if not self.token:
            return
        self.visit = Visit()
        leave_at = min(self.plan.until, perf_counter() + self.chance.uniform(*self.stay_s))
        protocols: Any = ["icebreaker.v1", self.token]
        options: dict[str, Any] = {"compression": None, "max_size": 2**20, "open_timeout": 20, "ping_interval": None}
        async with connect(self.plan.ws_url, subprotocols=protocols, **options) as socket:
            self.tally.here += 1
            try:
                await self._send(socket, "radar:subscribe", {"limit": 20})
                await self._talk(socket, leave_at)
            except ConnectionClosed as closed:
                self._lost(closed)
            finally:
                self.tally.here -= 1
                self.tally.chatting -= bool(self.visit.partner)

    async def _talk(self, socket: ClientConnection, leave_at: float) -> None:
        act_at = perf_counter() + self.chance.uniform(0.5, 2)
        while not self.visit.over:
            now = perf_counter()
            if now >= leave_at:
                if self.visit.partner:
                    await self._send(socket, "chat:end")
                return
            if now >= act_at:
                await self._act(socket)
                act_at = perf_counter() + self.chance.uniform(1.1, 4)
                continue
            try:
                async with asyncio.timeout(min(leave_at, act_at) - now):
                    data = await socket.recv()
            except TimeoutError:
                continue
            self._hear(json.loads(data))

    async def _act(self, socket: ClientConnection) -> None:
        """One thing at a time: answer, talk, ask, or walk on."""
        visit = self.visit
        if visit.asked_by and not visit.partner:
            other = visit.asked_by.pop(0)
            yes = self.chance.random() < 0.85
            await self._send(socket, "chat:accept" if yes else "chat:decline", {"requesterSessionId": other})
        elif visit.partner:
            await self._converse(socket)
        elif self._wants_to_ask():
            await self._ask(socket)
        else:
            await self._walk(socket)

    async def _converse(self, socket: ClientConnection) -> None:
        if self.visit.lines >= 8 or self.chance.random() < 0.08:
            await self._send(socket, "chat:end")
        elif self.chance.random() < 0.5:
            self.visit.lines += 1
            await self._send(socket, "chat:message", {"text": self.chance.choice(LINES)})
        else:
            await self._walk(socket)

    def _wants_to_ask(self) -> bool:
        visit = self.visit
        return not visit.cooling and len(visit.waiting_for) < 2 and self.chance.random() < self.plan.talkative

    async def _ask(self, socket: ClientConnection) -> None:
        passed_over = self.visit.waiting_for | self.plan.hosts
        free = [p["sessionId"] for p in self.visit.people if not p["busy"] and p["sessionId"] not in passed_over]
        other = self.chance.choice(free) if free else ""
        shy = self.plan.hosts and other not in self.plan.crowd and self.chance.random() >= ASKS_STRANGERS
        if not other or shy:
            await self._walk(socket)
            return
        await self._send(socket, "chat:request", {"targetSessionId": other})

    async def _walk(self, socket: ClientConnection) -> None:
        if not self.placed:
            return
        self.heading += self.chance.uniform(-0.6, 0.6)
        step = WALK_MPS * self.chance.uniform(0.5, 3)
        self.east += step * math.sin(self.heading)
        self.north += step * math.cos(self.heading)
        if math.hypot(self.east, self.north) > self.plan.radius_m:
            self.heading = math.atan2(-self.east, -self.north)
        await self._send(socket, "location:update", self.plan.place(self.east, self.north))

    async def _send(self, socket: ClientConnection, type_: str, payload: dict[str, Any] | None = None) -> None:
        answer = _REQUEST_OF.get(type_)
        if answer:
            self.visit.sent_at.setdefault(answer, perf_counter())
        await socket.send(json.dumps({"type": type_, "payload": payload or {}}))
        self.tally.count("frames out")

    def _hear(self, frame: dict[str, Any]) -> None:
        self.tally.count("frames in")
        type_, payload = frame["type"], frame["payload"]
        sent_at = self.visit.sent_at.pop(type_, None) if payload.get("sender") != "them" else None
        if sent_at is not None:
            self.tally.took(type_, perf_counter() - sent_at)
        hear = _HEARD.get(type_)
        if hear:
            getattr(self, hear)(payload)

    def _lost(self, closed: ConnectionClosed) -> None:
        code = closed.rcvd.code if closed.rcvd else 1006
        if code in (1000, 4404):
            self.token = ""
        elif perf_counter() < self.plan.until:
            self.tally.error(f"closed with {code}")

    async def _pause(self, low: float, high: float) -> None:
        await self._sleep(self.chance.uniform(low, high))

    async def _sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, min(seconds, self.plan.until - perf_counter())))

    # --- what is heard ---

    def on_radar(self, payload: dict[str, Any]) -> None:
        self.visit.people = payload["people"]
        self.tally.count("radars")

    def on_request(self, payload: dict[str, Any]) -> None:
        self.visit.asked_by.append(payload["fromSessionId"])

    def on_ack(self, payload: dict[str, Any]) -> None:
        self.visit.waiting_for.add(payload["targetSessionId"])
        self.tally.count("requests")

    def on_settled(self, payload: dict[str, Any]) -> None:
        self.visit.waiting_for.discard(payload.get("targetSessionId", ""))
        if payload.get("fromSessionId") in self.visit.asked_by:
            self.visit.asked_by.remove(payload["fromSessionId"])

    def on_accepted(self, payload: dict[str, Any]) -> None:
        visit = self.visit
        if not visit.partner:
            self.tally.count("sides of chats")
            self.tally.chatting += 1
        visit.partner, visit.lines = payload["partnerSessionId"], 0
        visit.asked_by.clear()
        visit.waiting_for.clear()

    def on_message(self, payload: dict[str, Any]) -> None:
        self.tally.count("messages" if payload["sender"] == "me" else "messages heard")

    def on_end(self, payload: dict[str, Any]) -> None:
        self.tally.count(f"ended: {payload['reason']}")
        self.tally.chatting -= bool(self.visit.partner)
        self.visit.partner = ""

    def on_error(self, payload: dict[str, Any]) -> None:
        self.visit.sent_at.clear()
        if payload["code"] == "cooldown_active":
            self.visit.cooling = True
        self.tally.refused(payload["code"])


_HEARD: Final[dict[str, str]] = {
    "radar:update": "on_radar",
    "chat:request": "on_request",
    "chat:request:ack": "on_ack",
    "chat:request:expired": "on_settled",
    "chat:declined": "on_settled",
    "chat:accepted": "on_accepted",
    "chat:message": "on_message",
    "chat:end": "on_end",
    "error": "on_error",
}
