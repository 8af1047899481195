"""JSON into the records of event.py, fast when it fits and field by field when it does not."""

from __future__ import annotations

import types
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec

from monitoring.errors.envelope import Malformed
from monitoring.errors.event import Kept

K = TypeVar("K", bound=Kept)
_decoders: dict[type[Kept], msgspec.json.Decoder[Any]] = {}


def read(data: bytes, kind: type[K]) -> K:
    """`data` as far as `kind` names it. Raises Malformed when it is no JSON object."""
    decoder = _decoders.get(kind)
    if decoder is None:
        decoder = _decoders[kind] = msgspec.json.Decoder(kind)
    try:
        found: K = decoder.decode(data)
    except msgspec.ValidationError:
        found = _salvage(data, kind)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise Malformed("an item is no JSON") from None
    return found


def fitted(whole: dict[str, Any], kind: type[K]) -> K:
    """The same of what was JSON before it got here."""
    try:
        return msgspec.convert(whole, kind, strict=False)
    except msgspec.ValidationError:
        return _struct(whole, kind)


def _salvage(data: bytes, kind: type[K]) -> K:
    try:
        whole = msgspec.json.decode(data)
        if not isinstance(whole, dict):
            raise Malformed("an item is no object")
        return _struct(whole, kind)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise Malformed("an item is no JSON") from None


def _struct(value: dict[str, Any], kind: type[K]) -> K:
    """A record of whatever fields fit; get_type_hints is cached by nobody, and this is the rare way."""
    hints = get_type_hints(kind)
    fields = {}
    for name, wanted in hints.items():
        if name in value:
            found = _fit(value[name], wanted)
            if found is not msgspec.UNSET:
                fields[name] = found
    return kind(**fields)


def _fit(value: Any, wanted: Any) -> Any:
    """`value` as `wanted`, as much of it as can be had, or UNSET."""
    try:
        return msgspec.convert(value, wanted, strict=False)
    except msgspec.ValidationError:
        pass
    if get_origin(wanted) in (Union, types.UnionType):
        for one in get_args(wanted):
            found = _fit(value, one)
            if found is not msgspec.UNSET:
                return found
    if isinstance(wanted, type) and issubclass(wanted, Kept) and isinstance(value, dict):
        return _struct(value, wanted)
    if get_origin(wanted) is list and isinstance(value, list):
        found = [_fit(one, get_args(wanted)[0]) for one in value]
        return [one for one in found if one is not msgspec.UNSET]
    if get_origin(wanted) is dict and isinstance(value, dict):
        pairs = {key: _fit(one, get_args(wanted)[1]) for key, one in value.items() if isinstance(key, str)}
        return {key: one for key, one in pairs.items() if one is not msgspec.UNSET}
    return msgspec.UNSET
