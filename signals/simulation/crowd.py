"""A crowd of simulated people against any server, from the first arrival to the summary."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import perf_counter
from typing import Final, NamedTuple

import httpx

from signals.simulation.host import Host
from signals.simulation.person import Person
from signals.simulation.plan import Plan
from signals.simulation.tally import Tally

PEOPLE_MAX: Final = 5000
ARRIVE_PER_S: Final = 50.0  # so that a crowd comes in through the door, not through the wall
ANSWER_WITHIN_S: Final = 20.0


async def reachable(url: str, wait_s: float) -> bool:
    """Whether a server answers at `url`, tried for `wait_s` seconds."""
    give_up_at = perf_counter() + wait_s
    async with httpx.AsyncClient(base_url=url, timeout=5, trust_env=False) as http:
        while True:
            try:
                await http.get("/api/health")
            except httpx.HTTPError:
                if perf_counter() > give_up_at:
                    return False
                await asyncio.sleep(0.25)
            else:
                return True


class Make(NamedTuple):
    """Who is in a crowd: how many, of them hosts, and which share of the others gives no position."""

    people: int
    hosts: int = 0
    unplaced: float = 0.0

    def member(self, number: int, seed: int, plan: Plan, tally: Tally, http: httpx.AsyncClient) -> Person:
        if number < self.hosts:
            return Host(f"{seed}/{number}", plan, tally, http)
        before, upto = (int((n - self.hosts) * self.unplaced) for n in (number, number + 1))
        return Person(f"{seed}/{number}", plan, tally, http, placed=before == upto)


async def gather(make: Make, seed: int, plan: Plan, tally: Tally, say: Callable[[float], None]) -> None:
    """Let a crowd live until the plan is over; `say` is called each second with the time gone by."""
    started = perf_counter()
    limits = httpx.Limits(max_connections=32, max_keepalive_connections=32)
    async with httpx.AsyncClient(base_url=plan.url, timeout=ANSWER_WITHIN_S, limits=limits, trust_env=False) as http:

        async def one(number: int) -> None:
            await asyncio.sleep(min(number / ARRIVE_PER_S, max(0.0, plan.until - perf_counter())))
            await make.member(number, seed, plan, tally, http).live()

        async def speak() -> None:
            while True:
                await asyncio.sleep(1)
                say(perf_counter() - started)

        speaker = asyncio.create_task(speak())
        try:
            await asyncio.gather(*(one(number) for number in range(make.people)))
        finally:
            speaker.cancel()
