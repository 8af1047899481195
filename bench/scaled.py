"""Scaled out: round trips and time of one radar answer on Redis, and what one, two and three web processes serve."""

from __future__ import annotations

import asyncio
import os
import random
import tempfile
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import replace
from functools import partial
from itertools import cycle
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any

import redis
from redis.asyncio.connection import AbstractConnection

from bench import meeting
from bench.table import Row, attempted
from bench.wire import ROOMY, Guest, cpu_s, frame, guests, percentile, run
from signals import presence
from signals.domain.chat import Party
from signals.domain.people import VIBES, Person, Session
from signals.domain.proximity import around, cell_of
from signals.presence.base import Found
from signals.presence.memory import MemoryPresence
from signals.presence.redis import RedisPresence
from signals.services import radar
from tests import redis_here
from tests.flows.scaled import Scaled

PEOPLE, LOOKS, IN_FLIGHT, SECONDS = 1000, 400, 8, 4.0
ASK = frame("radar:subscribe", limit=50)
VENUE = tuple(around(cell_of(52.5219, 13.4132), 1000))[:7]
NOW = 1_800_000_000.0
TAGS = ("Quietly Curious", "Creative Energy", "Builder brain", "Tech curious", "Lo-fi head")

_counted: ContextVar[list[int] | None] = ContextVar("counted", default=None)
_send = AbstractConnection.send_packed_command


async def _sent(self: AbstractConnection, *args: Any, **kwargs: Any) -> None:
    """One write to Redis that is waited for is one round trip."""
    counter = _counted.get()
    if counter is not None:
        counter[0] += 1
    await _send(self, *args, **kwargs)


async def crowd(store: RedisPresence) -> list[str]:
    draw = random.Random(3)
    ids = [f"s{n:05d}" for n in range(PEOPLE)]
    for n, session_id in enumerate(ids):
        tags = tuple(draw.sample(TAGS, draw.randrange(4)))
        cell = draw.choice(VENUE)
        person = Person(session_id, f"QuietOwl{n}", draw.choice(list(VIBES)), tags, True, cell, NOW, NOW + 3600)
        await store.add(Session(person, Party(session_id, person.handle)))
    return ids


async def one_answer() -> list[Row]:
    """A radar of 1,000 people, somebody moved by another process before each look."""
    region, draw = redis_here.new_region(), random.Random(4)
    trips: list[int] = []
    took: list[float] = []

    def moved(found: Found) -> tuple[Found, None]:
        (old,) = found
        assert old
        return (replace(old, person=replace(old.person, cell=draw.choice(VENUE))),), None

    AbstractConnection.send_packed_command = _sent  # type: ignore[method-assign]
    try:
        async with redis_here.process(region) as here, redis_here.process(region) as there:
            presence.use(here)
            ids = await crowd(there)
            await asyncio.gather(*(here.counts() for _ in range(8)))  # saying hello to Redis is once a connection
            for n in range(LOOKS):
                await there.transact((draw.choice(ids),), moved)
                counter = [0]
                mark = _counted.set(counter)
                started = perf_counter()
                await radar.scan(ids[n % PEOPLE], 50, False, NOW)
                took.append((perf_counter() - started) * 1000)
                _counted.reset(mark)
                trips.append(counter[0])
    finally:
        AbstractConnection.send_packed_command = _send  # type: ignore[method-assign]
        presence.use(MemoryPresence())
        redis_here.empty(region)
    warm = took[20:]
    return [
        Row("scaled out: one radar answer, round trips", f"median {median(trips):.0f}, most {max(trips)}", "at most 2"),
        Row(
            "scaled out: one radar answer, 1,000 people, a move before each",
            f"{median(warm):.2f} ms (p95 {percentile(warm, 0.95):.2f})",
            "2 ms",
        ),
    ]


def redis_cpu_s() -> float:
    with redis.Redis.from_url(redis_here.URL) as client:
        told = client.info("cpu")
    return float(told["used_cpu_sys"]) + float(told["used_cpu_user"])


async def flat_out(server: Scaled, people: list[Guest]) -> str:
    took: list[float] = []
    ring, web = cycle(people), sum(map(cpu_s, server.processes))
    ours, store, started = process_time(), redis_cpu_s(), perf_counter()
    until = started + SECONDS

    async def one() -> None:
        while perf_counter() < until:
            took.append(await next(ring).ask(ASK, b'"radar:update"'))

    await asyncio.gather(*(one() for _ in range(IN_FLIGHT * len(server.processes))))
    passed = perf_counter() - started
    shares = (sum(map(cpu_s, server.processes)) - web, redis_cpu_s() - store, process_time() - ours)
    web_share, redis_share, client_share = (share / passed for share in shares)
    each_us = shares[0] / len(took) * 1e6
    return (
        f"{len(took) / passed:,.0f} a second, p95 {percentile(took, 0.95) * 1000:.1f} ms; "
        f"cores: web {web_share:.2f} ({each_us:.0f} us an answer), Redis {redis_share:.2f}, clients {client_share:.2f}"
    )


async def beside(count: int) -> Row:
    """`count` processes, people spread evenly over them; no proxy, which would want a core of its own."""
    with tempfile.TemporaryDirectory(prefix="icebreaker-scaled-") as data:
        server = Scaled(Path(data), count, **ROOMY).start()
        try:
            each = await asyncio.gather(*(guests(process, PEOPLE // count) for process in server.processes))
            people = [guest for turn in zip(*each, strict=True) for guest in turn]
            await flat_out(server, people)  # warm
            found = await flat_out(server, people)
        finally:
            server.stop()
            redis_here.empty(server.region)
    cores = len(os.sched_getaffinity(0))
    what = f"radar answers on Redis, 1,000 in one venue, {count} web process{'es'[: 2 * (count > 1)]}, {cores} cores"
    return Row(what, found, "more with each, until the cores are full")


def rows() -> list[Row]:
    if redis_here.trouble():
        return [Row("scaled out", f"not measured: {redis_here.trouble()}", "at most 2 round trips, 2 ms")]
    jobs: list[tuple[str, Callable[[], list[Row]]]] = [("one radar answer", lambda: run(one_answer()))]
    jobs += [(f"{count} web processes", partial(_beside, count)) for count in (1, 2, 3)]
    jobs.append(("people meet across processes", meeting.met))
    return [row for name, job in jobs for row in attempted(f"scaled out: {name}", job)]


def _beside(count: int) -> list[Row]:
    return [run(beside(count))]
