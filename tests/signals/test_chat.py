"""The rules of asking and talking, one by one, and that no order of actions breaks them."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals import errors
from signals.domain import chat
from signals.domain.chat import Party, Step
from signals.protocol import ChatEnded, ChatRequestExpired, ChatWarning

A, B, C = (Party(name, name.upper()) for name in "abc")
NOW = 1_000_000.0


def ask(me: Party, other: Party, now: float = NOW, reachable: bool = True) -> Step:
    return chat.ask(me, other, request_id=f"r{now}", chat_id="c", reachable=reachable, expires_s=60, now=now)


def talking() -> tuple[Party, Party]:
    asked = ask(A, B)
    step = chat.accept(asked.other, asked.me, chat_id="c", reachable=True, now=NOW + 1)
    return step.other, step.me


def test_a_request_is_told_to_the_other_who_hears_first_and_acknowledged_to_the_asker() -> None:
    step = ask(A, B)
    assert [(t.to, t.notice.type_) for t in step.told] == [("b", "chat:request"), ("a", "chat:request:ack")]


def test_an_acceptance_is_told_to_the_asker_first_who_waits_for_it() -> None:
    first = ask(A, B)
    step = chat.accept(first.other, first.me, chat_id="c", reachable=True, now=NOW + 1)
    assert [(t.to, t.notice.type_) for t in step.told] == [("a", "chat:accepted"), ("b", "chat:accepted")]


def test_asked_again_it_is_acknowledged_with_the_same_id_and_not_told_twice() -> None:
    first = ask(A, B)
    again = ask(first.me, first.other, NOW + 5)
    assert again.told == (first.told[1],)
    assert (again.me, again.other) == (first.me, first.other)


def test_two_who_ask_each_other_are_in_a_chat_at_once() -> None:
    first = ask(A, B)
    step = ask(first.other, first.me, NOW + 1)
    assert [t.notice.type_ for t in step.told] == ["chat:accepted", "chat:accepted"]
    assert step.me.talk and step.me.talk.partner == "a" and not step.me.received and not step.other.sent


def test_asking_one_s_partner_repeats_the_acceptance_to_the_asker_alone() -> None:
    a, b = talking()
    assert [(t.to, t.notice.type_) for t in ask(a, b).told] == [("a", "chat:accepted")]


def test_busy_blocked_unreachable_and_oneself_are_refused_in_the_same_words() -> None:
    a, b = talking()
    blocker = chat.block(C, A).me
    for refused in (
        lambda: ask(C, b),
        lambda: ask(a, C),
        lambda: ask(C, B, reachable=False),
        lambda: ask(A, A),
        lambda: ask(A, blocker),
        lambda: ask(blocker, A),
    ):
        with pytest.raises(errors.ChatRequestFailed) as error:
            refused()
        assert error.value.message == errors.ChatRequestFailed.sentence


def test_a_fourth_request_has_to_wait_until_one_of_three_is_answered() -> None:
    me = A
    for n in range(3):
        me = ask(me, Party(f"x{n}", "X")).me
    with pytest.raises(errors.ChatRequestFailed):
        ask(me, B)
    assert ask(me, B, NOW + 61).told


def test_an_expired_request_cannot_be_accepted_or_declined() -> None:
    step = ask(A, B)
    with pytest.raises(errors.ChatAcceptFailed):
        chat.accept(step.other, step.me, chat_id="c", reachable=True, now=NOW + 60)
    with pytest.raises(errors.ChatDeclineFailed):
        chat.decline(step.other, step.me, now=NOW + 60)


def test_three_declines_in_ten_minutes_cool_the_asker_down_for_thirty() -> None:
    me = A
    for n in range(3):
        step = ask(me, Party(f"x{n}", "X"), NOW + n)
        assert me.declines(NOW + n) == 0
        me = chat.decline(step.other, step.me, now=NOW + n).other
    assert me.declines(NOW + 3) == 3
    with pytest.raises(errors.CooldownActive) as error:
        ask(me, B, NOW + 3)
    assert error.value.extra["cooldownRemainingMs"] == 1_799_000
    assert ask(B, me, NOW + 3).told, "being asked stays open"
    assert ask(me, B, NOW + 2 + 1800).told
    assert me.declines(NOW + 2 + 1800) == 0


def test_declines_far_apart_do_not_cool_down() -> None:
    me = A
    for n in range(4):
        step = ask(me, Party(f"x{n}", "X"), NOW + 301 * n)
        me = chat.decline(step.other, step.me, now=NOW + 301 * n).other
    assert me.cooling_until == 0


@pytest.mark.parametrize("reason", ["panic", "user_blocked"])
def test_the_other_side_never_learns_of_panic_or_block(reason: str) -> None:
    a, b = talking()
    step = chat.block(a, b) if reason == "user_blocked" else chat.end(a, b, reason="panic")
    heard = {t.to: t.notice.reason for t in step.told if isinstance(t.notice, ChatEnded)}
    assert heard == {"a": reason, "b": "user_exit"}
    assert step.me.talk is None and step.other.talk is None


def test_a_block_expires_requests_between_the_two_on_both_sides() -> None:
    step = ask(A, B)
    blocked = chat.block(step.other, step.me)
    told = {t.to: t.notice for t in blocked.told}
    assert told == {
        "a": ChatRequestExpired(target_session_id="b"),
        "b": ChatRequestExpired(from_session_id="a"),
    }


def test_a_crossing_of_the_warning_distance_is_told_once_each_way() -> None:
    a, b = talking()
    a, b, told = chat.drift(a, b, far=True)
    assert [t.notice for t in told] == [ChatWarning(reason="signal_weak")] * 2
    assert chat.drift(a, b, far=True).told == ()
    assert [t.notice for t in chat.drift(a, b, far=False).told] == [ChatWarning(reason="signal_back")] * 2


ACTIONS: dict[str, Callable[[Party, Party, float], Step]] = {
    "ask": ask,
    "accept": lambda me, other, now: chat.accept(me, other, chat_id=str(now), reachable=True, now=now),
    "decline": lambda me, other, now: chat.decline(me, other, now=now),
    "end": lambda me, other, now: chat.end(me, other, reason="user_exit"),
    "block": lambda me, other, now: chat.block(me, other),
    "expire": lambda me, other, now: chat.expire(me, other, now=now),
}
actions = st.tuples(st.sampled_from(sorted(ACTIONS)), st.sampled_from("abcd"), st.sampled_from("abcd"))


@settings(max_examples=300)
@given(st.lists(actions, max_size=60), st.floats(0.1, 40))
def test_no_order_of_actions_gives_two_partners_or_a_one_sided_chat(
    done: list[tuple[str, str, str]], pace: float
) -> None:
    world = {name: Party(name, name.upper()) for name in "abcd"}
    for n, (action, me, other) in enumerate(done):
        if me == other:
            continue
        try:
            step = ACTIONS[action](world[me], world[other], NOW + n * pace)
        except errors.SignalsError:
            continue
        world[me], world[other] = step.me, step.other
        for name in (me, other):
            if world[name].talk:
                for third in chat.bystanders(world[name]):
                    world[name], world[third], _ = chat.drop(world[name], world[third])
        for party in world.values():
            assert not party.talk or world[party.talk.partner].talk == chat.Talk(party.talk.chat_id, party.session_id)
            assert not (party.talk and chat.bystanders(party))
            assert all(i in world[i.asked].received for i in party.sent)
            assert all(i in world[i.asker].sent for i in party.received)
            assert len(party.sent) == len({i.asked for i in party.sent})
