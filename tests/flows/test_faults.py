"""Redis, PostgreSQL and processes fail under people who talk: nothing acknowledged is lost, and it heals by itself.

Short versions of `python -m bench faults`, which prints the table.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.flows import faults, kept
from tests.flows.private import PrivatePostgres, PrivateRedis
from tests.flows.server import PLACE, Client, Server, closed, dial
from tests.flows.test_sockets import meet

pytestmark = [pytest.mark.redis, pytest.mark.timeout(300)]


@pytest.fixture
def redis() -> Iterator[PrivateRedis]:
    mine = PrivateRedis().start()
    yield mine
    mine.thaw()
    mine.kill()


async def onboarded(server: Server, **more: object) -> httpx.Response:
    async with httpx.AsyncClient(base_url=server.url, trust_env=False) as http:
        body = {"vibe": "banter", "visibility": True, "location": PLACE, **more}
        return await http.post("/api/onboarding", json=body)


def nothing_was_lost(seen: faults.Outcome) -> None:
    assert seen.tried > 0 < seen.acknowledged
    assert (seen.lost, seen.one_sided, seen.live) == (0, 0, 200), seen


async def test_redis_comes_back_empty_and_everybody_begins_anew(tmp_path: Path, redis: PrivateRedis) -> None:
    with faults.deployment(tmp_path, redis) as server:
        old = await Client.arrive(server)
        seen = await faults.redis_restarted(server, redis, pairs=3, gone_s=2)
        nothing_was_lost(seen)
        assert "503" in seen.ready
        assert seen.over == 6, "all of them had to onboard anew"
        frames, code = await closed(await dial(server, old.token))
        assert (frames[0]["payload"]["code"], code) == ("session_not_found", 4404)
        await faults.ready_again(server, 30)


async def test_a_redis_that_hangs_is_noticed_and_nobody_loses_their_session(
    tmp_path: Path, redis: PrivateRedis
) -> None:
    with faults.deployment(tmp_path, redis) as server:
        seen = await faults.redis_frozen(server, redis, pairs=3, gone_s=8)
        nothing_was_lost(seen)
        assert seen.over == 0
        await faults.ready_again(server, 30)


async def test_a_killed_process_leaves_no_ghost(tmp_path: Path, redis: PrivateRedis) -> None:
    with faults.deployment(tmp_path, redis, SOCKET_GRACE_S="1") as server:
        a = await Client.arrive(server.processes[0])
        b = await Client.arrive(server.processes[1])
        async with a, b:
            await meet(a, b)
            server.processes[0].process.kill()
            async with asyncio.timeout(60):
                while (frame := await b.next(60))["type"] != "chat:end":
                    assert frame["type"] == "radar:update"
            assert frame["payload"]["reason"] == "partner_left"


async def test_a_process_killed_in_mid_chat_loses_nothing_that_was_acknowledged(
    tmp_path: Path, redis: PrivateRedis
) -> None:
    with faults.deployment(tmp_path, redis) as server:
        seen = await faults.web_killed(server, pairs=4)
        nothing_was_lost(seen)
        assert seen.over == 0


@pytest.mark.postgres
async def test_people_talk_on_without_the_database_and_readiness_names_it(tmp_path: Path, redis: PrivateRedis) -> None:
    postgres = PrivatePostgres().make()
    try:
        with faults.deployment(tmp_path, redis, DATABASE_URL=postgres.url) as server:
            faults.migrate(server)
            seen = await faults.postgres_gone(server, postgres, pairs=2, gone_s=3)
            nothing_was_lost(seen)
            assert "database" in seen.ready
            assert seen.over == 0
            await faults.ready_again(server, 60)
            kept.change(server, "UPDATE signals_tag SET active = FALSE")
            async with asyncio.timeout(60):  # every process reads again what staff tune
                for process in server.processes:
                    while (await onboarded(process, tags=["Lo-fi head"])).status_code == 201:
                        await asyncio.sleep(0.2)
    finally:
        postgres.stop()
