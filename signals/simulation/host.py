"""A simulated person for visitors of a demonstration: gives no position, accepts and answers whoever asks."""

from __future__ import annotations

from collections.abc import Collection
from time import perf_counter
from typing import Any, Final

import httpx
from websockets.asyncio.client import ClientConnection

from signals.simulation.person import Person
from signals.simulation.plan import Plan
from signals.simulation.tally import Tally

HELLO: Final = "Hello! I am simulated, but I answer."
ANSWERS: Final = (
    "That sounds good to me.",
    "I was just thinking the same.",
    "Tell me more.",
    "I only know this one place, but I like it.",
    "Ha! And then?",
    "I could talk about that all day. I am a program.",
    "Good question. What would you say?",
)
SILENCE_S: Final = 180.0  # then somebody else may ask


class Host(Person):
    stay_s = 1200.0, 3000.0

    def __init__(self, seed: str, plan: Plan, tally: Tally, http: httpx.AsyncClient) -> None:
        super().__init__(seed, plan, tally, http, placed=False)
        self.to_answer: list[str] = []
        self.heard_at = 0.0

    def _company(self) -> Collection[set[str]]:
        return self.plan.crowd, self.plan.hosts

    async def _act(self, socket: ClientConnection) -> None:
        visit = self.visit
        if visit.partner and self.to_answer:
            await self._send(socket, "chat:message", {"text": self.to_answer.pop(0)})
        elif visit.partner and perf_counter() - self.heard_at > SILENCE_S:
            await self._send(socket, "chat:end")
        elif visit.asked_by and not visit.partner:
            await self._send(socket, "chat:accept", {"requesterSessionId": visit.asked_by.pop(0)})

    def on_accepted(self, payload: dict[str, Any]) -> None:
        super().on_accepted(payload)
        self.heard_at, self.to_answer = perf_counter(), [HELLO]

    def on_message(self, payload: dict[str, Any]) -> None:
        super().on_message(payload)
        if payload["sender"] == "them":
            self.heard_at = perf_counter()
            self.to_answer = [*self.to_answer[:1], self.chance.choice(ANSWERS)]
