"""Carrying out a rule of chat on two sessions: load, decide, swap, tell, and look after whom it leaves aside."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace

from django.conf import settings

from signals import presence, telemetry
from signals.domain import chat
from signals.domain.chat import Party, Step
from signals.domain.people import Session, in_range
from signals.domain.proximity import distance_m
from signals.errors import NoActiveChat, SessionNotFound, SignalsError
from signals.presence.base import Found
from signals.presence.post import Post
from signals.protocol import ChatEnded
from signals.services import notices

Rule = Callable[[Session, Session], Step]


def _as_told(step: Step) -> Iterable[Post]:
    return notices.posts(step.told)


async def act(  # noqa: PLR0913 - a rule, and all that it is carried out with
    me_id: str,
    other_id: str,
    rule: Rule,
    now: float,
    *,
    gone: type[SignalsError],
    tell: Callable[[Step], Iterable[Post]] = _as_told,
) -> Step:
    """Swap both sides by `rule` and tell them. Raises SessionNotFound for `me_id`, `gone` for the other."""

    def change(found: Found) -> tuple[Found, tuple[Step, bool]]:
        me, other = found
        if me is None or not me.alive(now):
            raise SessionNotFound
        if other is None or not other.alive(now):
            raise gone
        step = rule(me, other)
        opened = me.party.talk is None and step.me.talk is not None
        if opened:
            step = _measured(me, other, step)
        return (with_party(me, step.me, now), with_party(other, step.other, now)), (step, opened)

    step, opened = await presence.current().transact((me_id, other_id), change, lambda done: tell(done[0]))
    note(step)
    if opened:
        telemetry.count(telemetry.CHATS, "opened")
        for party in (step.me, step.other):
            for third in chat.bystanders(party):
                await part(party.session_id, third)
    return step


async def part(one: str, other: str, *, due: float | None = None) -> None:
    """Expire the requests between two, or only those over at `due`; of somebody gone nothing is left to expire."""

    def change(found: Found) -> tuple[Found, Step | None]:
        a, b = found
        if a is None or b is None:
            return found, None
        step = chat.drop(a.party, b.party) if due is None else chat.expire(a.party, b.party, now=due)
        return (with_party(a, step.me), with_party(b, step.other)), step

    await presence.current().transact((one, other), change, lambda step: _as_told(step) if step else ())


async def measure(one: str, partner: str, now: float) -> None:
    """After a move: end a chat that is out of range, and warn of one that is about to be."""

    def rule(me: Session, other: Session) -> Step:
        if not me.party.talk or me.party.talk.partner != other.session_id:
            return Step(me.party, other.party)
        if not in_range(me, other, settings.RADAR_RANGE_M):
            return chat.end(me.party, other.party, reason="proximity_lost")
        return chat.drift(me.party, other.party, far=_far(me, other))

    with suppress(NoActiveChat):  # the partner's time is over: the sweep ends the chat
        await act(one, partner, rule, now, gone=NoActiveChat)


def with_party(session: Session, party: Party, now: float | None = None) -> Session:
    """`session` with another party; a chat that opens grants the grace anew to a side without a socket."""
    if party is session.party:
        return session
    opened = now is not None and party.talk is not None and session.party.talk is None
    if opened and now is not None and not session.sockets:
        return replace(session, party=party, absent_until=now + settings.SOCKET_GRACE_S)
    return replace(session, party=party)


def note(step: Step) -> None:
    """Count a chat's end, once and by its true reason."""
    reason = next((t.notice.reason for t in step.told if isinstance(t.notice, ChatEnded)), None)
    if reason:
        telemetry.count(telemetry.CHATS, reason)


def _far(me: Session, other: Session) -> bool:
    a, b = me.person.cell, other.person.cell
    return a is not None and b is not None and distance_m(a, b) > settings.CHAT_WARNING_M


def _measured(me: Session, other: Session, step: Step) -> Step:
    drifted = chat.drift(step.me, step.other, far=_far(me, other))
    return Step(drifted.me, drifted.other, (*step.told, *drifted.told))
