"""Faults under people who talk through three web processes: tried, lost, one-sided, and how long they took to heal."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

from bench import outages
from bench.table import Row, attempted
from signals.domain.chat import Party
from signals.domain.people import Person, Session
from signals.domain.proximity import around, cell_of
from tests import redis_here
from tests.flows import faults
from tests.flows.faults import Outcome
from tests.flows.private import PrivatePostgres, PrivateRedis
from tests.flows.scaled import Scaled
from tests.flows.server import Client
from tests.flows.test_sockets import meet

PAIRS, GONE_S, CAME_AND_WENT = 10, 30.0, 10_000
WANTED = "0 lost, 0 one-sided, 10 s"


@asynccontextmanager
async def deployed(**settings: str) -> AsyncIterator[tuple[Scaled, PrivateRedis]]:
    redis = PrivateRedis().start()
    try:
        with (
            tempfile.TemporaryDirectory(prefix="icebreaker-faults-") as data,
            faults.deployment(Path(data), redis, **settings) as server,
        ):
            yield server, redis
    finally:
        redis.thaw()
        redis.kill()


async def of_redis(strike: Callable[[Scaled, PrivateRedis], Awaitable[Outcome]]) -> list[Row]:
    async with deployed() as (server, redis):
        return [told(await strike(server, redis))]


async def of_postgres(gone_s: float) -> list[Row]:
    postgres = PrivatePostgres().make()
    try:
        async with deployed(DATABASE_URL=postgres.url) as (server, _):
            faults.migrate(server)
            return [told(await faults.postgres_gone(server, postgres, PAIRS, gone_s))]
    finally:
        postgres.stop()


async def ghost() -> list[Row]:
    """Somebody whose process is killed, and who does not come back."""
    async with deployed() as (server, _):
        a, b = await Client.arrive(server.processes[0]), await Client.arrive(server.processes[1])
        async with a, b:
            await meet(a, b)
            server.processes[0].process.kill()
            killed = perf_counter()
            while (await b.next(90))["type"] != "chat:end":
                pass
            took = perf_counter() - killed
    return [Row("a ghost after kill -9 is gone from its partner's chat", f"{took:.0f} s", "60 s, 20 of them grace")]


async def came_and_went() -> list[Row]:
    """Nothing of people who left stays in Redis."""
    cells = tuple(around(cell_of(52.5219, 13.4132), 1000))

    async def visit(n: int) -> None:
        person = Person(f"s{n}", f"QuietOwl{n}", "banter", ("Lo-fi head",), True, cells[n % len(cells)], 0.0, 3600.0)
        assert await store.add(Session(person, Party(person.session_id, person.handle)))
        await store.transact((person.session_id,), lambda found: ((None,), None))

    async with redis_here.alone() as store:
        for start in range(0, CAME_AND_WENT, 200):
            await asyncio.gather(*(visit(n) for n in range(start, min(start + 200, CAME_AND_WENT))))
        left = len(redis_here.keys(store.prefix[4:-1]))
    return [Row(f"keys left in Redis after {CAME_AND_WENT:,} sessions", str(left), "0")]


def told(seen: Outcome) -> Row:
    text = (
        f"{seen.tried} tried, {seen.acknowledged} acknowledged, {seen.lost} lost, {seen.one_sided} one-sided, "
        f"{seen.over} over, heals in {seen.heal_s:.1f} s, ready {seen.ready}, live {seen.live}"
    )
    return Row(f"fault: {seen.what}", text, WANTED)


def rows() -> list[Row]:
    if redis_here.trouble():
        return [Row("faults", f"not measured: {redis_here.trouble()}", WANTED)]
    scenes: tuple[tuple[str, Callable[[], Coroutine[Any, Any, list[Row]]]], ...] = (
        ("Redis restarted", lambda: of_redis(lambda server, redis: faults.redis_restarted(server, redis, PAIRS, 0))),
        ("Redis gone", lambda: of_redis(lambda server, redis: faults.redis_restarted(server, redis, PAIRS, GONE_S))),
        ("Redis frozen", lambda: of_redis(lambda server, redis: faults.redis_frozen(server, redis, PAIRS, GONE_S))),
        ("a web process killed", lambda: of_redis(lambda server, _: faults.web_killed(server, PAIRS))),
        ("PostgreSQL restarted", lambda: of_postgres(0)),
        ("PostgreSQL gone", lambda: of_postgres(GONE_S)),
        ("a ghost", ghost),
        ("came and went", came_and_went),
        ("alerts: Redis gone", outages.redis),
        ("alerts: PostgreSQL gone", outages.postgres),
    )
    return [row for name, scene in scenes for row in attempted(f"fault: {name}", partial(measured, scene), WANTED)]


def measured(scene: Callable[[], Coroutine[Any, Any, list[Row]]]) -> list[Row]:
    return asyncio.run(scene())
