"""How long the server took to start a chat: its time for the asking and its time for the answer, added up."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

_MOST: Final = 10_000
_asked: OrderedDict[tuple[str, str], tuple[float, float]] = OrderedDict()


def asked(asker: str, target: str, took_ms: float, until: float) -> None:
    """A request took `took_ms` to serve, and may be answered until then (seconds since the epoch)."""
    _asked[asker, target] = took_ms, until
    _asked.move_to_end((asker, target))
    if len(_asked) > _MOST:
        _asked.popitem(last=False)


def answered(asker: str, target: str, now: float) -> float | None:
    """What the request took, if it was asked here and is still open; asking is then forgotten."""
    took_ms, until = _asked.pop((asker, target), (0.0, 0.0))
    return took_ms if until > now else None
