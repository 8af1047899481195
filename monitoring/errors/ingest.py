"""Taking in what SDKs send: who, how much, what of it, safely on disk, and only then yes. No database on this way."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from time import time
from typing import Any, Final

import msgspec
from django.conf import settings

from monitoring.errors.auth import Denied, admit, door_of
from monitoring.errors.envelope import ENVELOPE_MAX_BYTES, Envelope, Item, Malformed, TooLarge, header_of, parse
from monitoring.errors.keys import Book, Sender, book
from monitoring.errors.pieces import event_id, pieces_of
from monitoring.errors.policy import policy_events
from monitoring.errors.quota import CATEGORY, Quotas
from monitoring.errors.record import Piece, Record, Refusal, encode
from monitoring.errors.spool import Full, Spool
from monitoring.errors.unpack import unpack
from signals import telemetry

INLINE_MAX_BYTES: Final = 256 * 1024  # more than this is worked on in a thread, so that no socket waits for it
FLUSH_S: Final = 5.0
SKEW_MIN_S: Final = 60.0
LARGE_AT_ONCE: Final = 2


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: dict[str, Any]
    headers: tuple[tuple[str, str], ...] = ()


class Refused(Exception):
    """Turned away, for a reason that is counted."""

    def __init__(  # noqa: PLR0913 - what the sender is told and what is counted
        self,
        status: int,
        reason: str,
        words: str,
        *,
        project_id: int = 0,
        retry_after_s: int = 0,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        super().__init__(words)
        self.status, self.reason, self.words, self.project_id = status, reason, words, project_id
        self.headers = (*headers, ("Retry-After", str(retry_after_s))) if retry_after_s else headers


@dataclass(frozen=True, slots=True)
class Call:
    """One request, as far as it says who sends and how it is packed."""

    kind: str  # envelope | store | security
    project_id: int | None  # None for the tunnel, where only the envelope says it
    header_key: str | None = None
    query_key: str | None = None
    encoding: str = ""


@dataclass(slots=True)
class _Parts:
    """What of an envelope may stay."""

    items: list[Item] = field(default_factory=list)
    limits: dict[str, int] = field(default_factory=dict)  # category -> seconds to wait
    refused: int = 0


@dataclass(frozen=True, slots=True)
class _Work:
    """An envelope ready to be written."""

    sender: Sender
    pieces: list[Piece]
    skew_s: float
    given_id: object
    parts: _Parts
    now: float


class _Large(Exception):
    """More than is worked on while everybody else waits."""


class Ingest:
    """The one intake of this process."""

    def __init__(self, spool: Spool, book: Book, salt: bytes) -> None:
        self.spool, self.book, self.salt = spool, book, salt
        self.quotas = Quotas()
        self.refused: Counter[tuple[int, str]] = Counter()
        self._flushing: asyncio.TimerHandle | None = None
        self._few = asyncio.Semaphore(LARGE_AT_ONCE)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ingest")

    async def admit(self, call: Call) -> Sender | None:
        """Who this is, before anything of the body is read; None when only the body says it. Raises Refused."""
        await self.book.look(call.project_id, call.header_key or call.query_key)
        if not self.book.is_known:
            raise Refused(503, "projects_unknown", "not ready yet", retry_after_s=5)
        if call.project_id is None:
            return None
        sender = self.book.senders.get(call.project_id)
        if sender is None:
            raise Refused(403, "unknown_project", "no such project, or the key is wrong")
        if call.header_key is not None or call.query_key is not None:
            _admit(sender, call, None)
        return sender

    async def take(self, call: Call, sender: Sender | None, body: bytes, now: float) -> Answer:
        """The whole way of one body. What is large goes it in a thread, and only a few at once, so that memory stays
        bounded. Raises Refused.
        """
        try:
            work = self._prepare(call, sender, body, INLINE_MAX_BYTES, now)
        except _Large:
            async with self._few:
                loop = asyncio.get_running_loop()
                work = await loop.run_in_executor(
                    self._thread, lambda: self._prepare(call, sender, body, ENVELOPE_MAX_BYTES, now)
                )
                return await self._keep(work)
        return await self._keep(work)

    def count(self, project_id: int, reason: str, n: int = 1) -> None:
        """Remember that something was turned away; it reaches the spool within seconds."""
        self.refused[project_id, reason] += n
        if self._flushing is None:
            self._flushing = asyncio.get_running_loop().call_later(FLUSH_S, self._flush)

    # --- inside ---

    def _flush(self) -> None:
        self._flushing = None
        task = asyncio.get_running_loop().create_task(self.flush())
        _tasks.add(task)
        task.add_done_callback(_tasks.discard)

    async def flush(self) -> None:
        """Write the counts of refusals. If that fails they stay, and are tried again."""
        counted, self.refused = self.refused, Counter()
        if not counted:
            return
        refusals = tuple(Refusal(project_id, reason, n) for (project_id, reason), n in counted.items())
        try:
            await self.spool.write(encode(Record(0, time(), refusals=refusals)))
        except (OSError, Full):
            for (project_id, reason), n in counted.items():
                self.count(project_id, reason, n)

    def _prepare(self, call: Call, sender: Sender | None, body: bytes, limit: int, now: float) -> _Work:
        """Unpack, parse, admit, measure and clean. Raises Refused, or _Large when it is more than `limit`."""
        project_id = sender.door.project_id if sender else 0
        try:
            data = unpack(body, call.encoding, limit)
        except TooLarge as wrong:
            if limit < ENVELOPE_MAX_BYTES:
                raise _Large from None
            raise Refused(413, "too_large", str(wrong), project_id=project_id) from None
        except Malformed as wrong:
            raise Refused(400, "encoding", str(wrong), project_id=project_id) from None
        try:
            sender, envelope = self._parse(call, sender, data)
            project_id = sender.door.project_id
            parts = self._within_quota(sender, envelope.items, now)
            given = envelope.headers.get("event_id")
            pieces = pieces_of(parts.items, given, self.salt)
        except Malformed as wrong:
            raise Refused(400, "malformed", str(wrong), project_id=project_id) from None
        except TooLarge as wrong:
            raise Refused(413, "too_large", str(wrong), project_id=project_id) from None
        return _Work(sender, pieces, _skew(envelope.headers.get("sent_at"), now), given, parts, now)

    def _parse(self, call: Call, sender: Sender | None, data: bytes) -> tuple[Sender, Envelope]:
        if call.kind != "envelope":  # there only the call itself can say the key
            assert sender is not None
            _admit(sender, call, None)
            return sender, Envelope({}, _items(call.kind, data))
        said = header_of(data).get("dsn")
        if sender is None:
            try:
                door = door_of(said, {number: one.door for number, one in self.book.senders.items()})
            except Denied as denied:
                raise Refused(403, "wrong_key", str(denied)) from None
            sender = self.book.senders[door.project_id]
        _admit(sender, call, said)
        return sender, parse(data)

    def _within_quota(self, sender: Sender, items: Iterable[Item], now: float) -> _Parts:
        parts = _Parts()
        for item in items:
            category = CATEGORY.get(item.type)
            if category is None:  # of a kind that we don't keep
                continue
            wait_s = self.quotas.take(sender.door.project_id, category, sender.limit(category), now)
            if wait_s:
                parts.limits[category] = max(wait_s, parts.limits.get(category, 0))
                parts.refused += 1
            else:
                parts.items.append(item)
        return parts

    async def _keep(self, work: _Work) -> Answer:
        sender, project_id, limits = work.sender, work.sender.door.project_id, work.parts.limits
        if work.parts.refused:
            self.count(project_id, "quota", work.parts.refused)
        if limits and not work.parts.items:
            raise _over_quota(limits, project_id)
        if work.pieces:
            await self._write(Record(project_id, work.now, work.skew_s, tuple(work.pieces)), project_id)
            _tell(sender, work.pieces)
        named = next((p.key for p in work.pieces if p.kind in ("event", "transaction", "feedback")), work.given_id)
        return Answer(200, {"id": event_id(named) if named else None}, _limit_headers(limits))

    async def _write(self, record: Record, project_id: int) -> None:
        try:
            await self.spool.write(encode(record))
        except Full as full:
            raise Refused(503, "spool_full", str(full), retry_after_s=60, project_id=project_id) from None
        except OSError:
            raise Refused(503, "spool_failed", "not kept", retry_after_s=60, project_id=project_id) from None


def _items(kind: str, data: bytes) -> tuple[Item, ...]:
    """A single event, as SDKs sent them before there were envelopes; or a browser's reports on our content policy."""
    if kind == "store":
        return (Item("event", {}, data),)
    return tuple(Item("event", {}, msgspec.json.encode(event)) for event in policy_events(data))


