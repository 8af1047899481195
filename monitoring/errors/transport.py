"""Where the SDK of our own processes hands its envelopes: to our own store, and to a real Sentry when one is set.

An instance works without a DSN, a class does not. `capture_envelope` is called wherever something broke, on the event
loop too: it only puts the envelope into a queue. A thread takes it the same way as one that came from outside, read,
cleaned and into the spool. What can't be kept is told as a line of JSON on stderr.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, Full, Queue
from time import monotonic, time
from typing import Any, Final

from django.db import connections
from sentry_sdk.envelope import Envelope
from sentry_sdk.envelope import Item as SdkItem
from sentry_sdk.transport import Transport

from monitoring.errors import fallback
from monitoring.errors.envelope import Item
from monitoring.errors.ingest import Ingest
from monitoring.errors.keys import Sender
from monitoring.errors.pieces import pieces_of
from monitoring.errors.quota import CATEGORY, Quotas
from monitoring.errors.record import Piece, Record, Refusal, encode

SLUG: Final = "backend"
QUEUE_MAX: Final = 500
KEPT_WITHIN_S: Final = 5.0
COUNTED_WITHIN_S: Final = 5.0
LINES_MAX: Final = 100  # in LINES_S, so that a storm does not fill the log
LINES_S: Final = 10.0
log = logging.getLogger("icebreaker.fallback")


class NotKept(Exception):
    """Our own store is not to be had."""


class OwnStore(Transport):
    """The transport of our processes. It never raises, never waits and never reports itself."""

    def __init__(self, ingest: Callable[[], Ingest]) -> None:
        super().__init__()
        self.beyond: Transport | None = None  # a real Sentry
        self._ingest = ingest
        self._queue: Queue[tuple[SdkItem, ...]] = Queue(QUEUE_MAX)
        self._quotas = Quotas()
        self._lost: dict[str, int] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._lines, self._lines_since = 0, float("-inf")

    # --- what the SDK calls ---

    def capture_envelope(self, envelope: Envelope) -> None:
        items = tuple(envelope.items)  # before anybody else may add to them
        if self.beyond is not None:
            self.beyond.capture_envelope(envelope)
        self._start()
        try:
            self._queue.put_nowait(items)
        except Full:
            self._lose("queue_full")
            self._tell(items)

    def record_lost_event(
        self, reason: str, data_category: Any = None, item: SdkItem | None = None, *, quantity: int = 1
    ) -> None:
        if self.beyond is not None:
            self.beyond.record_lost_event(reason, data_category, item, quantity=quantity)

    def flush(self, timeout: float, callback: Any = None) -> None:
        """Wait until everything that was handed over is kept, for so many seconds."""
        until = monotonic() + timeout
        with self._queue.all_tasks_done:
            self._queue.all_tasks_done.wait_for(lambda: not self._queue.unfinished_tasks, timeout)
        if self.beyond is not None:
            self.beyond.flush(max(0.0, until - monotonic()), callback)

    def kill(self) -> None:
        if self.beyond is not None:
            self.beyond.kill()

    # --- the thread ---

    def _start(self) -> None:
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._work, name="own-errors", daemon=True)
                self._thread.start()

    def _work(self) -> None:
        while True:
            try:
                items = self._queue.get(timeout=COUNTED_WITHIN_S if self._lost else None)
            except Empty:
                self._count()
                continue
            try:
                self.keep(items)
            except Exception:  # whatever it was: a report of it would come back here
                self._lose("not_kept")
                self._tell(items)
            finally:
                self._queue.task_done()

    def keep(self, items: tuple[SdkItem, ...]) -> None:
        """On the same way as what comes from outside, without the network. Raises whatever keeps it from being kept."""
        sender, now = self._sender(), time()
        wanted = [Item(item.type, {}, item.get_bytes()) for item in items if item.type in CATEGORY]
        allowed = [item for item in wanted if not self._over(sender, item, now)]
        pieces = pieces_of(allowed, None, self._ingest().salt)
        if pieces:
            self._write(sender, pieces, now)

    def _count(self) -> None:
        """Write how many were lost, when nothing else came that could say it."""
        with suppress(Exception):  # then it is said later
            self._write(self._sender(), [], time())

    def _write(self, sender: Sender, pieces: list[Piece], now: float) -> None:
        lost, self._lost = self._lost, {}
        refusals = tuple(Refusal(sender.door.project_id, reason, n) for reason, n in lost.items())
        record = Record(sender.door.project_id, now, pieces=tuple(pieces), refusals=refusals)
        try:
            self._ingest().spool.write_blocking(encode(record), KEPT_WITHIN_S)
        except Exception:
            for reason, n in lost.items():
                self._lose(reason, n)
            raise

    def _over(self, sender: Sender, item: Item, now: float) -> bool:
        category = CATEGORY[item.type]
        over = self._quotas.take(sender.door.project_id, category, sender.limit(category), now) > 0
        if over:
            self._lose("quota")
        return over

    def _sender(self) -> Sender:
        """Our own project. Raises NotKept when the database never said which that is."""
        book = self._ingest().book
        if not book.id_of(SLUG):
            try:
                book.read()
            finally:
                connections.close_all()
        sender = book.senders.get(book.id_of(SLUG))
        if sender is None:
            raise NotKept
        return sender

    def _lose(self, reason: str, n: int = 1) -> None:
        self._lost[reason] = self._lost.get(reason, 0) + n

    def _tell(self, items: tuple[SdkItem, ...]) -> None:
        """What was not kept, in the log: errors only, a line each, and not without end."""
        for item in items:
            event = item.payload.json if item.type == "event" else None
            if not isinstance(event, dict):
                continue
            if monotonic() - self._lines_since > LINES_S:
                self._lines, self._lines_since = 0, monotonic()
            self._lines += 1
            if self._lines <= LINES_MAX:
                log.error("%s", fallback.of_event(event))
