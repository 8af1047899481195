"""Arriving, staying, moving and leaving."""

import pytest

from signals import errors, telemetry
from signals.presence.memory import MemoryPresence
from signals.services import chats, notices, sessions
from tests.signals.world import AT_900_M, AT_1200_M, HERE, NOW, Someone, hang_up, someone

pytestmark = pytest.mark.usefixtures("store")


async def talking(far: tuple[float, float] = HERE) -> tuple[Someone, Someone]:
    a, b = await someone(), await someone(point=far)
    await chats.request(a.id, b.id, NOW)
    await chats.accept(b.id, a.id, NOW + 1)
    a.heard(), b.heard()
    return a, b


async def test_a_position_becomes_a_cell_and_the_point_is_nowhere(store: MemoryPresence) -> None:
    a = await someone(point=(47.37691234, 8.54171234))
    kept = repr(await store.get(a.id))
    assert "47.37" not in kept and "8.54" not in kept


async def test_an_unknown_vibe_or_tag_is_refused_and_nobody_arrives(store: MemoryPresence) -> None:
    for vibe, tags in (("bored", ()), ("banter", ("Nope",))):
        with pytest.raises(errors.ValidationFailed):
            await sessions.arrive(vibe, tags, True, None, NOW)
    assert not any(store.sizes().values())


async def test_a_taken_handle_is_drawn_anew() -> None:
    draws = iter([0, 0, 0, 0, 0, 0, 1, 1, 1])
    first = await sessions.arrive("banter", (), True, None, NOW, draw=lambda n: next(draws))
    second = await sessions.arrive("banter", (), True, None, NOW, draw=lambda n: next(draws))
    assert first.handle == "QuietJoker00" and second.handle == "CuriousSparrow01"


