"""What every store of presence promises."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals.domain import chat
from signals.domain.chat import Party, Talk
from signals.domain.engine import Weights, explain
from signals.domain.people import Person, Session, sight_of
from signals.domain.proximity import around, cell_of, tier_between
from signals.presence.base import Change, Found, Presence
from signals.presence.memory import MemoryPresence

NOW = 1_800_000_000.0
HERE = cell_of(47.3769, 8.5417)
CELLS = (*sorted(around(HERE, 1000))[::12], cell_of(47.3880, 8.5417), cell_of(48, 9), cell_of(-33, 151))


def session(name: str, cell: int | None = HERE, *, handle: str = "", tags: tuple[str, ...] = ()) -> Session:
    handle = handle or f"Handle{name}"
    return Session(Person(name, handle, "banter", tags, True, cell, NOW, NOW + 3600), Party(name, handle))


@pytest.fixture(params=[MemoryPresence], ids=["memory"])
def presence(request: pytest.FixtureRequest) -> Presence:
    made = request.param()
    assert isinstance(made, Presence)
    return made


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
        replace(s, sockets=n, party=replace(s.party, talk=Talk("c", other)))
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
    presence.listen(heard.append)
    await presence.add(a)
    touched = replace(a, person=replace(a.person, expires_at=NOW + 4000))
    await presence.transact(["a"], lambda found: ((touched,), None))
    blocking = replace(touched, party=replace(a.party, blocked=frozenset({"z"})))
    await presence.transact(["a"], lambda found: ((blocking,), None))
    await presence.transact(["a"], lambda found: ((None,), None))
    sight = sight_of(a)
    assert heard == [("a", None, sight, False), ("a", sight, sight, True), ("a", sight, None, False)]


names = st.sampled_from([f"n{i}" for i in range(12)])
places = st.sampled_from(CELLS) | st.none()
tags = st.lists(st.sampled_from(["x", "y", "z"]), unique=True).map(tuple)
happenings = st.lists(
    st.tuples(names, places, tags, st.sampled_from(["here", "hidden", "gone"]), st.integers(0, 4)), max_size=60
)


@settings(max_examples=100)
@given(happenings, places, st.booleans())
async def test_a_view_holds_exactly_those_in_range_with_the_scores_of_the_formula(
    done: list[tuple[str, int | None, tuple[str, ...], str, int]], me: int | None, reweighed: bool
) -> None:
    presence, world = MemoryPresence(), {}
    weights = Weights(no_tags=7, report=2, decline=9, visible=1) if reweighed else Weights()
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
    view = presence.view(me, 1000)
    viewer = presence.profile(session("me"))
    seen = {}
    for row, slot in enumerate(view.slots.tolist()):
        shown = view.shown[slot]
        assert shown
        seen[shown.sight.session_id] = (int(view.crowd.tier[row]), int(view.crowd.standing[row]))
    expected = {}
    for name, s in world.items():
        tier = tier_between(me, s.person.cell, 1000)
        if tier is not None and s.person.visible:
            terms = explain(viewer._replace(vibe=-1, tags=0), presence.profile(s), tier, weights)
            expected[name] = (int(tier), terms.score - terms.tier)
    assert seen == expected
    assert presence.view(me, 1000, "intros").slots.size == 0
    for name in list(world):
        await presence.transact([name], lambda found: ((None,), None))
    assert not any(presence.sizes().values())
    assert np.array_equal(presence.view(me, 1000).slots, [])


async def test_invitations_are_deadlines(presence: Presence) -> None:
    await presence.add(session("a"))
    asked = chat.ask(
        Party("a", "A"), Party("b", "B"), request_id="r", chat_id="c", reachable=True, expires_s=60, now=NOW
    )
    await presence.transact(["a"], lambda found: ((replace(session("a"), party=asked.me),), None))
    assert await presence.due(NOW + 60) == ("a",)
