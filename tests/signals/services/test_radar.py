"""Scans and pushes: what is seen, in which order, and who is told when."""

import json
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals import errors, presence, protocol
from signals.domain import engine
from signals.domain.people import Session
from signals.domain.proximity import Tier, tier_between
from signals.presence.memory import MemoryPresence
from signals.services import chats, notices, radar, safety, sessions
from tests.signals.world import AT_900_M, AT_1200_M, HERE, NOW, Someone, someone

pytestmark = pytest.mark.usefixtures("store")
TIERS = {Tier.ROOM: "room", Tier.VENUE: "venue", Tier.NEARBY: "nearby", Tier.NONE: None}


async def seen(who: Someone, limit: int = 50, vibe_only: bool = False, now: float = NOW) -> dict[str, Any]:
    frame = json.loads(await radar.scan(who.id, limit, vibe_only, now))
    assert frame["type"] == "radar:update"
    payload: dict[str, Any] = frame["payload"]
    return payload


async def test_a_frame_is_byte_for_byte_what_the_protocol_encodes() -> None:
    me, _ = await someone(), await someone(tags=("Tech curious",))
    frame = await radar.scan(me.id, 50, False, NOW)
    update = msgspec.convert(json.loads(frame)["payload"], protocol.RadarUpdate)
    assert protocol.encode(update) == frame
    assert update.people[0].proximity == "room" and update.timestamp == round(NOW * 1000)


async def test_oneself_the_hidden_and_those_out_of_range_are_not_shown() -> None:
    me = await someone()
    near = await someone(point=AT_900_M)
    await someone(visible=False)
    await someone(point=AT_1200_M)
    nowhere = await someone(point=None, tags=("Tech curious",))
    found = await seen(me)
    assert [(p["sessionId"], p["proximity"]) for p in found["people"]] == [(near.id, "nearby"), (nowhere.id, None)]
    assert found["total"] == 2
    assert (await seen(nowhere))["total"] == 3


async def test_total_is_counted_before_the_cut_and_with_vibe_only_of_those_that_fit() -> None:
    me = await someone("banter")
    for vibe in ("banter", "banter", "intros"):
        await someone(vibe)
    found = await seen(me, limit=1)
    assert len(found["people"]) == 1 and found["total"] == 3
    fits = await seen(me, vibe_only=True)
    assert len(fits["people"]) == fits["total"] == 2


async def test_of_two_equal_ties_the_handle_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("signals.presence.index.tie_of", lambda session_id: 7)
    me = await someone()
    others = [await someone() for _ in range(20)]
    handles = [p["handle"] for p in (await seen(me))["people"]]
    assert handles == sorted(o.handle for o in others)


async def test_a_session_that_is_over_sees_nothing() -> None:
    me = await someone()
    with pytest.raises(errors.SessionNotFound):
        await radar.scan(me.id, 50, False, NOW + 3600)


def reference(me: Session, world: list[Session], limit: int, vibe_only: bool) -> tuple[list[tuple[object, ...]], int]:
    """What PROTOCOL says, in as few lines as it takes."""
    store, rows = presence.current(), []
    for other in world:
        tier = tier_between(me.person.cell, other.person.cell, 1000)
        blocked = other.session_id in me.party.blocked or me.session_id in other.party.blocked
        fits = not vibe_only or me.person.vibe == other.person.vibe
        if other is not me and other.person.visible and tier is not None and not blocked and fits:
            score = engine.explain(store.profile(me), store.profile(other), tier, store.weights).score
            rows.append((tier is Tier.NONE, -score, engine.tie_of(other.session_id), other.person.handle, TIERS[tier]))
    return [(r[3], -r[1], r[4]) for r in sorted(rows)[:limit]], len(rows)


crowd = st.lists(
    st.tuples(
        st.sampled_from(["banter", "intros", "surprise"]),
        st.sets(st.sampled_from(["Tech curious", "Lo-fi head", "Builder brain"])),
        st.sampled_from([HERE, AT_900_M, AT_1200_M, None]),
        st.booleans(),
    ),
    min_size=1,
    max_size=25,
)


@settings(max_examples=100)
@given(
    crowd, st.integers(1, 30), st.booleans(), st.lists(st.tuples(st.integers(0, 24), st.integers(0, 24)), max_size=8)
)
async def test_every_radar_agrees_with_the_reference(
    people: list[tuple[str, set[str], tuple[float, float] | None, bool]],
    limit: int,
    vibe_only: bool,
    blocks: list[tuple[int, int]],
) -> None:
    before = presence.current()
    store = MemoryPresence()
    presence.use(store)
    try:
        ids = [(await sessions.arrive(v, tuple(t), seen, p, NOW)).session_id for v, t, p, seen in people]
        for a, b in blocks:
            if a != b and max(a, b) < len(ids) and b not in [y for x, y in blocks if x == a][:-1]:
                await safety.block(ids[a], ids[b], NOW)
        world = list(store._sessions.values())
        for me in world:
            payload = json.loads(await radar.scan(me.session_id, limit, vibe_only, NOW))["payload"]
            shown = [(p["handle"], p["signal"], p["proximity"]) for p in payload["people"]]
            assert (shown, payload["total"]) == reference(me, world, limit, vibe_only)
    finally:
        presence.use(before)


# --- pushes -------------------------------------------------------------------------------------------------------


async def watching(point: tuple[float, float] | None = HERE, limit: int = 50) -> Someone:
    who = await someone(point=point)
    await radar.watch(who.id, who.sink, limit, False, NOW)
    await radar.push(NOW)
    who.heard()
    return who


