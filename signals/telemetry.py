"""The seam between the service and whoever watches it.

`signals` says here what happened; a recorder that somebody installs keeps it. Until then every call is a no-op,
so that the service runs and is tested without its watcher. Nothing that goes through here may carry a coordinate,
a chat text, a token, a contact or an address.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from time import perf_counter
from typing import Final, Protocol

log = logging.getLogger("icebreaker")

# Timings, in milliseconds. The label is in brackets.
WS_MESSAGE: Final = "ws.message"  # [frame type] one frame, from parsed to answered
SIGNAL_RANK: Final = "signal.rank"  # [] the engine alone
RADAR_UPDATE: Final = "radar.update"  # [asked | pushed] scan, rank and encode
CHAT_START: Final = "chat.start"  # [] server time of request plus server time of accept
HTTP_REQUEST: Final = "http.request"  # [route name] any HTTP call
DB_WRITE: Final = "db.write"  # [table] one write to the database
# Counts.
ERRORS: Final = "errors"  # [component] an exception that nobody expected
REFUSED: Final = "refused"  # [limit or error code] a call or frame that a limit or rule refused
WS_OPENED: Final = "ws.opened"  # [accepted | error code] one handshake
WS_CLOSED: Final = "ws.closed"  # [close code] one socket gone
CHATS: Final = "chats"  # [opened | end reason]
# Levels: the last value stands.
WS_CONNECTIONS: Final = "ws.connections"  # [] open sockets in this process
SESSIONS: Final = "sessions"  # [] live sessions
CHATS_OPEN: Final = "chats.open"  # [] chats under way

TIMINGS: Final = (WS_MESSAGE, SIGNAL_RANK, RADAR_UPDATE, CHAT_START, HTTP_REQUEST, DB_WRITE)
COUNTS: Final = (ERRORS, REFUSED, WS_OPENED, WS_CLOSED, CHATS)
LEVELS: Final = (WS_CONNECTIONS, SESSIONS, CHATS_OPEN)


class Recorder(Protocol):
    """What a watcher implements. No method may raise, block or do I/O."""

    def observe(self, metric: str, value_ms: float, label: str) -> None: ...

    def count(self, metric: str, label: str, n: int) -> None: ...

    def level(self, metric: str, value: float, label: str) -> None: ...

    def span(self, op: str, name: str) -> AbstractContextManager[object]:
        """A child span of the transaction under way, or nothing."""
        ...

    def transaction(self, op: str, name: str) -> AbstractContextManager[object]:
        """A trace of one message, if this one is sampled."""
        ...

    def capture(self, error: BaseException, tags: dict[str, str]) -> None:
        """Exactly one event for one exception; it is counted as one of `errors`, by its component."""
        ...


class _Nobody:
    """The recorder when nobody watches: timings vanish, an exception is logged by its type and place alone."""

    def observe(self, metric: str, value_ms: float, label: str) -> None: ...

    def count(self, metric: str, label: str, n: int) -> None: ...

    def level(self, metric: str, value: float, label: str) -> None: ...

    def span(self, op: str, name: str) -> AbstractContextManager[object]:
        return nullcontext()

    def transaction(self, op: str, name: str) -> AbstractContextManager[object]:
        return nullcontext()

    def capture(self, error: BaseException, tags: dict[str, str]) -> None:
        log.error("unexpected %s in %s", type(error).__name__, tags.get("component", "?"))


_recorder: Recorder = _Nobody()


def install(recorder: Recorder | None) -> None:
    """Send everything to `recorder` from now on; None goes back to nobody."""
    global _recorder  # noqa: PLW0603 - one process has one recorder
    _recorder = recorder or _Nobody()


def observe(metric: str, value_ms: float, label: str = "") -> None:
    _recorder.observe(metric, value_ms, label)


def count(metric: str, label: str = "", n: int = 1) -> None:
    _recorder.count(metric, label, n)


def level(metric: str, value: float, label: str = "") -> None:
    _recorder.level(metric, value, label)


def span(op: str, name: str) -> AbstractContextManager[object]:
    return _recorder.span(op, name)


def transaction(op: str, name: str) -> AbstractContextManager[object]:
    return _recorder.transaction(op, name)


def capture(error: BaseException, **tags: str) -> None:
    _recorder.capture(error, tags)


@contextmanager
def timed(metric: str, label: str = "") -> Iterator[None]:
    """Observe how long the block took, also when it raises."""
    started = perf_counter()
    try:
        yield
    finally:
        _recorder.observe(metric, (perf_counter() - started) * 1000, label)
