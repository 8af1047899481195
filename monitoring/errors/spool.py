"""Where an acknowledged envelope lies until it is digested: files that survive this process and the power.

One thread writes. It takes everything that waits, writes it, and calls fsync once for all of it; only then do the
waiting learn that it is safe. A file is locked by its writer for as long as it is written, so that a reader knows by
trying the lock whether the writer lives; after a kill -9 the kernel has let it go. The format and the reasons stand in
docs/decisions/0004-the-spool.md.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import secrets
import struct
import threading
import time
import zlib
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MAGIC: Final = b"icebreaker spool 1\n"
HEAD: Final = struct.Struct(">II")  # length, CRC-32
SEGMENT_MAX_BYTES: Final = 8 * 1024 * 1024
SEGMENT_MAX_S: Final = 0.5
RECORD_MAX_BYTES: Final = 32 * 1024 * 1024
WAITING_MAX_BYTES: Final = 64 * 1024 * 1024
NEW_MAX_S: Final = 60
OPEN, READY, NEW = ".open", ".ready", ".new"


class Full(Exception):
    """There is no room, in memory or on disk; nothing was kept."""


@dataclass(slots=True)
class _Waiting:
    record: bytes
    future: asyncio.Future[None] | None = None
    done: threading.Event | None = None  # for a thread that waits
    error: Exception | None = None


class Spool:
    """The writer's side; one for each process."""

    def __init__(self, directory: Path, max_bytes: int) -> None:
        self.directory, self.max_bytes = directory, max_bytes
        self._waiting: deque[_Waiting] = deque()
        self._waiting_bytes = 0
        self._wake = threading.Condition()
        self._thread: threading.Thread | None = None
        self._stopping = False
        self._file: int | None = None
        self._path = directory
        self._size = 0
        self._opened_at = 0.0
        self._on_disk = 0
        self._looked_at = float("-inf")
        self._about_to_wake: asyncio.AbstractEventLoop | None = None

    async def write(self, record: bytes) -> None:
        """Come back when `record` is safe on disk. Raises Full or OSError: then it is not.

        What came in the same turn of the loop is written together: the thread is woken after all of it.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        self._put(_Waiting(record, future))
        if self._about_to_wake is not loop:
            self._about_to_wake = loop
            loop.call_soon(self._wake_up)
        await future

    def write_blocking(self, record: bytes, timeout_s: float) -> None:
        """The same from a thread. Raises Full or OSError, also when it took too long."""
        done = threading.Event()
        waiting = _Waiting(record, done=done)
        self._put(waiting)
        self._wake_up()
        if not done.wait(timeout_s):
            raise TimeoutError("the spool did not answer in time")
        if waiting.error:
            raise waiting.error

    def close(self) -> None:
        """Write what waits and hand the file over to the reader."""
        with self._wake:
            self._stopping = True
            self._wake.notify()
        if self._thread:
            self._thread.join()

    # --- the thread ---

    def _put(self, waiting: _Waiting) -> None:
        with self._wake:
            if self._waiting_bytes + len(waiting.record) > WAITING_MAX_BYTES or len(waiting.record) > RECORD_MAX_BYTES:
                raise Full("too much waits to be written")
            if self._thread is None or not self._thread.is_alive():
                self._stopping = False
                self._thread = threading.Thread(target=self._run, name="spool", daemon=True)
                self._thread.start()
            self._waiting.append(waiting)
            self._waiting_bytes += len(waiting.record)

    def _wake_up(self) -> None:
        self._about_to_wake = None
        with self._wake:
            self._wake.notify()

    def _run(self) -> None:
        while True:
            with self._wake:
                if not self._waiting and not self._stopping:
                    self._wake.wait(SEGMENT_MAX_S if self._file is not None else None)
                batch, self._waiting, self._waiting_bytes = list(self._waiting), deque(), 0
                stopping = self._stopping
            if batch:
                _tell(batch, self._attempt(batch))
            if self._file is not None and (stopping or self._is_due()):
                self._hand_over()
            if stopping and not batch:
                return

    def _is_due(self) -> bool:
        return self._size >= SEGMENT_MAX_BYTES or time.monotonic() - self._opened_at >= SEGMENT_MAX_S

    def _attempt(self, batch: list[_Waiting]) -> Exception | None:
        try:
            self._write(b"".join(part for waiting in batch for part in _framed(waiting.record)))
        except (OSError, Full) as error:
            self._abandon()
            return error
        return None

    def _write(self, data: bytes) -> None:
        now = time.monotonic()
        if now - self._looked_at > 1.0:
            self._on_disk, self._looked_at = used_bytes(self.directory), now
        if self._on_disk + len(data) > self.max_bytes:
            raise Full("the spool has reached its size")
        if self._file is None:
            self._begin()
        assert self._file is not None
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._file, rest) :]
        os.fdatasync(self._file)
        self._size += len(data)
        self._on_disk += len(data)

    def _begin(self) -> None:
        """A new file, locked before anybody can see it under a name that readers look for."""
        self.directory.mkdir(parents=True, exist_ok=True)
        name = f"{time.time_ns():020d}-{os.getpid()}-{secrets.token_hex(4)}"
        new, self._path = self.directory / (name + NEW), self.directory / (name + OPEN)
        self._file = os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.write(self._file, MAGIC)
        new.rename(self._path)
        sync_directory(self.directory)
        self._size, self._opened_at = len(MAGIC), time.monotonic()

    def _hand_over(self) -> None:
        """The file is finished. If even renaming fails, letting go of the lock says the same."""
        assert self._file is not None
        with contextlib.suppress(OSError):
            self._path.rename(self._path.with_suffix(READY))
        os.close(self._file)
        self._file = None

    def _abandon(self) -> None:
        """After a failed write nobody knows what stands at the end of the file: go on in another."""
        if self._file is not None:
            self._hand_over()


def _framed(record: bytes) -> tuple[bytes, bytes]:
    return HEAD.pack(len(record), zlib.crc32(record)), record


def _tell(batch: list[_Waiting], error: Exception | None) -> None:
    """Wake each event loop once, however many wait in it."""
    loops: dict[asyncio.AbstractEventLoop, list[asyncio.Future[None]]] = {}
    for waiting in batch:
        if waiting.done:
            waiting.error = error
            waiting.done.set()
        if waiting.future:
            loops.setdefault(waiting.future.get_loop(), []).append(waiting.future)
    for loop, futures in loops.items():
        with contextlib.suppress(RuntimeError):  # the loop has ended, and with it whoever waited
            loop.call_soon_threadsafe(_settle, futures, error)


def _settle(futures: list[asyncio.Future[None]], error: Exception | None) -> None:
    for future in futures:
        if not future.done():
            if error:
                future.set_exception(error)
            else:
                future.set_result(None)


def sync_directory(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def used_bytes(directory: Path) -> int:
    total = 0
    with contextlib.suppress(FileNotFoundError):
        for entry in os.scandir(directory):
            with contextlib.suppress(FileNotFoundError):
                total += entry.stat().st_size
    return total


# --- the reader's side ---


def finished(directory: Path) -> list[Path]:
    """Files that nobody writes any more, oldest first; those of a writer that died are handed over here."""
    if not directory.is_dir():
        return []
    for path in directory.glob("*" + OPEN):
        if _is_orphan(path):
            with contextlib.suppress(FileNotFoundError):
                path.rename(path.with_suffix(READY))
    for path in directory.glob("*" + NEW):  # its writer died before it wrote anything, or is just about to lock it
        with contextlib.suppress(FileNotFoundError):
            if time.time() - path.stat().st_mtime > NEW_MAX_S and _is_orphan(path):
                path.unlink()
    return sorted(directory.glob("*" + READY))


def _is_orphan(path: Path) -> bool:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    else:
        return True
    finally:
        os.close(handle)


def read(path: Path, offset: int = 0) -> Iterator[tuple[bytes | None, int]]:
    """Each record from `offset` on, with the offset after it; None for one that the disk has damaged.

    What stands torn at the end was never acknowledged.
    """
    with path.open("rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            return
        at = max(offset, len(MAGIC))
        file.seek(at)
        while len(head := file.read(HEAD.size)) == HEAD.size:
            length, check = HEAD.unpack(head)
            record = file.read(length) if length <= RECORD_MAX_BYTES else b""
            if len(record) < length:
                return
            at += HEAD.size + length
            yield record if zlib.crc32(record) == check else None, at
