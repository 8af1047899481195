"""A visit from arriving to leaving: sockets, contact, visibility, moves, and what time alone ends."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterator
from dataclasses import replace

from django.conf import settings

from signals import presence, telemetry
from signals.domain import chat, safety
from signals.domain.chat import Party, Step, Told
from signals.domain.people import VIBES, Motion, Person, Session, chosen_tags, handle_for, joined, moved, parted
from signals.domain.proximity import cell_of
from signals.errors import (
    ConnectionLimitExceeded,
    NoActiveChat,
    RateLimitExceeded,
    SessionNotFound,
    TokenExpired,
    ValidationFailed,
)
from signals.presence.base import Counts, Found
from signals.presence.post import Post
from signals.protocol import ChatWarning, Connected, EndReason, Frame, encode, refusal
from signals.services import catalogue, notices
from signals.services.pairs import act, measure, part

TOUCH_EVERY_S = 1.0  # contact is noted once a second: an hour need not be exact to the frame
CLOSE_OVER, CLOSE_ON_PURPOSE = 4404, 1000
HANDLE_TRIES = 60
SLICE = 20  # sessions swept between two breaths: many may end at once


async def arrive(  # noqa: PLR0913 - the fields of onboarding
    vibe: str,
    tags: tuple[str, ...],
    visible: bool,
    point: tuple[float, float] | None,
    now: float,
    *,
    draw: Callable[[int], int] = secrets.randbelow,
) -> Person:
    """Begin a session; `point` is (lat, lng) in degrees. Raises ValidationFailed or RateLimitExceeded (full)."""
    cell = cell_of(*point) if point else None
    del point
    if vibe not in VIBES:
        raise ValidationFailed("There is no such vibe.")
    tags = chosen_tags(tags, await catalogue.tags())
    store = presence.current()
    if (await store.counts()).sessions >= settings.SESSIONS_MAX:
        raise _full()
    session_id = secrets.token_urlsafe(16)
    until = now + min(settings.SESSION_IDLE_S, settings.SESSION_MAX_S)
    for attempt in range(HANDLE_TRIES):
        handle = handle_for(vibe, attempt, draw)
        person = Person(session_id, handle, vibe, tags, visible, cell, now, until)
        motion = Motion(now if cell is not None else 0.0)
        absent_until = now + settings.SOCKET_GRACE_S
        if await store.add(Session(person, Party(session_id, handle), motion=motion, absent_until=absent_until)):
            await level()
            return person
    raise _full()


async def get(session_id: str, now: float) -> Session:
    """The session. Raises SessionNotFound."""
    session = await presence.current().get(session_id)
    if session is None or not session.alive(now):
        raise SessionNotFound
    return session


async def touch(session_id: str, now: float) -> Session:
    """Contact keeps a session alive. Raises SessionNotFound."""
    return await _change(session_id, now, lambda s: s, least_s=TOUCH_EVERY_S)


async def open_socket(session_id: str, now: float, home: str = "here") -> tuple[Frame, ...]:
    """One more socket at `home`; gives what to greet it with. Raises SessionNotFound or ConnectionLimitExceeded."""

    def opened(session: Session) -> Session:
        if session.sockets >= settings.SOCKETS_PER_SESSION:
            raise ConnectionLimitExceeded
        return joined(session, home)

    return await _greeting(await _change(session_id, now, opened), now)


async def close_socket(session_id: str, now: float, home: str = "here", *, every: bool = False) -> None:
    """One socket less at `home`, or none left; the grace begins with the last. Of a session that is over nothing is
    left to do."""

    def closed(found: Found) -> tuple[Found, None]:
        (session,) = found
        if session is None:
            return found, None
        return (parted(session, home, now=now, grace_s=settings.SOCKET_GRACE_S, every=every),), None

    await presence.current().transact((session_id,), closed)


async def bury(now: float) -> None:
    """Take away the sockets of processes that are gone; `clock` calls it once a second."""
    for session_id, home in await presence.current().orphans():
        await close_socket(session_id, now, home, every=True)


async def set_visibility(session_id: str, visible: bool, now: float) -> None:
    """Show or hide. Raises SessionNotFound."""
    await _change(session_id, now, lambda s: replace(s, person=replace(s.person, visible=visible)))


async def set_contact(session_id: str, contact: str | None, now: float) -> str | None:
    """Keep whom to mail at a panic. Raises SessionNotFound or ValidationFailed."""
    kept = safety.contact(contact)
    await _change(session_id, now, lambda s: replace(s, contact=kept))
    return kept


async def move(session_id: str, lat: float, lng: float, now: float) -> None:
    """Say where one is, in degrees. Raises SessionNotFound or RateLimitExceeded; then nothing moved."""
    cell = cell_of(lat, lng)
    del lat, lng
    every_s = 1 / settings.POSITIONS_PER_SECOND
    session = await _change(session_id, now, lambda s: moved(s, cell, every_s=every_s, now=now))
    if session.party.talk:
        await measure(session_id, session.party.talk.partner, now)


async def end(
    session_id: str,
    reason: EndReason,
    now: float,
    close_code: int = CLOSE_ON_PURPOSE,
    farewell: Frame | None = None,
) -> Session | None:
    """End the session with its chat and requests, tell everybody concerned, close its sockets; None if it was over.

    Its own sockets hear the `farewell` alone, if there is one.
    """
    store = presence.current()
    last = refusal(TokenExpired()) if close_code == CLOSE_OVER else farewell

    def tell(done: tuple[Told, ...] | None) -> Iterator[Post]:
        if done is None:
            return
        yield from notices.posts(t for t in done if not (farewell and t.to == session_id))
        if last:
            yield Post(session_id, encode(last))
        yield Post(session_id, close_code)

    while (session := await store.get(session_id)) is not None:
        others = _bound_to(session.party)
        done = await store.transact((session_id, *others), _departure(others, reason), tell)
        if done is None:
            continue  # somebody else came in between: look again
        if session.party.talk:
            telemetry.count(telemetry.CHATS, reason)
        await level()
        return session
    return None


async def sweep(now: float) -> None:
    """End what is over: requests, graces, cooldowns, exclusions, sessions. `clock` calls it four times a second."""
    for n, session_id in enumerate(await presence.current().due(now)):
        try:
            await _settle(session_id, now)
        except Exception as error:
            telemetry.capture(error, component="sweep")
        if n % SLICE == SLICE - 1:
            await asyncio.sleep(0)


async def counts() -> Counts:
    return await presence.current().counts()


async def _change(session_id: str, now: float, how: Callable[[Session], Session], *, least_s: float = 0.0) -> Session:
    """Swap one session that is alive; any such call is contact, noted if it prolongs by `least_s`."""

    def change(found: Found) -> tuple[Found, Session]:
        (session,) = found
        if session is None or not session.alive(now):
            raise SessionNotFound
        new = how(session)
        until = _until(session, now)
        if until - session.person.expires_at >= least_s:
            new = replace(new, person=replace(new.person, expires_at=until))
        return (new,), new

    return await presence.current().transact((session_id,), change)


def _until(session: Session, now: float) -> float:
    latest = session.person.arrived_at + settings.SESSION_MAX_S
    return max(session.person.expires_at, min(now + settings.SESSION_IDLE_S, latest))


async def _greeting(session: Session, now: float) -> tuple[Frame, ...]:
    person, party = session.person, session.party
    frames: list[Frame] = [Connected(person.session_id, person.handle, chat.ms(person.expires_at))]
    store = presence.current()
    if party.talk and (partner := await store.get(party.talk.partner)):
        frames.append(chat.accepted(party, partner.party).notice)
        frames.extend([ChatWarning(reason="signal_weak")] if party.talk.weak else [])
    for invitation in (i for i in party.received if i.expires_at > now):
        if asker := await store.get(invitation.asker):
            frames.append(chat.requested(invitation, asker.person.handle))
    frames.extend(chat.acknowledged(i).notice for i in party.sent if i.expires_at > now)
    return tuple(frames)


def _bound_to(party: Party) -> tuple[str, ...]:
    partner = {party.talk.partner} if party.talk else set()
    return tuple(sorted(partner | chat.bystanders(party)))


def _departure(others: tuple[str, ...], reason: EndReason) -> Callable[[Found], tuple[Found, tuple[Told, ...] | None]]:
    """One swap that takes a session away from everybody it is bound to; None when these are no longer `others`."""

    def change(found: Found) -> tuple[Found, tuple[Told, ...] | None]:
        session = found[0]
        if session is None or _bound_to(session.party) != others:
            return found, None
        me = session.party
        told: list[Told] = []
        left: list[Session | None] = []
        for other in found[1:]:
            if other is None:
                left.append(None)
                continue
            step = chat.drop(me, other.party)
            told.extend(step.told)
            if step.me.talk and step.me.talk.partner == other.session_id:
                step = chat.end(step.me, step.other, reason=reason)
                told.extend(step.told)
            me = step.me
            left.append(replace(other, party=step.other))
        return (None, *left), tuple(told)

    return change


async def _settle(session_id: str, now: float) -> None:
    store = presence.current()
    session = await store.get(session_id)
    if session is None:
        return
    if not session.alive(now):
        await end(session_id, "session_expired", now, CLOSE_OVER)
        return
    for third in chat.bystanders(session.party):
        await part(session_id, third, due=now)
    talk = session.party.talk
    if talk and session.absent_until and session.absent_until <= now:
        await _lost(session_id, talk.partner, now)
    await store.transact((session_id,), lambda found: ((_relieved(found[0], now),), None))


async def _lost(session_id: str, partner: str, now: float) -> None:
    def rule(me: Session, other: Session) -> Step:
        if not me.absent_until or me.absent_until > now:
            return Step(me.party, other.party)  # came back in the meantime
        return chat.end(me.party, other.party, reason="partner_left")

    try:
        await act(session_id, partner, rule, now, gone=NoActiveChat)
    except NoActiveChat:
        return  # ended in the meantime


def _relieved(session: Session | None, now: float) -> Session | None:
    """`session` without the cooldown or exclusion that is over."""
    if session is None:
        return None
    if session.party.cooling_until and session.party.cooling_until <= now:
        session = replace(session, party=replace(session.party, cooling_until=0.0, declined_at=()))
    if session.standing.excluded_until and session.standing.excluded_until <= now:
        session = replace(session, standing=replace(session.standing, excluded_until=0.0))
    return session


def _full() -> RateLimitExceeded:
    telemetry.count(telemetry.REFUSED, "sessions")
    return RateLimitExceeded(60_000, "Too many people are here right now. Please try again in a minute.")


async def level() -> None:
    """Say how many are here; other processes let people in and end them too."""
    n = await presence.current().counts()
    telemetry.level(telemetry.SESSIONS, n.sessions)
    telemetry.level(telemetry.CHATS_OPEN, n.chats)
