"""Memory of a connected person, 1,000 people who watch their radars."""

from __future__ import annotations

import asyncio

import psutil

from bench.table import Row
from bench.wire import frame, guests, middle, run, serving

PEOPLE, RUNS = 1000, 3


async def one_run(kind: str) -> float:
    """KB a person, in a server of its own."""
    with serving(kind) as server:
        process = psutil.Process(server.process.pid)
        early = await guests(server, 100)  # what a first use loads is no person's memory
        for guest in early:
            await guest.ask(frame("radar:subscribe"), b'"radar:update"')
        before = process.memory_info().rss
        people = await guests(server, PEOPLE)
        for guest in people:
            await guest.ask(frame("radar:subscribe"), b'"radar:update"')
        await asyncio.sleep(2)
        kib = (process.memory_info().rss - before) / PEOPLE / 1024
        for guest in (*early, *people):
            guest.line.transport.abort()
    return kib


async def measure(kind: str) -> Row:
    runs = [await one_run(kind) for _ in range(RUNS)]
    return Row(f"memory for a connected person, {kind}", middle(runs, " KB", 1), "30 KB")


def rows() -> list[Row]:
    return [run(measure(kind)) for kind in ("uvicorn", "daphne")]
