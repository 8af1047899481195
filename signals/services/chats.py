"""Asking, accepting, declining, talking and parting, one verb each."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from django.conf import settings

from signals import presence
from signals.domain import chat
from signals.domain.chat import Step
from signals.domain.people import Session, askable, in_range
from signals.errors import (
    ChatAcceptFailed,
    ChatDeclineFailed,
    ChatMessageFailed,
    ChatRequestFailed,
    CooldownActive,
    NoActiveChat,
    SessionNotFound,
)
from signals.presence.post import Post
from signals.services import notices
from signals.services.pairs import act

NewId = Callable[[], str]


def new_id() -> str:
    return secrets.token_urlsafe(12)


async def request(me_id: str, target_id: str, now: float, make_id: NewId = new_id) -> None:
    """Ask somebody for a chat. Raises CooldownActive or ChatRequestFailed."""

    def rule(me: Session, other: Session) -> Step:
        near = in_range(me, other, settings.RADAR_RANGE_M)
        return chat.ask(
            me.party,
            other.party,
            request_id=make_id(),
            chat_id=make_id(),
            reachable=near and (askable(other, now) or other.party.asked(me_id, now) is not None),
            expires_s=settings.REQUEST_EXPIRES_S,
            now=now,
        )

    if me_id == target_id:
        raise ChatRequestFailed
    try:
        await act(me_id, target_id, rule, now, gone=ChatRequestFailed)
    except ChatRequestFailed:
        await _cooling(me_id, now)  # a cooldown is told before anything about the other side
        raise


async def accept(me_id: str, requester_id: str, now: float, make_id: NewId = new_id) -> None:
    """Accept a request that is pending. Raises ChatAcceptFailed."""

    def rule(me: Session, other: Session) -> Step:
        near = in_range(me, other, settings.RADAR_RANGE_M)
        return chat.accept(me.party, other.party, chat_id=make_id(), reachable=near, now=now)

    if me_id == requester_id:
        raise ChatAcceptFailed
    await act(me_id, requester_id, rule, now, gone=ChatAcceptFailed)


async def decline(me_id: str, requester_id: str, now: float) -> None:
    """Decline a request that is pending. Raises ChatDeclineFailed."""
    if me_id == requester_id:
        raise ChatDeclineFailed
    await act(
        me_id,
        requester_id,
        lambda me, other: chat.decline(me.party, other.party, now=now),
        now,
        gone=ChatDeclineFailed,
    )


async def message(me_id: str, text: str, now: float, make_id: NewId = new_id) -> None:
    """Say something to the partner; the sender hears it back once a socket of the other side has it.

    Raises NoActiveChat, RateLimitExceeded, or ChatMessageFailed when nobody can have heard it.
    """
    receipt = make_id()

    def rule(me: Session, other: Session) -> Step:
        step = chat.say(me.party, other.party, text, per_minute=settings.CHAT_MESSAGES_PER_MINUTE, now=now)
        if not other.homes:
            raise ChatMessageFailed
        return step

    def tell(step: Step) -> list[Post]:
        return [Post(to, frame, receipt) for to, frame, _ in notices.posts(step.told) if to != me_id]

    step = await act(me_id, await _partner(me_id), rule, now, gone=NoActiveChat, tell=tell)
    store = presence.current()
    if not await store.received(receipt):
        raise ChatMessageFailed
    await store.post(notices.posts(told for told in step.told if told.to == me_id))


async def end(me_id: str, now: float) -> None:
    """Leave the chat. Raises NoActiveChat."""
    await act(
        me_id,
        await _partner(me_id),
        lambda me, other: chat.end(me.party, other.party, reason="user_exit"),
        now,
        gone=NoActiveChat,
    )


async def _partner(me_id: str) -> str:
    me = await presence.current().get(me_id)
    if me is None:
        raise SessionNotFound
    if me.party.talk is None:
        raise NoActiveChat
    return me.party.talk.partner


async def _cooling(me_id: str, now: float) -> None:
    me = await presence.current().get(me_id)
    if me and me.party.cooling_until > now:
        until = me.party.cooling_until
        raise CooldownActive(chat.ms(until), chat.ms(until - now))
