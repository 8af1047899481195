"""What every store of presence promises."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals.domain import chat
from signals.domain.chat import Party, Talk
from signals.domain.engine import Weights, explain
from signals.domain.people import Person, Session, sight_of
from signals.domain.proximity import around, cell_of, tier_between
from signals.presence import post
from signals.presence.base import Change, Found, Presence
from signals.presence.memory import MemoryPresence
from signals.presence.post import Post
from signals.presence.redis import RedisPresence
from signals.services import notices
from tests import redis_here

NOW = 1_800_000_000.0
HERE = cell_of(47.3769, 8.5417)
CELLS = (*sorted(around(HERE, 1000))[::12], cell_of(47.3880, 8.5417), cell_of(48, 9), cell_of(-33, 151))


def session(name: str, cell: int | None = HERE, *, handle: str = "", tags: tuple[str, ...] = ()) -> Session:
    handle = handle or f"Handle{name}"
    return Session(Person(name, handle, "banter", tags, True, cell, NOW, NOW + 3600), Party(name, handle))


@asynccontextmanager
async def memory() -> AsyncIterator[Presence]:
    yield MemoryPresence()


STORES: dict[str, Callable[[], AbstractAsyncContextManager[Presence]]] = {"memory": memory, "redis": redis_here.alone}


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.redis)])
async def presence(request: pytest.FixtureRequest) -> AsyncIterator[Presence]:
    async with STORES[request.param]() as store:
        yield store


def hidden(name: str, cell: int | None = HERE) -> Session:
    who = session(name, cell)
    return replace(who, person=replace(who.person, visible=False))


async def nothing_is_left(presence: Presence) -> None:
    assert await presence.counts() == (0, 0, 0, {})
    assert await presence.due(NOW * 2) == ()
    if isinstance(presence, RedisPresence):
        assert redis_here.keys(presence.prefix[4:-1]) == []
    else:
        assert not any(presence.sizes().values())


async def test_an_id_and_a_handle_are_taken_once(presence: Presence) -> None:
    assert await presence.add(session("a"))
    assert not await presence.add(session("a", handle="Other"))
    assert not await presence.add(session("b", handle="Handlea"))
    assert (await presence.counts()).sessions == 1
    await presence.transact(["a"], lambda found: ((None,), None))
    assert await presence.add(session("b", handle="Handlea"))


async def test_a_refusal_swaps_nothing(presence: Presence) -> None:
    await presence.add(session("a"))

    def refuse(found: Found) -> tuple[Found, None]:
        raise ValueError

    with pytest.raises(ValueError):
        await presence.transact(["a"], refuse)
    assert await presence.get("a") == session("a")


async def test_a_session_that_is_gone_is_found_as_none_and_never_made(presence: Presence) -> None:
    seen = await presence.transact(["x"], lambda found: ((session("x"),), found))
    assert seen == (None,) and await presence.get("x") is None


async def test_counts_follow_every_swap(presence: Presence) -> None:
    a, b = session("a"), session("b")
    await presence.add(a)
    await presence.add(b)
    talking = tuple(
        replace(s, homes=("here",) * n, party=replace(s.party, talk=Talk("c", other)))
        for n, s, other in ((1, a, "b"), (2, b, "a"))
    )
    await presence.transact(["a", "b"], lambda found: (talking, None))
    assert await presence.counts() == (2, 1, 3, {"banter": 2})
    await presence.transact(["a", "b"], lambda found: ((None, None), None))
    assert await presence.counts() == (0, 0, 0, {})


async def test_a_session_is_due_at_its_earliest_deadline_until_its_record_says_otherwise(presence: Presence) -> None:
    a = session("a")
    await presence.add(a)
    cooling = replace(a, party=replace(a.party, cooling_until=NOW + 10))
    await presence.transact(["a"], lambda found: ((cooling,), None))
    assert await presence.due(NOW + 9) == ()
    assert await presence.due(NOW + 10) == ("a",)
    assert await presence.due(NOW + 10) == ("a",)
    await presence.transact(["a"], lambda found: ((a,), None))
    assert await presence.due(NOW + 11) == ()
    later = replace(a, person=replace(a.person, expires_at=NOW + 5000))
    await presence.transact(["a"], lambda found: ((later,), None))
    assert await presence.due(NOW + 3600) == ()
    assert await presence.due(NOW + 5000) == ("a",)


async def test_a_listener_hears_what_a_radar_may_show_and_nothing_else(presence: Presence) -> None:
    heard: list[Change] = []
    a = session("a")
    await presence.add(hidden("watcher"))
    await presence.around("watcher", 1000)
    presence.listen(heard.append)
    await presence.add(a)
    touched = replace(a, person=replace(a.person, expires_at=NOW + 4000))
    await presence.transact(["a"], lambda found: ((touched,), None))
    blocking = replace(touched, party=replace(a.party, blocked=frozenset({"z"})))
    await presence.transact(["a"], lambda found: ((blocking,), None))
    await presence.transact(["a"], lambda found: ((None,), None))
    sight = sight_of(a)
    assert await presence.echo(), "what was said before has arrived"
    assert heard == [("a", None, sight, False), ("a", sight, sight, True), ("a", sight, None, False)]


@pytest.mark.parametrize("cell", [None, CELLS[-1]], ids=["who gave no position", "who looked elsewhere"])
async def test_a_listener_hears_of_the_first_who_comes_to_a_place_where_nobody_looked(
    presence: Presence, cell: int | None
) -> None:
    heard: list[Change] = []
    watcher = hidden("watcher")
    await presence.add(replace(watcher, person=replace(watcher.person, cell=cell)))
    await presence.around("watcher", 1000)
    presence.listen(heard.append)
    await presence.add(session("a"))
    assert await presence.echo(), "what was said before has arrived"
    assert [change.session_id for change in heard] == ["a"]


names = st.sampled_from([f"n{i}" for i in range(12)])
places = st.sampled_from(CELLS) | st.none()
tags = st.lists(st.sampled_from(["x", "y", "z"]), unique=True).map(tuple)
happenings = st.lists(
    st.tuples(names, places, tags, st.sampled_from(["here", "hidden", "gone"]), st.integers(0, 4)), max_size=60
)


async def holds_exactly_those_in_range(
    presence: Presence,
    done: list[tuple[str, int | None, tuple[str, ...], str, int]],
    me: int | None,
    reweighed: bool,
) -> None:
    world: dict[str, Session] = {}
    weights = Weights(no_tags=7, report=2, decline=9, visible=1) if reweighed else Weights()
    await presence.add(hidden("me", me))
    await presence.around("me", 1000)
    for name, cell, chosen, state, declines in done:
        now = world.get(name)
        if now is None:
            if state != "gone":
                world[name] = session(name, cell, tags=chosen)
                await presence.add(world[name])
            continue
        new = None
        if state != "gone":
            party = replace(now.party, declined_at=(NOW,) * declines, cooling_until=NOW + 9 if declines else 0.0)
            new = replace(now, person=replace(now.person, cell=cell, visible=state == "here"), party=party)
        await presence.transact([name], lambda found, new=new: ((new,), None))
        if new:
            world[name] = new
        else:
            del world[name]
    presence.reweigh(weights)
    viewer = await presence.around("me", 1000)
    assert viewer == hidden("me", me)
    view = presence.view(me, 1000)
    profile = presence.profile(session("me"))
    seen = {}
    for row, slot in enumerate(view.slots.tolist()):
        shown = view.shown[slot]
        assert shown
        seen[shown.sight.session_id] = (shown.sight, int(view.crowd.tier[row]), int(view.crowd.standing[row]))
    expected = {}
    for name, s in world.items():
        tier = tier_between(me, s.person.cell, 1000)
        if tier is not None and s.person.visible:
            terms = explain(profile._replace(vibe=-1, tags=0), presence.profile(s), tier, weights)
            expected[name] = (sight_of(s), int(tier), terms.score - terms.tier)
    assert seen == expected
    assert presence.view(me, 1000, "intros").slots.size == 0
    for name in [*world, "me"]:
        await presence.transact([name], lambda found: ((None,), None))
    await nothing_is_left(presence)


@settings(max_examples=100)
@given(happenings, places, st.booleans())
async def test_a_view_holds_exactly_those_in_range_with_the_scores_of_the_formula(
    done: list[tuple[str, int | None, tuple[str, ...], str, int]], me: int | None, reweighed: bool
) -> None:
    await holds_exactly_those_in_range(MemoryPresence(), done, me, reweighed)


@pytest.mark.redis
@settings(max_examples=25)
@given(happenings, places, st.booleans())
async def test_so_does_a_view_of_a_process_that_hears_of_changes(
    done: list[tuple[str, int | None, tuple[str, ...], str, int]], me: int | None, reweighed: bool
) -> None:
    async with redis_here.alone() as presence:
        await holds_exactly_those_in_range(presence, done, me, reweighed)


async def test_invitations_are_deadlines(presence: Presence) -> None:
    await presence.add(session("a"))
    asked = chat.ask(
        Party("a", "A"), Party("b", "B"), request_id="r", chat_id="c", reachable=True, expires_s=60, now=NOW
    )
    await presence.transact(["a"], lambda found: ((replace(session("a"), party=asked.me),), None))
    assert await presence.due(NOW + 60) == ("a",)


# --- telling, notes and processes ---------------------------------------------------------------------------------


@pytest.fixture
def heard() -> Iterator[list[tuple[str, bytes | int]]]:
    """What sockets of this process are handed; `nobody` has none."""
    letters: list[tuple[str, bytes | int]] = []

    def deliver(to: str, what: bytes | int) -> int:
        letters.append((to, what))
        return to != "nobody"

    post.use(deliver, lambda: letters.append(("everybody", 1012)))
    yield letters
    post.use(notices.deliver, notices.close_all)


async def at_home(presence: Presence, name: str) -> Session:
    return replace(session(name), homes=(await presence.home(),))


async def test_what_a_swap_tells_is_heard_in_the_order_of_swaps(
    presence: Presence, heard: list[tuple[str, bytes | int]]
) -> None:
    await presence.add(await at_home(presence, "a"))
    for n in range(20):
        frame = b"%d" % n
        await presence.transact(["a"], lambda found: (found, None), lambda _, frame=frame: [Post("a", frame)])
    await presence.transact(["a"], lambda found: ((None,), None), lambda _: [Post("a", b"bye"), Post("a", 1000)])
    assert await presence.echo()
    assert heard == [*(("a", b"%d" % n) for n in range(20)), ("a", b"bye"), ("a", 1000)]


async def test_a_receipt_says_whether_a_socket_was_handed_the_post(
    presence: Presence, heard: list[tuple[str, bytes | int]]
) -> None:
    for name in ("a", "nobody"):
        await presence.add(await at_home(presence, name))
    await presence.transact(["a"], lambda found: (found, None), lambda _: [Post("a", b"x", "r1")])
    assert await presence.received("r1")
    await presence.transact(["nobody"], lambda found: (found, None), lambda _: [Post("nobody", b"x", "r2")])
    assert not await presence.received("r2")
    assert not await presence.received("r1"), "once"
    await presence.post([Post("a", b"by itself")])
    assert await presence.echo()
    assert heard[-1] == ("a", b"by itself")


async def test_a_note_is_taken_once_and_not_when_its_time_is_over(presence: Presence) -> None:
    now = time.time()
    await presence.leave_note("k", 1.25, now + 60)
    assert await presence.take_note("k", now) == 1.25
    assert await presence.take_note("k", now) is None
    await presence.leave_note("k", 1.25, now - 1)
    assert await presence.take_note("k", now) is None


async def test_there_is_room_in_a_bucket_that_nobody_has_taken_from(presence: Presence) -> None:
    assert await presence.take("k", 0.5, 3) == 0.0


async def test_a_living_process_leaves_no_orphans(presence: Presence) -> None:
    await presence.add(await at_home(presence, "a"))
    assert await presence.orphans() == ()
    assert (await presence.counts()).sockets == 1 == presence.known().sockets


async def test_many_swaps_of_one_session_at_once_lose_none(presence: Presence) -> None:
    await presence.add(session("a"))

    def one_more(found: Found) -> tuple[Found, None]:
        (a,) = found
        assert a
        return (replace(a, homes=(*a.homes, "x")),), None

    await asyncio.gather(*(presence.transact(["a"], one_more) for _ in range(20)))
    assert (await presence.counts()).sockets == 20
