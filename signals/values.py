"""What values mean on the wire, over frames and calls alike: what is JSON, what is text, what is a place."""

from __future__ import annotations

import json
import math
from typing import Any

import msgspec

from signals.errors import InvalidJson

_decode = msgspec.json.Decoder().decode


def json_of(data: str) -> Any:
    """The value that JSON text stands for. Raises InvalidJson."""
    try:
        return _decode(data)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        pass
    try:  # what the fast decoder refuses may still be JSON: a number beyond a double, half a surrogate pair
        return json.loads(data, parse_constant=_no_constant, parse_int=_whole)
    except (ValueError, RecursionError):
        raise InvalidJson from None


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _whole(digits: str) -> int | float:
    return int(digits) if len(digits) <= 400 else float(digits)  # Python reads no integer of thousands of digits


def is_text(value: str) -> bool:
    """Whether `value` is Unicode text: half a surrogate pair is not."""
    return value.isascii() or not any("\ud800" <= c <= "\udfff" for c in value)


def in_range(lat: float, lng: float) -> bool:
    """Whether this is a point on Earth: finite degrees, WGS 84."""
    return math.isfinite(lat) and math.isfinite(lng) and -90 <= lat <= 90 and -180 <= lng <= 180
