"""From the items of an envelope to what is kept of them: read, cleaned, named, compressed."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from monitoring.errors import event as kept
from monitoring.errors import scrub
from monitoring.errors.decode import read
from monitoring.errors.envelope import EVENT_MAX_BYTES, Item, TooLarge
from monitoring.errors.record import Piece, squeeze

_ID: Final = re.compile(r"[0-9a-fA-F]{32}")


def event_id(said: object) -> str:
    """The id in its one spelling, or a new one."""
    plain = said.replace("-", "") if isinstance(said, str) else ""
    return plain.lower() if _ID.fullmatch(plain) else secrets.token_hex(16)


def pieces_of(items: Iterable[Item], given_id: object, salt: bytes) -> list[Piece]:
    """What is kept of the items, cleaned and compressed. Raises Malformed or TooLarge."""
    return [piece for item in items for piece in _READERS[item.type](item, given_id, salt)]


def _piece(kind: str, key: str, found: kept.Kept, level: str = "") -> Piece:
    return Piece(kind, key, squeeze(msgspec.json.encode(found)), level)


def _event(item: Item, given_id: object, salt: bytes) -> list[Piece]:
    if len(item.payload) > EVENT_MAX_BYTES:
        raise TooLarge("an event is larger than 1 MiB")
    found = scrub.scrub(read(item.payload, kept.Event), salt)
    found.event_id = event_id(found.event_id or given_id)
    return [_piece(item.type, found.event_id, found, found.level or "error")]


def _spans(item: Item, given_id: object, salt: bytes) -> list[Piece]:
    """A container of streamed spans; each is kept on its own."""
    found = read(item.payload, kept.StreamedSpans)
    spans = [scrub.span(one) for one in found.items[: kept.SPANS_MAX]]
    return [_piece("span", f"{one.trace_id or ''}:{one.span_id or secrets.token_hex(8)}"[:80], one) for one in spans]


def _plain(kind: type[kept.Kept]) -> Callable[[Item, object, bytes], list[Piece]]:
    """An item whose fields are numbers, ids and short names."""

    def reader(item: Item, given_id: object, salt: bytes) -> list[Piece]:
        if len(item.payload) > EVENT_MAX_BYTES:
            raise TooLarge("an item is larger than 1 MiB")
        return [_piece(item.type, secrets.token_hex(16), scrub.plain(read(item.payload, kind)))]

    return reader


_READERS: Final[dict[str, Callable[[Item, object, bytes], list[Piece]]]] = {
    "event": _event,
    "transaction": _event,
    "feedback": _event,
    "span": _spans,
    "session": _plain(kept.Session),
    "sessions": _plain(kept.Sessions),
    "client_report": _plain(kept.ClientReport),
    "check_in": _plain(kept.CheckIn),
    "user_report": _plain(kept.UserReport),
}
