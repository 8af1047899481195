"""What is done to a running deployment, and what its people noticed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import httpx

from tests.flows.private import PrivatePostgres, PrivateRedis
from tests.flows.scaled import Scaled
from tests.flows.server import manage
from tests.flows.talkers import Pair, talking, until

ROOMY = {"CHAT_MESSAGES_PER_MINUTE": "100000", "FRAMES_PER_SECOND": "1000", "FRAMES_BURST": "1000"}
HEALS_WITHIN_S = 60.0


class Outcome(NamedTuple):
    """What came of one fault."""

    what: str
    tried: int  # lines
    acknowledged: int
    lost: int  # acknowledged, and never heard
    one_sided: int  # pairs in which one believes in a chat and the other does not
    over: int  # sessions that ended, so that people had to onboard anew
    heal_s: float  # from the return of what was gone, or its loss for good, until every pair talks again
    ready: str  # what readiness said meanwhile
    live: int  # and liveness


@contextmanager
def deployment(data: Path, redis: PrivateRedis, **settings: str) -> Iterator[Scaled]:
    server = Scaled(data, redis_url=redis.url, **{**ROOMY, **settings}).start()
    try:
        yield server
    finally:
        server.stop()


async def health(server: Scaled, which: int = 0) -> tuple[str, int]:
    """Which checks fail at one process, and the status of liveness."""
    url = server.processes[which].url
    async with httpx.AsyncClient(timeout=10, trust_env=False, verify=False) as http:
        ready = await http.get(url + "/api/health/ready")
        live = await http.get(url + "/api/health")
    failed = ", ".join(ready.json().get("failed", {}))
    return f"{ready.status_code} {failed}".strip(), live.status_code


async def nothing() -> None:
    """There is nothing to mend."""


async def outcome(
    server: Scaled,
    what: str,
    pairs: int,
    strike: Callable[[], Awaitable[Any]],
    mend: Callable[[], Awaitable[Any]],
    *,
    gone_s: float,
    seen: str = "",
) -> Outcome:
    """Strike, look at health until it says `seen`, mend, and wait until everybody talks again."""
    async with talking(server, pairs) as people:
        await strike()
        struck = perf_counter()
        ready, live = await health(server, 1)
        async with asyncio.timeout(HEALS_WITHIN_S):
            while seen not in ready:
                ready, live = await health(server, 1)
        await asyncio.sleep(max(0.0, struck + gone_s - perf_counter()))
        await mend()
        back = struck if mend is nothing else perf_counter()
        await until(lambda: all(pair.talks_since(back) for pair in people), HEALS_WITHIN_S)
        heal_s = perf_counter() - back
        await asyncio.sleep(1)  # lines under way
        return summed(what, people, heal_s, ready, live)


def summed(what: str, people: list[Pair], heal_s: float, ready: str, live: int) -> Outcome:
    acknowledged = sum(len(who.acknowledged) for pair in people for who in (pair.a, pair.b))
    over = sum(who.visits - 1 for pair in people for who in (pair.a, pair.b))
    return Outcome(
        what,
        sum(pair.tried for pair in people),
        acknowledged,
        sum(pair.lost() for pair in people),
        sum(pair.one_sided() for pair in people),
        over,
        heal_s,
        ready,
        live,
    )


async def redis_restarted(server: Scaled, redis: PrivateRedis, pairs: int, gone_s: float) -> Outcome:
    async def kill() -> None:
        redis.kill()

    async def start() -> None:
        await asyncio.to_thread(redis.start)

    seen = "presence" if gone_s else ""
    what = f"Redis gone for {gone_s:.0f} s, back empty" if gone_s else "Redis restarted, empty"
    return await outcome(server, what, pairs, kill, start, gone_s=gone_s, seen=seen)


async def redis_frozen(server: Scaled, redis: PrivateRedis, pairs: int, gone_s: float) -> Outcome:
    async def freeze() -> None:
        redis.freeze()

    async def thaw() -> None:
        redis.thaw()

    return await outcome(
        server, f"Redis frozen for {gone_s:.0f} s", pairs, freeze, thaw, gone_s=gone_s, seen="presence"
    )


async def web_killed(server: Scaled, pairs: int) -> Outcome:
    """kill -9 of a process in mid chat; it stays dead."""

    async def kill() -> None:
        server.processes[0].process.kill()
        server.processes[0].process.wait()

    return await outcome(server, "one of three web processes killed", pairs, kill, nothing, gone_s=0)


async def postgres_gone(server: Scaled, postgres: PrivatePostgres, pairs: int, gone_s: float) -> Outcome:
    async def stop() -> None:
        await asyncio.to_thread(postgres.stop)

    async def start() -> None:
        await asyncio.to_thread(postgres.start)

    what = f"PostgreSQL gone for {gone_s:.0f} s" if gone_s else "PostgreSQL restarted"
    return await outcome(server, what, pairs, stop, start, gone_s=gone_s, seen="database" if gone_s else "")


def migrate(server: Scaled) -> None:
    done = manage("migrate", "--verbosity", "0", env=server.env, timeout=240)
    assert done.returncode == 0, done.stderr


async def ready_again(server: Scaled, within_s: float) -> float:
    """Seconds until every process that lives says that it is ready."""
    started = perf_counter()
    async with asyncio.timeout(within_s):
        for n, process in enumerate(server.processes):
            while process.process.poll() is None and (await health(server, n))[0] != "200":
                await asyncio.sleep(0.1)
    return perf_counter() - started
