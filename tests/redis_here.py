"""A Redis for tests: the machine's, with a region of its own for each run, emptied afterwards."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache

import pytest
import redis
import redis.asyncio

from signals.presence.redis import RedisPresence

URL = os.environ.get("TEST_REDIS_URL") or os.environ.get("SERVERS_REDIS_URL") or "redis://127.0.0.1:6379/9"


@cache
def trouble() -> str:
    try:
        redis.Redis.from_url(URL, socket_timeout=2).ping()
    except redis.RedisError as error:
        return f"no Redis answers at {URL} ({type(error).__name__}): nothing about several processes is tested"
    return ""


def needed() -> None:
    """Skip, and say so, where there is no Redis."""
    if trouble():
        pytest.skip(trouble())


def new_region() -> str:
    return f"test-{secrets.token_hex(6)}"


def keys(region: str, *, but: tuple[str, ...] = (":procs", ":sweeper")) -> list[str]:
    """What a region keeps, except what says that processes live."""
    with redis.Redis.from_url(URL) as client:
        found = [key.decode() for key in client.scan_iter(f"ib:{{{region}}}:*", count=1000)]
    return sorted(key for key in found if not key.endswith(but))


def reader() -> redis.asyncio.Redis:
    """A client beside the processes, to look at what they keep."""
    return redis.asyncio.Redis.from_url(URL)


def empty(region: str) -> None:
    with redis.Redis.from_url(URL) as client:
        for key in client.scan_iter(f"ib:{{{region}}}:*", count=1000):
            client.delete(key)


@asynccontextmanager
async def process(region: str) -> AsyncIterator[RedisPresence]:
    """A presence with its link, as a web process has it."""
    store = RedisPresence(URL, region)
    link = asyncio.create_task(store.run())
    try:
        async with asyncio.timeout(10):
            while not store.link.runs:
                await asyncio.sleep(0)
            await store.home()
        yield store
    finally:
        link.cancel()
        await asyncio.gather(link, return_exceptions=True)
        await store.redis.aclose(close_connection_pool=True)


@asynccontextmanager
async def alone() -> AsyncIterator[RedisPresence]:
    """One process in a region of its own."""
    needed()
    region = new_region()
    try:
        async with process(region) as store:
            yield store
    finally:
        empty(region)
