"""Telling: from a session to its sockets in this process. A sink takes an encoded frame at once and never suspends.

Which process is told is the store's affair (docs/decisions: notices across processes); what arrives here goes to every
socket that listens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from signals import telemetry
from signals.domain.chat import Told
from signals.presence import post
from signals.presence.post import Post
from signals.protocol import encode

Sink = Callable[[bytes], None]
Close = Callable[[int], None]

CLOSE_RESTART = 1012  # "reconnect"; a server that can't send this code says so in `serving`

_sinks: dict[str, tuple[tuple[Sink, Close], ...]] = {}  # nearly everybody has one socket: a tuple takes the least


def subscribe(session_id: str, sink: Sink, close: Close) -> None:
    """Send this session's notices to `sink`; `close(code)` is how the server ends the socket on purpose."""
    _sinks[session_id] = (*_without(session_id, sink), (sink, close))


def unsubscribe(session_id: str, sink: Sink) -> None:
    if left := _without(session_id, sink):
        _sinks[session_id] = left
    else:
        _sinks.pop(session_id, None)


def _without(session_id: str, sink: Sink) -> tuple[tuple[Sink, Close], ...]:
    return tuple(pair for pair in _sinks.get(session_id, ()) if pair[0] != sink)


def posts(told: Iterable[Told]) -> Iterator[Post]:
    """What a rule tells, as frames."""
    return (Post(to, encode(notice)) for to, notice in told)


def deliver(to: str, what: bytes | int) -> int:
    """Hand a frame, or the code that ends it, to every socket of the session; gives how many there are."""
    sinks = _sinks.get(to, ())
    for sink, close in sinks:
        if isinstance(what, int):
            _end(close, what)
        else:
            send(sink, what)
    return len(sinks)


def send(sink: Sink, frame: bytes) -> None:
    """One socket that fails must not keep the others from hearing."""
    try:
        sink(frame)
    except Exception as error:
        telemetry.capture(error, component="notices")


def close_all() -> None:
    """End every socket here, so that its client connects anew."""
    for to in tuple(_sinks):
        deliver(to, CLOSE_RESTART)


def sockets() -> int:
    """How many sockets listen in this process."""
    return sum(map(len, _sinks.values()))


def _end(close: Close, code: int) -> None:
    try:
        close(code)
    except Exception as error:
        telemetry.capture(error, component="notices")


post.use(deliver, close_all)
