"""Chats: from asking to accepted at 50 a second, and a message on its way to the other side."""

from __future__ import annotations

import asyncio
from time import perf_counter

from bench.table import Row
from bench.wire import Guest, frame, guests, middle, percentile, run, serving

PAIRS, PER_S, RUNS, MESSAGES = 150, 50, 3, 300
ROOMY = {"CHAT_MESSAGES_PER_MINUTE": "1000000"}


async def meet(a: Guest, b: Guest) -> float:
    """Seconds from the request to `chat:accepted` at the asker, the other side accepting at once."""
    accepted: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    def asker(said: bytes) -> None:
        if b'"chat:accepted"' in said[:40] and not accepted.done():
            accepted.set_result(perf_counter())

    def asked(said: bytes) -> None:
        if b'"chat:request"' in said[:40]:
            b.line.say(frame("chat:accept", requesterSessionId=a.session_id))

    a.line.hear, b.line.hear = asker, asked
    started = perf_counter()
    a.line.say(frame("chat:request", targetSessionId=b.session_id))
    async with asyncio.timeout(20):
        return await accepted - started


async def relay(a: Guest, b: Guest) -> float:
    """Seconds from sending a message to the other side's hearing it."""
    heard: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    def hear(said: bytes) -> None:
        if b'"chat:message"' in said[:40] and not heard.done():
            heard.set_result(perf_counter())

    b.line.hear = hear
    started = perf_counter()
    a.line.say(frame("chat:message", text="Hello, how are you today?"))
    async with asyncio.timeout(20):
        return await heard - started


async def one_run(people: list[Guest]) -> tuple[float, float, float]:
    """p50 and p95 of meeting and p50 of a message, in ms; everybody is free again afterwards."""
    pairs = list(zip(people[::2], people[1::2], strict=True))
    started, meetings = perf_counter(), []
    for n, (a, b) in enumerate(pairs):
        await asyncio.sleep(max(0.0, started + n / PER_S - perf_counter()))
        meetings.append(asyncio.create_task(meet(a, b)))
    met = await asyncio.gather(*meetings)
    relayed = [await relay(*pairs[n % len(pairs)]) for n in range(MESSAGES)]
    for a, _ in pairs:
        await a.ask(frame("chat:end"), b'"chat:end"')
    return percentile(met, 0.5) * 1000, percentile(met, 0.95) * 1000, percentile(relayed, 0.5) * 1000


async def measure(kind: str) -> list[Row]:
    with serving(kind, **ROOMY) as server:
        people = await guests(server, 2 * PAIRS)
        await one_run(people)  # warm
        runs = [await one_run(people) for _ in range(RUNS)]
    return [
        Row(f"chat request to accepted, 50 a second, {kind}: p50", middle([r[0] for r in runs], " ms"), "1.0 ms"),
        Row(f"chat request to accepted, 50 a second, {kind}: p95", middle([r[1] for r in runs], " ms"), "2.3 ms"),
        Row(f"chat message relayed, {kind}: p50", middle([r[2] for r in runs], " ms"), "0.3 ms"),
    ]


def rows() -> list[Row]:
    return [row for kind in ("uvicorn", "daphne") for row in run(measure(kind))]
