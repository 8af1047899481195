"""A Redis Cluster of three nodes: a region is whole at one of them, and whichever is named leads there."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest
import redis

from signals.presence.redis import RedisPresence
from tests.flows.private import PrivateRedis
from tests.flows.server import free_port
from tests.signals.presence.test_contract import NOW, session

pytestmark = pytest.mark.redis
SLOTS = ((0, 5460), (5461, 10922), (10923, 16383))


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[PrivateRedis]]:
    """Each has a third of the slots."""
    if shutil.which("redis-server") is None:
        pytest.skip("there is no redis-server on this machine: a Redis Cluster is not tested")
    nodes, buses = [], [free_port() for _ in SLOTS]
    for bus in buses:
        place = str(tmp_path_factory.mktemp("node"))
        nodes.append(PrivateRedis("--cluster-enabled", "yes", "--cluster-port", str(bus), "--dir", place).start())
    clients = [redis.Redis.from_url(node.url) for node in nodes]
    try:
        for client, (first, last) in zip(clients, SLOTS, strict=True):
            client.execute_command("CLUSTER", "ADDSLOTSRANGE", first, last)
            client.execute_command("CLUSTER", "MEET", "127.0.0.1", nodes[0].port, buses[0])
        until_whole(clients)
        yield nodes
    finally:
        for client, node in zip(clients, nodes, strict=True):
            client.close()
            node.kill()


def until_whole(clients: list[redis.Redis]) -> None:
    give_up_at = time.monotonic() + 60
    while not all("cluster_state:ok" in str(client.execute_command("CLUSTER", "INFO")) for client in clients):
        assert time.monotonic() < give_up_at
        time.sleep(0.1)


async def up(store: RedisPresence) -> None:
    async with asyncio.timeout(30):
        while True:
            with suppress(Exception):
                await store.home()
                return
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("named", range(3))
async def test_whichever_node_is_named_people_are_kept_told_and_forgotten_where_their_region_is(
    cluster: list[PrivateRedis], named: int
) -> None:
    store = RedisPresence(cluster[named].url, f"region-{named}")
    link = asyncio.create_task(store.run())
    try:
        await up(store)
        assert await store.add(session("a")) and await store.add(session("b"))
        watcher = await store.around("a", 1000)
        assert watcher
        view = store.view(watcher.person.cell, 1000)
        assert {view.shown[slot].sight.session_id for slot in view.slots.tolist()} == {"a", "b"}  # type: ignore[union-attr]
        assert await store.echo(), "a message to this process arrives"
        assert await store.take("k", 1, 1) == 0.0
        assert set(await store.due(NOW * 2)) == {"a", "b"}
        await store.transact(("a", "b"), lambda found: ((None, None), None))
        assert (await store.counts()).sessions == 0
    finally:
        link.cancel()
        await asyncio.gather(link, return_exceptions=True)
        await store.redis.aclose(close_connection_pool=True)