async def pushed(who: Someone, now: float) -> list[dict[str, Any]]:
    await radar.push(now)
    return [payload for type_, payload in who.heard() if type_ == "radar:update"]


async def test_an_arrival_a_move_of_tier_a_busy_one_a_hiding_and_a_leaving_are_pushed() -> None:
    me = await watching()
    other, third = await someone(), await someone()
    ((first),) = await pushed(me, NOW + 0.1)
    assert {p["sessionId"] for p in first["people"]} == {other.id, third.id}
    await sessions.move(other.id, *AT_900_M, NOW + 60)
    (update,) = await pushed(me, NOW + 61)
    assert {p["proximity"] for p in update["people"]} == {"nearby", "room"}
    await chats.request(other.id, third.id, NOW + 61)
    await chats.accept(third.id, other.id, NOW + 61)
    (update,) = await pushed(me, NOW + 62)
    assert all(p["busy"] for p in update["people"])
    await sessions.set_visibility(third.id, False, NOW + 62)
    (update,) = await pushed(me, NOW + 63)
    assert len(update["people"]) == 1
    await sessions.end(other.id, "session_expired", NOW + 63)
    (update,) = await pushed(me, NOW + 64)
    assert update["people"] == []


async def test_pushes_are_merged_to_one_a_second() -> None:
    me = await watching()
    await someone()
    assert len(await pushed(me, NOW + 10)) == 1
    for n in range(5):
        await someone()
        assert await pushed(me, NOW + 10.1 + n / 10) == []
    (update,) = await pushed(me, NOW + 11)
    assert update["total"] == 6
    assert await pushed(me, NOW + 20) == []


async def test_nothing_is_pushed_when_only_the_total_changed() -> None:
    me = await watching(limit=1)
    best = await someone(tags=("Tech curious",))
    assert len(await pushed(me, NOW + 2)) == 1
    await someone(point=AT_900_M)
    assert await pushed(me, NOW + 4) == []
    assert best


async def test_a_change_out_of_sight_looks_up_nobody() -> None:
    await watching()
    await someone(point=(48.0, 9.0))
    assert await radar.push(NOW + 5) == 0


async def test_somebody_without_a_position_is_news_to_everybody_and_hears_of_everybody() -> None:
    me, nowhere = await watching(), await watching(point=None)
    assert len(await pushed(me, NOW + 2)) == 1
    await someone(point=(48.0, 9.0))
    assert len(await pushed(nowhere, NOW + 4)) == 1
    assert await pushed(me, NOW + 4) == []


async def test_a_block_is_pushed_to_both() -> None:
    me, other = await watching(), await watching()
    await radar.push(NOW + 2)
    me.heard()
    await safety.block(other.id, me.id, NOW + 3)
    for who in (me, other):
        (update,) = await pushed(who, NOW + 4) if who is me else [p for _, p in who.heard()][-1:]
        assert update["people"] == []


async def test_a_watcher_who_moved_hears_of_where_they_are_now() -> None:
    me = await watching()
    await sessions.move(me.id, *AT_1200_M, NOW + 60)
    json.loads(await radar.answer(me.id, me.sink, NOW + 60))
    await radar.push(NOW + 61)
    me.heard()
    there = await someone(point=AT_1200_M)
    (update,) = await pushed(me, NOW + 63)
    assert [p["sessionId"] for p in update["people"]] == [there.id]
    await someone(point=(47.3700, 8.5417))
    assert await radar.push(NOW + 65) == 0, "somebody who is near the old place is out of range"


async def test_what_was_answered_is_not_pushed_again() -> None:
    me = await watching()
    other = await someone()
    payload = json.loads(await radar.answer(me.id, me.sink, NOW))["payload"]
    assert payload["people"][0]["sessionId"] == other.id
    assert await pushed(me, NOW + 2) == []


async def test_the_latest_choice_holds_for_pushes_and_answers() -> None:
    me = await watching()
    await radar.watch(me.id, me.sink, 1, False, NOW)
    await someone(), await someone()
    (update,) = await pushed(me, NOW + 2)
    assert len(update["people"]) == 1 and update["total"] == 2
    answered = json.loads(await radar.answer(me.id, me.sink, NOW + 2))["payload"]
    assert len(answered["people"]) == 1


async def test_a_report_and_new_weights_are_pushed(store: MemoryPresence) -> None:
    me = await watching()
    other = await someone()
    (first,) = await pushed(me, NOW + 2)
    found = await store.get(other.id)
    assert found
    standing = replace(found.standing, reporters=frozenset({"x"}))
    await store.transact([other.id], lambda f: ((replace(f[0], standing=standing),), None))
    (second,) = await pushed(me, NOW + 4)
    assert second["people"][0]["signal"] == first["people"][0]["signal"] - 3
    store.reweigh(engine.Weights(report=10))
    radar.look_anew()
    (third,) = await pushed(me, NOW + 6)
    assert third["people"][0]["signal"] == first["people"][0]["signal"] - 10


async def test_nothing_is_left_when_watchers_leave() -> None:
    a, b = await watching(), await watching(point=None)
    radar.unwatch(a.id, a.sink)
    await sessions.end(b.id, "session_expired", NOW)
    notices.unsubscribe(b.id, b.sink)
    radar.unwatch(b.id, b.sink)
    radar.unwatch(b.id, b.sink)
    await radar.push(NOW + 5)
    assert not any(radar.sizes().values()) and not radar._queue