async def test_nobody_more_is_let_in_when_the_place_is_full_and_that_is_counted(
    settings: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[tuple[str, str]] = []
    monkeypatch.setattr(telemetry, "count", lambda metric, label: counted.append((metric, label)))
    settings.SESSIONS_MAX = 1  # type: ignore[attr-defined]
    await someone()
    with pytest.raises(errors.RateLimitExceeded):
        await someone()
    assert counted == [(telemetry.REFUSED, "sessions")]


async def test_contact_keeps_a_session_alive_for_an_hour_and_twelve_hours_at_most(store: MemoryPresence) -> None:
    a = await someone()
    at = NOW
    while at < NOW + 12 * 3600 - 1800:
        at += 1800
        await sessions.touch(a.id, at)
        await sessions.sweep(at)
    assert (await sessions.get(a.id, at)).person.expires_at == NOW + 12 * 3600
    with pytest.raises(errors.SessionNotFound):
        await sessions.touch(a.id, NOW + 12 * 3600)


async def test_a_session_without_contact_ends_after_an_hour_with_its_chat_and_its_sockets() -> None:
    a, b = await talking()
    await sessions.touch(b.id, NOW + 1800)
    await sessions.sweep(NOW + 3599)
    assert not a.heard()
    await sessions.sweep(NOW + 3602)
    assert [p.get("reason", p.get("code")) for _, p in a.heard()] == ["session_expired", "token_expired"]
    assert [p.get("reason") for _, p in b.heard()] == ["session_expired"]
    assert (a.closed, b.closed) == ([4404], [])
    with pytest.raises(errors.SessionNotFound):
        await sessions.get(a.id, NOW + 3602)


async def test_a_sixth_socket_is_refused() -> None:
    a = await someone()
    for _ in range(4):
        await sessions.open_socket(a.id, NOW)
    with pytest.raises(errors.ConnectionLimitExceeded):
        await sessions.open_socket(a.id, NOW)
    await sessions.close_socket(a.id, NOW)
    assert await sessions.open_socket(a.id, NOW)


async def test_a_socket_is_greeted_with_the_chat_and_the_requests_that_wait() -> None:
    a, b = await someone(), await someone()
    await chats.request(a.id, b.id, NOW)
    for_a = await sessions.open_socket(a.id, NOW + 1)
    for_b = await sessions.open_socket(b.id, NOW + 1)
    assert [f.type_ for f in for_a] == ["connected", "chat:request:ack"]
    assert [f.type_ for f in for_b] == ["connected", "chat:request"]
    await chats.accept(b.id, a.id, NOW + 2)
    assert [f.type_ for f in await sessions.open_socket(a.id, NOW + 3)] == ["connected", "chat:accepted"]


async def test_who_comes_back_to_a_chat_with_a_weak_signal_is_told_again() -> None:
    a, b = await someone(), await someone(point=AT_900_M)
    await chats.request(a.id, b.id, NOW)
    await chats.accept(b.id, a.id, NOW)
    greeting = await sessions.open_socket(a.id, NOW + 1)
    assert [f.type_ for f in greeting] == ["connected", "chat:accepted", "chat:warning"]


async def test_a_partner_without_a_socket_for_twenty_seconds_has_left() -> None:
    a, b = await talking()
    await hang_up(a, NOW + 10)
    await sessions.sweep(NOW + 29.9)
    assert not b.heard()
    await sessions.sweep(NOW + 30)
    assert [p["reason"] for _, p in b.heard()] == ["partner_left"]


async def test_who_comes_back_within_the_grace_is_still_in_the_chat() -> None:
    a, b = await talking()
    await hang_up(a, NOW + 10)
    await sessions.open_socket(a.id, NOW + 20)
    notices.subscribe(a.id, a.sink, a.closed.append)
    await sessions.sweep(NOW + 100)
    assert not b.heard()
    await chats.message(b.id, "still there?", NOW + 101)


async def test_one_of_two_sockets_lost_changes_nothing() -> None:
    a, b = await talking()
    await sessions.open_socket(a.id, NOW + 2)
    await hang_up(a, NOW + 3)
    await sessions.sweep(NOW + 100)
    assert not b.heard()


async def test_a_chat_that_opens_with_an_absent_side_grants_the_grace_anew() -> None:
    a, b = await someone(), await someone()
    await chats.request(a.id, b.id, NOW)
    await hang_up(a, NOW + 1)
    await chats.accept(b.id, a.id, NOW + 40)
    b.heard()
    await sessions.sweep(NOW + 59)
    assert not b.heard()
    await sessions.sweep(NOW + 60)
    assert [p["reason"] for _, p in b.heard()] == ["partner_left"]


async def test_a_request_unanswered_for_a_minute_expires_on_both_sides() -> None:
    a, b = await someone(), await someone()
    await chats.request(a.id, b.id, NOW)
    a.heard(), b.heard()
    await sessions.sweep(NOW + 59)
    await sessions.sweep(NOW + 60)
    await sessions.sweep(NOW + 61)
    assert a.heard() == [("chat:request:expired", {"targetSessionId": b.id})]
    assert b.heard() == [("chat:request:expired", {"fromSessionId": a.id})]


async def test_walking_away_warns_once_and_then_ends_the_chat() -> None:
    a, b = await talking()
    await sessions.move(a.id, *AT_900_M, NOW + 60)
    await sessions.move(a.id, *AT_900_M, NOW + 61)
    assert b.heard() == [("chat:warning", {"reason": "signal_weak"})]
    await sessions.move(a.id, *HERE, NOW + 120)
    assert b.heard() == [("chat:warning", {"reason": "signal_back"})]
    await sessions.move(a.id, *AT_1200_M, NOW + 180)
    assert [(t, p["reason"]) for t, p in b.heard()] == [("chat:end", "proximity_lost")]
    assert a.types() == ["chat:warning", "chat:warning", "chat:end"]


async def test_moving_while_the_partner_s_time_is_over_but_not_swept_yet_is_no_trouble() -> None:
    a, _b = await talking()
    await sessions.touch(a.id, NOW + 1800)
    await sessions.move(a.id, *AT_1200_M, NOW + 3602)
    await sessions.sweep(NOW + 3602)
    assert [p["reason"] for _, p in a.heard()] == ["session_expired"]


async def test_one_session_that_fails_does_not_keep_the_others_from_ending(monkeypatch: pytest.MonkeyPatch) -> None:
    captured: list[str] = []
    monkeypatch.setattr(telemetry, "capture", lambda error, **tags: captured.append(tags["component"]))
    ids = [(await someone()).id for _ in range(50)]
    end = sessions.end

    async def fails(session_id: str, *rest: object) -> object:
        if session_id == ids[0]:
            raise RuntimeError
        return await end(session_id, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(sessions, "end", fails)
    await sessions.sweep(NOW + 3600)
    assert captured == ["sweep"] and (await sessions.counts()).sessions == 1


async def test_a_record_does_not_show_the_contact_where_it_is_printed(store: MemoryPresence) -> None:
    a = await someone()
    await sessions.set_contact(a.id, "ann@example.org", NOW)
    assert "ann@" not in repr(await store.get(a.id))


async def test_a_chat_that_opens_past_the_warning_distance_warns_at_once() -> None:
    a, b = await someone(), await someone(point=AT_900_M)
    await chats.request(a.id, b.id, NOW)
    await chats.accept(b.id, a.id, NOW + 1)
    assert a.types() == ["chat:request:ack", "chat:accepted", "chat:warning"]
    assert b.types() == ["chat:request", "chat:accepted", "chat:warning"]


async def test_a_refused_move_moves_nothing(store: MemoryPresence) -> None:
    a = await someone()
    before = await store.get(a.id)
    with pytest.raises(errors.RateLimitExceeded):
        await sessions.move(a.id, *AT_900_M, NOW + 0.5)
    assert await store.get(a.id) == before


async def test_ending_a_session_expires_its_requests_and_closes_its_sockets() -> None:
    a, b, c = await someone(), await someone(), await someone()
    await chats.request(a.id, b.id, NOW)
    await chats.request(c.id, a.id, NOW)
    b.heard(), c.heard()
    await sessions.end(a.id, "session_expired", NOW + 1)
    assert b.heard() == [("chat:request:expired", {"fromSessionId": a.id})]
    assert c.heard() == [("chat:request:expired", {"targetSessionId": a.id})]
    assert a.closed == [1000]
    assert await sessions.end(a.id, "session_expired", NOW + 1) is None


async def test_a_socket_that_fails_does_not_keep_the_other_from_hearing() -> None:
    a, b = await talking()

    def broken(frame: bytes) -> None:
        raise OSError

    notices.unsubscribe(b.id, b.sink)
    notices.subscribe(b.id, broken, b.closed.append)
    notices.subscribe(b.id, b.sink, b.closed.append)
    await chats.message(a.id, "hello", NOW + 2)
    assert b.types() == ["chat:message"]


async def test_after_ten_thousand_sessions_came_and_went_every_index_is_empty(store: MemoryPresence) -> None:
    now = NOW
    for n in range(5000):
        a = await sessions.arrive("banter", ("Tech curious",), True, HERE, now)
        b = await sessions.arrive("intros", (), True, HERE if n % 3 else None, now)
        await sessions.open_socket(a.session_id, now)
        await chats.request(a.session_id, b.session_id, now)
        if n % 2:
            await chats.accept(b.session_id, a.session_id, now)
        if n % 5 == 0:
            await sessions.end(a.session_id, "session_expired", now)
        now += 0.1
    await sessions.sweep(now + 3601)
    assert not any(store.sizes().values()), store.sizes()
    assert not notices.sockets()
    assert len(store._heap) < 100
