"""The rules of asking and talking, as pure functions on two small records.

Every function takes the records of the two people concerned and gives both back, with the notices that the change
calls for; a store loads and swaps the two atomically. What a chat's opening means for third people is in `bystanders`:
the caller then runs `drop` on each of these pairs.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple

from signals.errors import (
    ChatAcceptFailed,
    ChatDeclineFailed,
    ChatRequestFailed,
    CooldownActive,
    NoActiveChat,
    RateLimitExceeded,
)
from signals.protocol import (
    ChatAccepted,
    ChatDeclined,
    ChatEnded,
    ChatMessage,
    ChatRequestAck,
    ChatRequested,
    ChatRequestExpired,
    ChatWarning,
    EndReason,
    Frame,
)

PENDING_MAX: Final = 3
DECLINES_TO_COOL: Final = 3
DECLINES_WINDOW_S: Final = 600.0
COOLDOWN_S: Final = 1800.0
MINUTE_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Invitation:
    """A request that waits for an answer; both sides hold the same one."""

    request_id: str
    asker: str
    asked: str
    expires_at: float


@dataclass(frozen=True, slots=True)
class Talk:
    """One side of a chat under way."""

    chat_id: str
    partner: str
    weak: bool = False  # both were told that they are far apart
    said_at: tuple[float, ...] = ()  # of both, the last minute's; never what was said


@dataclass(frozen=True, slots=True)
class Party:
    """One session as the rules of chat see it. Times are seconds since the epoch."""

    session_id: str
    handle: str
    talk: Talk | None = None
    sent: tuple[Invitation, ...] = ()
    received: tuple[Invitation, ...] = ()
    declined_at: tuple[float, ...] = ()
    cooling_until: float = 0.0
    blocked: frozenset[str] = field(default_factory=frozenset)
    blocked_by: frozenset[str] = field(default_factory=frozenset)

    def asked(self, other: str, now: float) -> Invitation | None:
        """The open request from here to `other`."""
        return next((i for i in self.sent if i.asked == other and i.expires_at > now), None)

    def declines(self, now: float) -> int:
        """Declines that the score counts: those of somebody who cools down."""
        return len(self.declined_at) if self.cooling_until > now else 0


class Told(NamedTuple):
    """A notice and the session it is for."""

    to: str
    notice: Frame


class Step(NamedTuple):
    """Both records after a change, and whom to tell what."""

    me: Party
    other: Party
    told: tuple[Told, ...] = ()


def ms(at: float) -> int:
    """Seconds since the epoch to the wire's milliseconds."""
    return round(at * 1000)


def ask(  # noqa: PLR0913 - identity and time come in from outside
    me: Party, other: Party, *, request_id: str, chat_id: str, reachable: bool, expires_s: float, now: float
) -> Step:
    """`me` asks `other`; `reachable` says whether the two can see each other.

    Raises CooldownActive or ChatRequestFailed, whose words don't tell why.
    """
    if me.talk and me.talk.partner == other.session_id:
        return Step(me, other, (accepted(me, other),))
    if me.cooling_until > now:
        raise CooldownActive(ms(me.cooling_until), ms(me.cooling_until - now))
    if me.session_id == other.session_id or me.talk or other.talk or not reachable or _apart(me, other):
        raise ChatRequestFailed
    if other.asked(me.session_id, now):
        return _open(me, other, chat_id)
    pending = me.asked(other.session_id, now)
    if pending:
        return Step(me, other, (acknowledged(pending),))
    if sum(i.expires_at > now for i in me.sent) >= PENDING_MAX:
        raise ChatRequestFailed("You are already waiting for three answers.")
    me, other, told = expire(me, other, now=now)  # an older one, over but not yet swept away
    new = Invitation(request_id, me.session_id, other.session_id, now + expires_s)
    return Step(
        replace(me, sent=(*me.sent, new)),
        replace(other, received=(*other.received, new)),
        (*told, Told(other.session_id, requested(new, me.handle)), acknowledged(new)),
    )


def accept(me: Party, other: Party, *, chat_id: str, reachable: bool, now: float) -> Step:
    """`me` accepts what `other` asked. Raises ChatAcceptFailed."""
    open_ = other.asked(me.session_id, now)
    if not open_ or me.talk or other.talk or not reachable or _apart(me, other):
        raise ChatAcceptFailed
    return _open(me, other, chat_id)


def decline(me: Party, other: Party, *, now: float) -> Step:
    """`me` declines what `other` asked; the third in ten minutes cools `other` down. Raises ChatDeclineFailed."""
    if not other.asked(me.session_id, now):
        raise ChatDeclineFailed
    me, other = _without(me, other)
    recent = (*(at for at in other.declined_at if now - at < DECLINES_WINDOW_S), now)
    cools = len(recent) >= DECLINES_TO_COOL and other.cooling_until <= now
    other = replace(other, declined_at=recent, cooling_until=now + COOLDOWN_S if cools else other.cooling_until)
    return Step(me, other, (Told(other.session_id, ChatDeclined(target_session_id=me.session_id)),))


def end(me: Party, other: Party, *, reason: EndReason, mine: EndReason | None = None) -> Step:
    """The chat of the two ends; `me` is told `mine` where the two sides hear different reasons. Raises NoActiveChat."""
    if not me.talk or me.talk.partner != other.session_id:
        raise NoActiveChat
    heard: EndReason = "user_exit" if reason in ("panic", "user_blocked") else reason
    return Step(
        replace(me, talk=None),
        replace(other, talk=None),
        (Told(me.session_id, ended(mine or reason)), Told(other.session_id, ended(heard))),
    )


