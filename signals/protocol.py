"""The wire protocol, version 1: every request and every notice as a type, `parse` and `encode`.

Field names are camelCase on the wire. Times are integer milliseconds since the Unix epoch. docs/protocol.md lists the
same types in words; a test holds the two together.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal, cast, get_args

import msgspec

from signals.errors import (
    InvalidJson,
    InvalidPayload,
    MessageTooLarge,
    MessageTooLong,
    MissingType,
    SignalsError,
    UnknownType,
)
from signals.values import in_range, is_text, json_of

FRAME_MAX_BYTES = 16 * 1024
TEXT_MAX = 1000
LIMIT_DEFAULT, LIMIT_MAX = 50, 500

Proximity = Literal["room", "venue", "nearby"]
EndReason = Literal["user_exit", "proximity_lost", "partner_left", "session_expired", "user_blocked", "panic"]


class Frame(msgspec.Struct, rename="camel"):
    """The payload of a frame; `type_` is its type on the wire."""

    type_: ClassVar[str] = ""


# --- client to server ---------------------------------------------------------------------------------------------


class SubscribeRadar(Frame):
    type_: ClassVar[str] = "radar:subscribe"
    limit: int = LIMIT_DEFAULT
    vibe_only: bool = False


class UpdateLocation(Frame):
    type_: ClassVar[str] = "location:update"
    lat: float
    lng: float


class RequestChat(Frame):
    type_: ClassVar[str] = "chat:request"
    target_session_id: str


class AcceptChat(Frame):
    type_: ClassVar[str] = "chat:accept"
    requester_session_id: str


class DeclineChat(Frame):
    type_: ClassVar[str] = "chat:decline"
    requester_session_id: str


class SendMessage(Frame):
    type_: ClassVar[str] = "chat:message"
    text: str


class EndChat(Frame):
    type_: ClassVar[str] = "chat:end"


class TriggerPanic(Frame):
    type_: ClassVar[str] = "panic:trigger"


Request = (
    SubscribeRadar | UpdateLocation | RequestChat | AcceptChat | DeclineChat | SendMessage | EndChat | TriggerPanic
)
REQUESTS: dict[str, type[Frame]] = {kind.type_: kind for kind in get_args(Request)}

# --- server to client ---------------------------------------------------------------------------------------------


class Connected(Frame):
    type_: ClassVar[str] = "connected"
    session_id: str
    handle: str
    expires_at: int


class RadarPerson(msgspec.Struct, rename="camel"):
    session_id: str
    handle: str
    vibe: str
    tags: tuple[str, ...]
    signal: int
    proximity: Proximity | None
    busy: bool


class RadarUpdate(Frame):
    type_: ClassVar[str] = "radar:update"
    people: tuple[RadarPerson, ...]
    total: int
    timestamp: int


class ChatRequested(Frame):
    type_: ClassVar[str] = "chat:request"
    from_session_id: str
    from_handle: str
    request_id: str
    expires_at: int


class ChatRequestAck(Frame, kw_only=True):
    type_: ClassVar[str] = "chat:request:ack"
    target_session_id: str
    request_id: str
    status: Literal["pending"] = "pending"
    expires_at: int


class ChatRequestExpired(Frame, omit_defaults=True):
    """To the asker with `target_session_id`, to the asked with `from_session_id`."""

    type_: ClassVar[str] = "chat:request:expired"
    target_session_id: str | None = None
    from_session_id: str | None = None


class ChatAccepted(Frame):
    type_: ClassVar[str] = "chat:accepted"
    chat_id: str
    partner_session_id: str
    partner_handle: str


class ChatDeclined(Frame):
    type_: ClassVar[str] = "chat:declined"
    target_session_id: str


class ChatMessage(Frame):
    type_: ClassVar[str] = "chat:message"
    text: str
    timestamp: int
    sender: Literal["me", "them"]


class ChatWarning(Frame):
    type_: ClassVar[str] = "chat:warning"
    reason: Literal["signal_weak", "signal_back"]


class ChatEnded(Frame):
    type_: ClassVar[str] = "chat:end"
    reason: EndReason
    message: str


class PanicTriggered(Frame):
    type_: ClassVar[str] = "panic:triggered"
    message: str
    contact_alerted: bool
    exclusion_expires_at: int


class ErrorNotice(Frame, omit_defaults=True):
    type_: ClassVar[str] = "error"
    code: str
    message: str
    retry_after_ms: int | None = None
    cooldown_expires_at: int | None = None
    cooldown_remaining_ms: int | None = None


Notice = (
    Connected
    | RadarUpdate
    | ChatRequested
    | ChatRequestAck
    | ChatRequestExpired
    | ChatAccepted
    | ChatDeclined
    | ChatMessage
    | ChatWarning
    | ChatEnded
    | PanicTriggered
    | ErrorNotice
)
NOTICES: dict[str, type[Frame]] = {kind.type_: kind for kind in get_args(Notice)}

# --- both ways ----------------------------------------------------------------------------------------------------

_encoder = msgspec.json.Encoder()


def encode(notice: Frame) -> bytes:
    """The frame of a notice, UTF-8 JSON."""
    return _encoder.encode({"type": notice.type_, "payload": notice})


def refusal(error: SignalsError) -> ErrorNotice:
    """The error frame that tells a client of `error`."""
    extra = error.extra
    return ErrorNotice(
        code=error.code,
        message=error.message,
        retry_after_ms=extra.get("retryAfterMs"),
        cooldown_expires_at=extra.get("cooldownExpiresAt"),
        cooldown_remaining_ms=extra.get("cooldownRemainingMs"),
    )


def parse(data: str | bytes | None) -> Request:
    """The request in a frame of text; `bytes` and None stand for a binary frame.

    Raises a SignalsError: MessageTooLarge, InvalidJson, MissingType, UnknownType, InvalidPayload or MessageTooLong.
    """
    if not isinstance(data, str):
        if data is not None and len(data) > FRAME_MAX_BYTES:
            raise MessageTooLarge
        raise InvalidJson
    if len(data) > FRAME_MAX_BYTES or len(data.encode("utf-8", "replace")) > FRAME_MAX_BYTES:
        raise MessageTooLarge
    frame = json_of(data)
    if not isinstance(frame, dict):
        raise InvalidPayload("A frame has to be a JSON object.")
    type_ = frame.get("type")
    if not isinstance(type_, str):
        raise MissingType
    kind = REQUESTS.get(type_)
    if kind is None:
        raise UnknownType
    payload = frame.get("payload")
    if payload is None:
        payload = {}
    if not isinstance(payload, dict):
        raise InvalidPayload("The payload has to be a JSON object.")
    return _checked(kind, payload)


def _checked(kind: type[Frame], payload: dict[str, Any]) -> Request:
    """A null means absent; then the type's own fields decide."""
    given = {name: value for name, value in payload.items() if value is not None}
    if kind is SendMessage:
        return _message(given)
    try:
        request = cast("Request", msgspec.convert(given, kind))
    except (msgspec.ValidationError, OverflowError):
        raise InvalidPayload(_WANTED[kind]) from None
    match request:
        case SubscribeRadar(limit=limit) if not 1 <= limit <= LIMIT_MAX:
            raise InvalidPayload(_WANTED[kind])
        case UpdateLocation(lat=lat, lng=lng) if not in_range(lat, lng):
            raise InvalidPayload(_WANTED[kind])
        case RequestChat(target_session_id=other) if not other or not is_text(other):
            raise InvalidPayload(_WANTED[kind])
        case AcceptChat(requester_session_id=other) | DeclineChat(requester_session_id=other) if (
            not other or not is_text(other)
        ):
            raise InvalidPayload(_WANTED[kind])
    return request


def _message(given: dict[str, Any]) -> SendMessage:
    text = given.get("text")
    if not isinstance(text, str) or not text or not is_text(text):
        raise InvalidPayload(_WANTED[SendMessage])
    if len(text) > TEXT_MAX:
        raise MessageTooLong
    return SendMessage(text=text)


_WANTED: dict[type[Frame], str] = {
    SubscribeRadar: "limit has to be a whole number from 1 to 500, vibeOnly true or false.",
    UpdateLocation: "lat has to be a number from -90 to 90, lng from -180 to 180.",
    RequestChat: "targetSessionId has to be text.",
    AcceptChat: "requesterSessionId has to be text.",
    DeclineChat: "requesterSessionId has to be text.",
    SendMessage: "text has to be text of 1 to 1000 characters.",
    EndChat: "chat:end takes an empty payload.",
    TriggerPanic: "panic:trigger takes an empty payload.",
}
