"""Several processes on one Redis: what each learns of the others, and what stays of one that is gone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import redis

from signals import errors, presence
from signals.domain.people import Session
from signals.presence import post
from signals.presence.base import Found
from signals.presence.redis import RedisPresence
from signals.services import notices, sessions
from tests import redis_here
from tests.signals.presence.test_contract import CELLS, HERE, NOW, hidden, session

pytestmark = pytest.mark.redis


@pytest.fixture
async def two() -> AsyncIterator[tuple[RedisPresence, RedisPresence]]:
    redis_here.needed()
    region = redis_here.new_region()
    async with redis_here.process(region) as one, redis_here.process(region) as other:
        yield one, other
    redis_here.empty(region)


async def shown(store: RedisPresence) -> set[str]:
    """Whom the watcher sees from this process."""
    watcher = await store.around("watcher", 1000)
    assert watcher
    view = store.view(watcher.person.cell, 1000)
    return {view.shown[slot].sight.session_id for slot in view.slots.tolist()}  # type: ignore[union-attr]


def at(cell: int | None) -> object:
    def change(found: Found) -> tuple[Found, None]:
        (old,) = found
        assert old
        return (replace(old, person=replace(old.person, cell=cell)),), None

    return change


@pytest.mark.parametrize("news", [True, False], ids=["with-news", "without"])
async def test_a_look_is_exact_whether_the_news_came_or_not(
    two: tuple[RedisPresence, RedisPresence], news: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = two
    await here.add(hidden("watcher"))
    assert await shown(here) == set()
    if not news:
        monkeypatch.setattr(here._near, "hear", lambda data: [])
    await there.add(session("a"))
    assert await shown(here) == {"a"}
    for cell, expected in ((CELLS[3], {"a"}), (CELLS[-1], set()), (None, {"a"}), (HERE, {"a"})):
        await there.transact(["a"], at(cell))  # type: ignore[arg-type]
        assert await shown(here) == expected
    await there.transact(["watcher"], at(CELLS[-1]))  # type: ignore[arg-type]
    assert await shown(here) == set(), "where the viewer is, is asked anew"


async def test_one_process_is_told_what_is_due(two: tuple[RedisPresence, RedisPresence]) -> None:
    here, there = two
    await here.add(session("a"))
    told = [await here.due(NOW * 2), await there.due(NOW * 2), await here.due(NOW * 2)]
    assert told == [("a",), (), ("a",)]


async def test_the_sockets_of_a_process_that_is_gone_are_buried_and_the_grace_begins(
    two: tuple[RedisPresence, RedisPresence],
) -> None:
    here, there = two
    homes = (await here.home(), await there.home(), await there.home())
    await here.add(replace(session("a"), homes=homes))
    await here.add(replace(session("b"), homes=homes[1:]))
    await here.redis.zadd(f"{here.prefix}:procs", {homes[1]: 1})  # as if it had not beaten for ten seconds
    before = presence.current()
    presence.use(here)
    try:
        await sessions.bury(NOW)
    finally:
        presence.use(before)
    a, b = await here.get("a"), await here.get("b")
    assert a and b
    assert (a.homes, a.absent_until) == ((homes[0],), 0.0)
    assert (b.homes, b.absent_until) == ((), NOW + 20)
    assert await here.orphans() == ()
    assert (await here.counts()).sockets == 1


async def test_a_process_that_is_no_longer_believed_ends_its_sockets_and_comes_back_under_another_name(
    two: tuple[RedisPresence, RedisPresence],
) -> None:
    here, _ = two
    ended: list[str] = []
    post.use(lambda to, what: 1, lambda: ended.append("all"))
    try:
        name = await here.home()
        await here.redis.zrem(f"{here.prefix}:procs", name)
        async with asyncio.timeout(20):
            while not ended:
                await asyncio.sleep(0.01)
            with pytest.raises(errors.Unavailable):
                await here.get("a")
            while True:
                try:
                    assert await here.home() != name
                    break
                except errors.Unavailable:
                    await asyncio.sleep(0.01)
        assert await here.echo()
        assert ended == ["all"]
    finally:
        post.use(notices.deliver, notices.close_all)


async def test_many_who_came_and_went_leave_no_key(two: tuple[RedisPresence, RedisPresence]) -> None:
    async def visit(n: int) -> None:
        who: Session = session(f"s{n}", CELLS[n % len(CELLS)], tags=("x",))
        assert await two[n % 2].add(replace(who, homes=("here",)))
        await two[(n + 1) % 2].transact((who.session_id,), lambda found: ((None,), None))

    await asyncio.gather(*(visit(n) for n in range(300)))
    assert redis_here.keys(two[0].prefix[4:-1]) == []
    assert await two[0].counts() == (0, 0, 0, {})


async def test_what_one_process_took_from_a_limit_is_missing_at_the_other_until_it_is_refilled(
    two: tuple[RedisPresence, RedisPresence],
) -> None:
    here, there = two
    assert [await store.take("a", 1 / 60, 3) for store in (here, there, here)] == [0.0] * 3
    for store in (here, there):
        assert 55 < await store.take("a", 1 / 60, 3) <= 60
    assert await there.take("b", 1 / 60, 3) == 0.0, "somebody else"
    assert await here.take("c", 1000, 1) == 0.0
    async with asyncio.timeout(10):
        while await there.take("c", 1000, 1):  # refilled within a millisecond
            pass
    with redis.Redis.from_url(redis_here.URL) as client:
        left_ms = int(client.pttl(f"{here.prefix}:room:a"))  # type: ignore[arg-type]
    assert 0 < left_ms <= 180_000, "a bucket that is full again is forgotten"
