"""Asking and talking through the services, and that no order of anything leaves somebody half in a chat."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals import errors, presence
from signals.domain import chat
from signals.domain.safety import Standing
from signals.presence.memory import MemoryPresence
from signals.services import chats, notices, safety, sessions
from tests.signals.world import AT_900_M, AT_1200_M, HERE, NOW, Someone, someone

pytestmark = pytest.mark.usefixtures("store")


async def test_a_message_reaches_both_and_nothing_of_it_is_kept(store: MemoryPresence) -> None:
    a, b = await someone(), await someone()
    await chats.request(a.id, b.id, NOW)
    await chats.request(b.id, a.id, NOW)
    a.heard(), b.heard()
    await chats.message(a.id, "a secret", NOW + 1)
    when = round((NOW + 1) * 1000)
    assert a.heard() == [("chat:message", {"text": "a secret", "timestamp": when, "sender": "me"})]
    assert b.heard() == [("chat:message", {"text": "a secret", "timestamp": when, "sender": "them"})]
    assert "secret" not in repr(store.__dict__)


async def test_an_eleventh_message_in_a_minute_has_to_wait_its_turn() -> None:
    a, b = await someone(), await someone()
    await chats.request(a.id, b.id, NOW)
    await chats.accept(b.id, a.id, NOW)
    for n in range(10):
        await chats.message((a, b)[n % 2].id, "hi", NOW + n)
    with pytest.raises(errors.RateLimitExceeded) as error:
        await chats.message(a.id, "hi", NOW + 20)
    assert error.value.extra["retryAfterMs"] == 40_000
    await chats.message(a.id, "hi", NOW + 60)


async def test_without_a_chat_there_is_nothing_to_say_or_end() -> None:
    a = await someone()
    with pytest.raises(errors.NoActiveChat):
        await chats.message(a.id, "hi", NOW)
    with pytest.raises(errors.NoActiveChat):
        await chats.end(a.id, NOW)


async def test_when_a_chat_opens_all_other_requests_of_both_expire_and_both_sides_are_told() -> None:
    a, b, c, d = [await someone() for _ in range(4)]
    await chats.request(a.id, c.id, NOW)
    await chats.request(d.id, b.id, NOW)
    await chats.request(a.id, b.id, NOW)
    for who in (a, b, c, d):
        who.heard()
    await chats.accept(b.id, a.id, NOW + 1)
    assert a.types() == ["chat:accepted", "chat:request:expired"]
    assert b.types() == ["chat:accepted", "chat:request:expired"]
    assert c.heard() == [("chat:request:expired", {"fromSessionId": a.id})]
    assert d.heard() == [("chat:request:expired", {"targetSessionId": b.id})]


async def test_far_hidden_excluded_blocked_busy_and_gone_are_refused_in_the_same_words() -> None:
    a = await someone()
    far, hidden, blocker = await someone(point=AT_1200_M), await someone(visible=False), await someone()
    excluded, busy, other = await someone(), await someone(), await someone()
    await safety.block(blocker.id, a.id, NOW)
    standing = Standing(excluded_until=NOW + 60)
    await presence.current().transact([excluded.id], lambda found: ((replace(found[0], standing=standing),), None))
    await chats.request(busy.id, other.id, NOW)
    await chats.accept(other.id, busy.id, NOW)
    for target in (far.id, hidden.id, blocker.id, excluded.id, busy.id, "nobody", a.id):
        with pytest.raises(errors.ChatRequestFailed) as error:
            await chats.request(a.id, target, NOW)
        assert error.value.message == errors.ChatRequestFailed.sentence
    assert not a.heard()


async def test_somebody_hidden_can_be_answered_by_whom_they_asked() -> None:
    hidden, b = await someone(visible=False), await someone()
    await chats.request(hidden.id, b.id, NOW)
    await chats.request(b.id, hidden.id, NOW)
    assert b.types() == ["chat:request", "chat:accepted"]


async def test_accepting_looks_at_the_range_anew() -> None:
    a, b = await someone(), await someone(point=AT_900_M)
    await chats.request(a.id, b.id, NOW)
    await sessions.move(b.id, *AT_1200_M, NOW + 30)
    with pytest.raises(errors.ChatAcceptFailed):
        await chats.accept(b.id, a.id, NOW + 31)


async def test_a_cooldown_is_told_even_when_the_other_side_is_gone_and_is_wiped_when_it_is_over() -> None:
    a, others = await someone(), [await someone() for _ in range(3)]
    for other in others:
        await chats.request(a.id, other.id, NOW)
        await chats.decline(other.id, a.id, NOW)
    with pytest.raises(errors.CooldownActive):
        await chats.request(a.id, "nobody", NOW + 1)
    await sessions.sweep(NOW + 1800)
    found = await sessions.get(a.id, NOW + 1800)
    assert found.party.cooling_until == 0 and not found.party.declined_at


POINTS = (HERE, AT_900_M, AT_1200_M)
VERBS = ("request", "accept", "decline", "end", "block", "move", "close", "open", "leave", "panic", "sweep", "hide")
deeds = st.lists(
    st.tuples(st.sampled_from(VERBS), st.integers(0, 4), st.integers(0, 4), st.sampled_from([0.0, 0.4, 7, 25, 70])),
    max_size=60,
)


async def do(verb: str, me: Someone, other: Someone, n: int, now: float) -> None:
    match verb:
        case "request" | "accept" | "decline":
            await getattr(chats, verb)(me.id, other.id, now)
        case "end":
            await chats.end(me.id, now)
        case "block":
            await safety.block(me.id, other.id, now)
        case "move":
            await sessions.move(me.id, *POINTS[n % 3], now)
        case "close":
            await sessions.close_socket(me.id, now)
        case "open":
            await sessions.open_socket(me.id, now)
        case "leave":
            await sessions.end(me.id, "session_expired", now)
        case "panic":
            await safety.panic(me.id, now)
        case "sweep":
            await sessions.sweep(now)
        case "hide":
            await sessions.set_visibility(me.id, bool(n % 2), now)


@settings(max_examples=150)
@given(deeds)
async def test_random_actions_never_give_two_partners_or_a_one_sided_chat(
    done: list[tuple[str, int, int, float]],
) -> None:
    before, store = presence.current(), MemoryPresence()
    presence.use(store)
    try:
        now = NOW
        people = [await someone(now=now) for _ in range(5)]
        for n, (verb, i, j, passed) in enumerate(done):
            now += passed
            try:
                await do(verb, people[i], people[j], n, now)
            except errors.SignalsError:
                continue
            finally:
                holds(store)
            if verb in ("leave", "panic"):
                people[i] = await someone(now=now)
        for who in people:
            await sessions.end(who.id, "session_expired", now)
        await sessions.sweep(now + 13 * 3600)
        assert not any(store.sizes().values()), store.sizes()
    finally:
        presence.use(before)
        notices._sinks.clear()


def holds(store: MemoryPresence) -> None:
    """What must be true between any two actions."""
    world = {name: s.party for name, s in store._sessions.items()}
    for name, party in world.items():
        if party.talk:
            partner = world[party.talk.partner].talk
            assert partner and (partner.partner, partner.chat_id) == (name, party.talk.chat_id)
            assert not chat.bystanders(party)
        for invitation in party.sent:
            assert invitation in world[invitation.asked].received
        for invitation in party.received:
            assert invitation in world[invitation.asker].sent
        assert len(party.sent) <= chat.PENDING_MAX