def say(me: Party, other: Party, text: str, *, per_minute: int, now: float) -> Step:
    """`me` says `text`, and both sides hear it. Raises NoActiveChat or RateLimitExceeded."""
    if not me.talk or not other.talk or me.talk.partner != other.session_id:
        raise NoActiveChat
    recent = tuple(at for at in me.talk.said_at if now - at < MINUTE_S)
    if len(recent) >= per_minute:
        raise RateLimitExceeded(ms(recent[-per_minute] + MINUTE_S - now))
    recent = (*recent, now)
    return Step(
        replace(me, talk=replace(me.talk, said_at=recent)),
        replace(other, talk=replace(other.talk, said_at=recent)),
        (
            Told(me.session_id, ChatMessage(text=text, timestamp=ms(now), sender="me")),
            Told(other.session_id, ChatMessage(text=text, timestamp=ms(now), sender="them")),
        ),
    )


def drop(me: Party, other: Party) -> Step:
    """Requests between the two, either way, expire at once, and both sides of each are told."""
    told: list[Told] = []
    for asker, asked in ((me, other), (other, me)):
        if any(i.asked == asked.session_id for i in asker.sent):
            told.append(Told(asker.session_id, ChatRequestExpired(target_session_id=asked.session_id)))
            told.append(Told(asked.session_id, ChatRequestExpired(from_session_id=asker.session_id)))
    return Step(*_without(me, other), tuple(told))


def expire(me: Party, other: Party, *, now: float) -> Step:
    """Drop what is between the two if its time is over; otherwise nothing changes."""
    due = any(i.expires_at <= now and other.session_id in (i.asker, i.asked) for i in (*me.sent, *me.received))
    return drop(me, other) if due else Step(me, other)


def block(me: Party, other: Party) -> Step:
    """`me` blocks `other`: their chat ends, their requests expire. The other side can't tell it from a goodbye."""
    me, other, told = drop(me, other)
    if me.talk and me.talk.partner == other.session_id:
        me, other, more = end(me, other, reason="user_blocked")
        told = (*told, *more)
    return Step(
        replace(me, blocked=me.blocked | {other.session_id}),
        replace(other, blocked_by=other.blocked_by | {me.session_id}),
        told,
    )


def drift(me: Party, other: Party, *, far: bool) -> Step:
    """The two partners are, or no longer are, past the warning distance: told once a crossing."""
    if not (me.talk and other.talk and me.talk.partner == other.session_id) or me.talk.weak == far:
        return Step(me, other)
    warning = ChatWarning(reason="signal_weak" if far else "signal_back")
    return Step(
        replace(me, talk=replace(me.talk, weak=far)),
        replace(other, talk=replace(other.talk, weak=far)),
        (Told(me.session_id, warning), Told(other.session_id, warning)),
    )


def bystanders(party: Party) -> frozenset[str]:
    """Everybody who has a request open with `party`."""
    return frozenset({i.asked for i in party.sent} | {i.asker for i in party.received})


def accepted(me: Party, other: Party) -> Told:
    """What tells `me` of the chat it is in."""
    if not me.talk:
        raise NoActiveChat
    notice = ChatAccepted(chat_id=me.talk.chat_id, partner_session_id=other.session_id, partner_handle=other.handle)
    return Told(me.session_id, notice)


def acknowledged(invitation: Invitation) -> Told:
    notice = ChatRequestAck(
        target_session_id=invitation.asked,
        request_id=invitation.request_id,
        expires_at=ms(invitation.expires_at),
    )
    return Told(invitation.asker, notice)


def requested(invitation: Invitation, handle: str) -> ChatRequested:
    return ChatRequested(
        from_session_id=invitation.asker,
        from_handle=handle,
        request_id=invitation.request_id,
        expires_at=ms(invitation.expires_at),
    )


def ended(reason: EndReason) -> ChatEnded:
    return ChatEnded(reason=reason, message=ENDINGS[reason])


ENDINGS: Final[dict[EndReason, str]] = {
    "user_exit": "The chat has ended.",
    "proximity_lost": "You are too far apart now.",
    "partner_left": "The other person has left.",
    "session_expired": "The session is over.",
    "user_blocked": "You blocked this person. The chat has ended.",
    "panic": "You have left the chat.",
}


def _apart(me: Party, other: Party) -> bool:
    return other.session_id in me.blocked or me.session_id in other.blocked


def _open(me: Party, other: Party, chat_id: str) -> Step:
    me, other = (
        _free(me, other.session_id, talk=Talk(chat_id, other.session_id)),
        _free(other, me.session_id, talk=Talk(chat_id, me.session_id)),
    )
    return Step(me, other, (accepted(other, me), accepted(me, other)))  # whoever asked has waited longer


def _without(me: Party, other: Party) -> tuple[Party, Party]:
    return _free(me, other.session_id), _free(other, me.session_id)


def _free(party: Party, of: str, **changes: Any) -> Party:
    """`party` with no request to or from `of`."""
    sent = tuple(i for i in party.sent if i.asked != of)
    return replace(party, sent=sent, received=tuple(i for i in party.received if i.asker != of), **changes)