_tasks: set[asyncio.Task[None]] = set()


def _admit(sender: Sender, call: Call, said_dsn: object) -> None:
    try:
        admit(sender.door, call.header_key, call.query_key, said_dsn)
    except Denied as denied:
        reason = "no_key" if str(denied) == "no key" else "wrong_key"
        raise Refused(403, reason, str(denied), project_id=sender.door.project_id) from None


def _over_quota(limits: dict[str, int], project_id: int) -> Refused:
    wait_s, headers = max(limits.values()), _limit_headers(limits)
    return Refused(429, "", "over quota", project_id=project_id, retry_after_s=wait_s, headers=headers)


def _limit_headers(limits: dict[str, int]) -> tuple[tuple[str, str], ...]:
    if not limits:
        return ()
    return (("X-Sentry-Rate-Limits", ", ".join(f"{s}:{category}:project" for category, s in limits.items())),)


def _skew(sent_at: object, now: float) -> float:
    """How many seconds to add to the sender's times; small differences are the network's."""
    if not isinstance(sent_at, str):
        return 0.0
    try:
        skew_s = now - datetime.fromisoformat(sent_at).timestamp()
    except (ValueError, OverflowError):
        return 0.0
    return skew_s if abs(skew_s) > SKEW_MIN_S else 0.0


def _tell(sender: Sender, pieces: list[Piece]) -> None:
    """Errors that came from outside count like our own."""
    errors = sum(piece.kind == "event" and piece.level in ("error", "fatal") for piece in pieces)
    if errors:
        telemetry.count(telemetry.ERRORS, sender.slug, errors)


@lru_cache(maxsize=1)
def current() -> Ingest:
    """The intake of this process, writing into the spool of this host."""
    spool = Spool(Path(settings.DATA_DIR) / "spool", settings.SPOOL_MAX_BYTES)
    return Ingest(spool, book, settings.SECRET_KEY.encode()[:64])
