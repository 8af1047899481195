"""What benches over real sockets share: a server on one core and a lean client on the other."""

from __future__ import annotations

import asyncio
import json
import os
import struct
import tempfile
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, TypeVar, cast

import httpx
import psutil
import uvloop

from tests.flows.server import PLACE, Server

TAGS = ("Quietly Curious", "Creative Energy", "Builder brain", "Tech curious", "Lo-fi head")
VIBES = ("banter", "intros", "thinking", "killing-time", "surprise")
T = TypeVar("T")
ROOMY: dict[str, Any] = {"FRAMES_PER_SECOND": "1000000", "FRAMES_BURST": "1000000", "POSITIONS_PER_SECOND": "1000"}


@contextmanager
def serving(kind: str, **settings: str) -> Iterator[Server]:
    """A server of its own on the first core; the caller keeps to the others."""
    with tempfile.TemporaryDirectory() as data:
        server = Server(kind, Path(data), **{**ROOMY, **settings}).start()
        cores = sorted(os.sched_getaffinity(0))
        if len(cores) > 1:
            os.sched_setaffinity(server.process.pid, {cores[0]})
            os.sched_setaffinity(0, set(cores[1:]))
        try:
            yield server
        finally:
            os.sched_setaffinity(0, set(cores))
            server.stop()


class Line(asyncio.Protocol):
    """One WebSocket client that costs next to nothing: no masking work, no JSON, no tasks."""

    def __init__(self, request: bytes) -> None:
        self.request, self.data, self.is_open = request, bytearray(), False
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.hear: Callable[[bytes], None] = lambda frame: None
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's own is not a subclass
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        self.data += data
        if not self.is_open:
            head, found, rest = bytes(self.data).partition(b"\r\n\r\n")
            if not found:
                return
            assert b" 101 " in head, head
            self.is_open, self.data = True, bytearray(rest)
            self.opened.set_result(None)
        while self._frame():
            pass

    def _frame(self) -> bool:
        data = self.data
        if len(data) < 2:
            return False
        length, at = data[1], 2
        if length == 126:
            length, at = int.from_bytes(data[2:4], "big"), 4
        elif length == 127:
            length, at = int.from_bytes(data[2:10], "big"), 10
        if len(data) < at + length:
            return False
        kind, payload = data[0] & 15, bytes(data[at : at + length])
        del data[: at + length]
        if kind == 1:
            self.hear(payload)
        elif kind == 9:
            self._send(10, payload)
        return True

    def say(self, frame: bytes) -> None:
        self._send(1, frame)

    def _send(self, kind: int, payload: bytes) -> None:
        length = len(payload)
        head = bytes((128 | kind, 128 | length)) if length < 126 else struct.pack(">BBH", 128 | kind, 254, length)
        self.transport.write(head + b"\0\0\0\0" + payload)  # a mask of zeros: legal, and nothing to compute


class Guest:
    """A session with its line."""

    def __init__(self, session_id: str, line: Line) -> None:
        self.session_id, self.line = session_id, line

    async def ask(self, frame: bytes, answer: bytes) -> float:
        """Seconds from sending `frame` to the first frame that has `answer` in its beginning."""
        heard: asyncio.Future[float] = asyncio.get_running_loop().create_future()

        def hear(said: bytes) -> None:
            if answer in said[:60] and not heard.done():
                heard.set_result(perf_counter())

        self.line.hear = hear
        started = perf_counter()
        self.line.say(frame)
        async with asyncio.timeout(20):
            return await heard - started


async def guests(server: Server, count: int) -> list[Guest]:
    """`count` people in one place with open sockets, of all vibes and with up to two tags."""
    async with httpx.AsyncClient(base_url=server.url, timeout=60, trust_env=False, verify=False) as http:

        async def arrive(n: int) -> Guest:
            tags = list({TAGS[n % 5], TAGS[n % 3]})
            body = {"vibe": VIBES[n % 5], "tags": tags, "visibility": True, "location": PLACE}
            given = (await http.post("/api/onboarding", json=body)).json()
            return Guest(given["sessionId"], await _connect(server, given["token"]))

        found: list[Guest] = []
        for n in range(0, count, 50):
            found += await asyncio.gather(*(arrive(m) for m in range(n, min(n + 50, count))))
        return found


async def _connect(server: Server, token: str) -> Line:
    request = (
        f"GET /ws?token={token} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    loop = asyncio.get_running_loop()
    _, line = await loop.create_connection(lambda: Line(request.encode()), "127.0.0.1", server.port)
    await line.opened
    return line


def frame(type_: str, **payload: Any) -> bytes:
    return json.dumps({"type": type_, "payload": payload}).encode()


def cpu_s(server: Server) -> float:
    """Seconds of processor time that the server has used."""
    times = psutil.Process(server.process.pid).cpu_times()
    return float(times.user + times.system)


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def middle(values: list[float], unit: str = "", digits: int = 2) -> str:
    """The median of several runs, between the least and the most."""
    low, mid, high = min(values), median(values), max(values)
    return f"{mid:,.{digits}f}{unit} ({low:,.{digits}f} to {high:,.{digits}f})"


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a bench on the loop that costs the least."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)
