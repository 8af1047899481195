"""The framing of an envelope: a header line, then items, each a header line and its payload.

The format is the one that Sentry's SDKs speak (develop.sentry.dev/sdk/foundations/transport/envelopes). Bytes in,
items out; nothing here knows what an item means.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import msgspec

ENVELOPE_MAX_BYTES: Final = 20 * 1024 * 1024  # decompressed
EVENT_MAX_BYTES: Final = 1024 * 1024
ITEMS_MAX: Final = 1000
HEADER_MAX_BYTES: Final = 16 * 1024


class Malformed(ValueError):
    """What came is not an envelope; the sentence goes into X-Sentry-Error, so it never quotes what came."""


class TooLarge(ValueError):
    """What came is over a limit."""


@dataclass(frozen=True, slots=True)
class Item:
    """One part of an envelope, not looked into yet."""

    type: str
    headers: dict[str, Any]
    payload: bytes


@dataclass(frozen=True, slots=True)
class Envelope:
    headers: dict[str, Any]
    items: tuple[Item, ...]


def parse(data: bytes) -> Envelope:
    """The envelope in `data`. Raises Malformed or TooLarge."""
    if len(data) > ENVELOPE_MAX_BYTES:
        raise TooLarge("the envelope is larger than 20 MiB")
    headers, at = _header(data, 0, "envelope")
    items: list[Item] = []
    while True:
        while at < len(data) and data[at] == 0x0A:  # blank lines between items, as some SDKs send at the end
            at += 1
        if at >= len(data):
            return Envelope(headers, tuple(items))
        if len(items) >= ITEMS_MAX:
            raise Malformed("too many items")
        item, at = _item(data, at)
        items.append(item)


def header_of(data: bytes) -> dict[str, Any]:
    """The envelope's own header alone, for whoever has to decide by it before the rest is read. Raises Malformed."""
    return _header(data, 0, "envelope")[0]


def _item(data: bytes, at: int) -> tuple[Item, int]:
    headers, at = _header(data, at, "item")
    kind, length = headers.get("type"), headers.get("length")
    if not isinstance(kind, str):
        raise Malformed("an item has no type")
    if length is None:
        end = data.find(b"\n", at)
        end = len(data) if end < 0 else end
        return Item(kind, headers, data[at:end]), end + 1
    if isinstance(length, bool) or not isinstance(length, int) or length < 0:
        raise Malformed("an item's length is no number")
    end = at + length
    if end > len(data):
        raise Malformed("an item is shorter than its length")
    if end < len(data) and data[end] != 0x0A:
        raise Malformed("an item is longer than its length")
    return Item(kind, headers, data[at:end]), end + 1


def _header(data: bytes, at: int, of: str) -> tuple[dict[str, Any], int]:
    """The JSON object on the line that starts at `at`, and where the next line starts."""
    end = data.find(b"\n", at, at + HEADER_MAX_BYTES)
    if end < 0:
        if len(data) - at > HEADER_MAX_BYTES:
            raise Malformed(f"the {of} header is too long")
        end = len(data)
    try:
        found = msgspec.json.decode(data[at:end])
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise Malformed(f"the {of} header is no JSON") from None
    if not isinstance(found, dict):
        raise Malformed(f"the {of} header is no object")
    return found, end + 1
