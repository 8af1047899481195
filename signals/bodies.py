"""The bodies of the HTTP calls as types, and `read`, which turns bytes into one of them or a refusal in words."""

from __future__ import annotations

from typing import Final, Literal, TypeVar

import msgspec

from signals.errors import InvalidJson, PayloadTooLarge, ValidationFailed
from signals.values import in_range, is_text, json_of

BODY_MAX_BYTES: Final = 16 * 1024


class Point(msgspec.Struct):
    """Degrees, WGS 84. Turned into a cell at the door, and never kept."""

    lat: float
    lng: float


class Onboarding(msgspec.Struct, rename="camel"):
    vibe: str
    visibility: bool
    tags: tuple[str, ...] = ()
    location: Point | None = None


class Visibility(msgspec.Struct, rename="camel"):
    visibility: bool


class EmergencyContact(msgspec.Struct, rename="camel"):
    """`None` deletes; the field itself has to be there."""

    emergency_contact: str | None


class Block(msgspec.Struct, rename="camel"):
    target_session_id: str


class Report(msgspec.Struct, rename="camel"):
    target_session_id: str
    category: Literal["harassment", "spam", "impersonation", "other"]


BODIES: Final[dict[type[msgspec.Struct], str]] = {
    Onboarding: "The body needs vibe (text) and visibility (true or false); tags is a list of texts, "
    "location is {lat, lng} on Earth.",
    Visibility: "visibility has to be true or false.",
    EmergencyContact: "emergencyContact has to be there: an e-mail address, a phone number with +, or null.",
    Block: "targetSessionId has to be text.",
    Report: "targetSessionId has to be text, and category one of harassment, spam, impersonation, other.",
}
_NULL_MEANS_SOMETHING: Final = frozenset({"emergencyContact"})
T = TypeVar("T", bound=msgspec.Struct)


def read(kind: type[T], body: bytes) -> T:
    """The body of a call. Raises PayloadTooLarge or ValidationFailed."""
    if len(body) > BODY_MAX_BYTES:
        raise PayloadTooLarge
    try:
        given = json_of(body.decode())
    except (UnicodeDecodeError, InvalidJson):
        raise ValidationFailed("The body has to be a JSON object.") from None
    if not isinstance(given, dict):
        raise ValidationFailed("The body has to be a JSON object.")
    given = {k: v for k, v in given.items() if v is not None or k in _NULL_MEANS_SOMETHING}
    try:
        found = msgspec.convert(given, kind)
    except (msgspec.ValidationError, OverflowError):
        raise ValidationFailed(BODIES[kind]) from None
    if not _holds(found):
        raise ValidationFailed(BODIES[kind])
    return found


def _holds(found: msgspec.Struct) -> bool:
    """What a type alone doesn't say: places are on Earth, text is text."""
    match found:
        case Onboarding(vibe=vibe, tags=tags, location=place):
            on_earth = place is None or in_range(place.lat, place.lng)
            return on_earth and is_text(vibe) and all(map(is_text, tags))
        case Block(target_session_id=other) | Report(target_session_id=other):
            return bool(other) and is_text(other)
        case EmergencyContact(emergency_contact=str(contact)):
            return is_text(contact)
    return True
