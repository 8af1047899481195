"""From a store to the sockets of this process: whoever keeps the sockets says here how they are reached."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class Post(NamedTuple):
    """What every socket of a session is sent: a frame, or the code that ends it."""

    to: str
    what: bytes | int
    receipt: str = ""  # asked for: `Presence.received` then says whether it was handed to a socket


Deliver = Callable[[str, bytes | int], int]
CloseAll = Callable[[], None]

_deliver: Deliver = lambda to, what: 0  # noqa: E731 - nobody keeps sockets
_close_all: CloseAll = lambda: None  # noqa: E731


def use(deliver: Deliver, close_all: CloseAll) -> None:
    """Reach sockets so from now on. Neither may raise or suspend."""
    global _deliver, _close_all
    _deliver, _close_all = deliver, close_all


def deliver(to: str, what: bytes | int) -> int:
    """Hand this to every socket of the session in this process; gives how many there are."""
    return _deliver(to, what)


def close_all() -> None:
    """End every socket of this process, so that its client connects anew: nobody can tell it anything any more."""
    _close_all()
