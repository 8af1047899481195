"""Radar answers: 1,000 people in one venue, 8 in flight, then at 200 a second, under both servers."""

from __future__ import annotations

import asyncio
from itertools import cycle
from time import perf_counter

from bench.table import Row
from bench.wire import Guest, cpu_s, frame, guests, middle, percentile, run, serving
from tests.flows.server import Server

PEOPLE, IN_FLIGHT, RUNS, SECONDS = 1000, 8, 5, 4.0
ASK = frame("radar:subscribe", limit=50)
GOALS = {"uvicorn": ("4,000", "2.5 ms"), "daphne": ("2,500", "4 ms")}


async def flat_out(server: Server, people: list[Guest]) -> tuple[float, float, float]:
    """Answers a second, p95 in ms, and microseconds of the server's processor an answer."""
    took: list[float] = []
    until, cpu, ring = perf_counter() + SECONDS, cpu_s(server), cycle(people)

    async def one() -> None:
        while perf_counter() < until:
            took.append(await next(ring).ask(ASK, b'"radar:update"'))

    started = perf_counter()
    await asyncio.gather(*(one() for _ in range(IN_FLIGHT)))
    elapsed = perf_counter() - started
    return len(took) / elapsed, percentile(took, 0.95) * 1000, (cpu_s(server) - cpu) / len(took) * 1e6


async def steady(people: list[Guest], per_s: int) -> float:
    """p95 in ms at so many a second."""
    started, ring, asked = perf_counter(), cycle(people), []
    for n in range(int(SECONDS * per_s)):
        await asyncio.sleep(max(0.0, started + n / per_s - perf_counter()))
        asked.append(asyncio.create_task(next(ring).ask(ASK, b'"radar:update"')))
    return percentile(await asyncio.gather(*asked), 0.95) * 1000


async def measure(kind: str) -> list[Row]:
    with serving(kind) as server:
        people = await guests(server, PEOPLE)
        await flat_out(server, people)  # warm
        runs = [await flat_out(server, people) for _ in range(RUNS)]
        calm = [await steady(people, 200) for _ in range(3)]
    each, p95 = GOALS[kind]
    what = f"radar answers, 1,000 in one venue, {kind}"
    return [
        Row(f"{what}: a second, 8 in flight", middle([r[0] for r in runs], digits=0), each),
        Row(f"{what}: p95, same load", middle([r[1] for r in runs], " ms"), p95),
        Row(f"{what}: processor an answer", middle([r[2] for r in runs], " us", 0), "-"),
        Row(f"{what}: p95 at 200 a second", middle(calm, " ms"), "2 ms"),
    ]


def rows() -> list[Row]:
    return [row for kind in GOALS for row in run(measure(kind))]
