"""Telling: from a session to its sockets. A sink takes an encoded frame at once and never suspends."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from signals import telemetry
from signals.domain.chat import Told
from signals.protocol import Frame, encode

Sink = Callable[[bytes], None]
Close = Callable[[int], None]

_sinks: dict[str, dict[Sink, Close]] = {}


def subscribe(session_id: str, sink: Sink, close: Close) -> None:
    """Send this session's notices to `sink`; `close(code)` is how the server ends the socket on purpose."""
    _sinks.setdefault(session_id, {})[sink] = close


def unsubscribe(session_id: str, sink: Sink) -> None:
    sinks = _sinks.get(session_id)
    if sinks is None:
        return
    sinks.pop(sink, None)
    if not sinks:
        del _sinks[session_id]


def tell(session_id: str, notice: Frame) -> None:
    """Send `notice` to every socket of the session."""
    sinks = _sinks.get(session_id)
    if not sinks:
        return
    frame = encode(notice)
    for sink in tuple(sinks):
        send(sink, frame)


def send(sink: Sink, frame: bytes) -> None:
    """One socket that fails must not keep the others from hearing."""
    try:
        sink(frame)
    except Exception as error:
        telemetry.capture(error, component="notices")


def tell_all(told: Iterable[Told]) -> None:
    for to, notice in told:
        tell(to, notice)


def close(session_id: str, code: int) -> None:
    """End every socket of the session."""
    for end in tuple(_sinks.get(session_id, {}).values()):
        try:
            end(code)
        except Exception as error:
            telemetry.capture(error, component="notices")


def sockets() -> int:
    """How many sockets listen in this process."""
    return sum(map(len, _sinks.values()))
