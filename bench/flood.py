"""`python -m bench.flood --minutes 10`: broken, truncated, oversized and bomb-like envelopes without a pause; the
server's memory has to stay flat and its disk bounded, each kind gets the answer that it is defined to get, and two
people go on talking all the while.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import secrets
import sys
import tempfile
import time
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import suppress
from itertools import cycle
from pathlib import Path
from typing import NamedTuple

import brotli
import httpx
import zstandard

from bench.envelopes import address, rss_mb
from bench.wire import percentile
from monitoring.errors.spool import used_bytes
from tests.flows.server import Client, Server

WARM_S, SENDERS, EVERY_S = 10.0, 6, 0.5
SPOOL_MAX = 64 * 1024 * 1024
TALKS = {"CHAT_MESSAGES_PER_MINUTE": "100000"}
LINE_S, LONGEST_S = 1.0, 2.0  # a line of the chat: 99 of 100, and every one
GROWN_MB = 60.0  # over the highest of the warm part: what allocators keep
_LETTERS = str.maketrans("0123456789", "ghijklmnop")
_HUGE = b"\x00" * (64 * 1024 * 1024)


def _envelope(payload: bytes, **header: object) -> bytes:
    head = json.dumps({"event_id": secrets.token_hex(16), **header}).encode()
    return head + b"\n" + json.dumps({"type": "event", "length": len(payload)}).encode() + b"\n" + payload


def _crumbs() -> list[dict[str, str]]:
    """Words that nothing is found in and that no compression makes small: these fill the disk."""
    return [{"message": secrets.token_hex(1500).translate(_LETTERS)} for _ in range(90)]


class Sent(NamedTuple):
    """A kind of trouble: how its body is made, how it says to be packed, and what it is answered."""

    name: str
    body: Callable[[], bytes]
    encoding: str
    status: int


def _of(data: bytes) -> Callable[[], bytes]:
    return lambda: data


KINDS = (
    Sent("no envelope", _of(b"not an envelope at all"), "", 400),
    Sent("truncated", _of(_envelope(b'{"message": "cut"}')[:-4]), "", 400),
    Sent("truncated gzip", _of(gzip.compress(_envelope(b"{}"))[:-9]), "gzip", 400),
    Sent("wrong encoding", _of(b"plain"), "gzip", 400),
    Sent("unknown encoding", _of(b"plain"), "snappy", 400),
    Sent("oversized event", _of(_envelope(b'{"message":"' + b"x" * 1_100_000 + b'"}')), "", 413),
    Sent("deep", _of(_envelope(b'{"extra":' * 50_000 + b"1" + b"}" * 50_000)), "", 400),
    Sent("gzip bomb", _of(gzip.compress(_HUGE)), "gzip", 413),
    Sent("deflate bomb", _of(zlib.compress(_HUGE)), "deflate", 413),
    Sent("br bomb", _of(brotli.compress(_HUGE, quality=4)), "br", 413),
    Sent("zstd bomb", _of(zstandard.ZstdCompressor().compress(_HUGE)), "zstd", 413),
    Sent("a good one", lambda: _envelope(b'{"message": "all is well", "level": "info"}'), "", 200),
    Sent("a large good one", lambda: _envelope(json.dumps({"breadcrumbs": _crumbs()}).encode()), "", 200),
    Sent("a year off", lambda: _envelope(b'{"message": "late"}', sent_at="2025-01-01T00:00:00Z"), "", 200),
    Sent("another key", _of(_envelope(b"{}", dsn="https://" + "0" * 32 + "@elsewhere.example/1")), "", 403),
)


class Flood(NamedTuple):
    """What was seen."""

    answers: Counter[tuple[str, int]]
    warm_mb: float
    by_minute_mb: list[float]  # the highest of each, without the warm part
    spool_mb: float
    lines_s: list[float]  # how long each line of the chat took to the other

    @property
    def talks(self) -> bool:
        return bool(self.lines_s) and percentile(self.lines_s, 0.99) < LINE_S and max(self.lines_s) < LONGEST_S

    @property
    def wrong(self) -> list[str]:
        """Answers that were not the defined one; when the spool is full, 503 is one too."""
        defined = {kind.name: kind.status for kind in KINDS}
        said = [f"{name}: {status}" for name, status in self.answers if status not in (defined[name], 503)]
        silent = [name for name in defined if not any(name == seen for seen, _ in self.answers)]
        return said + [f"{name}: never answered" for name in silent]

    @property
    def is_flat(self) -> bool:
        return max(self.by_minute_mb) <= self.warm_mb + GROWN_MB


async def pour(server: Server, seconds: float, warm_s: float = WARM_S) -> Flood:
    path, key = address(server)
    answers: Counter[tuple[str, int]] = Counter()
    started = time.monotonic()
    warm, minutes = 0.0, defaultdict[int, float](float)

    async def send(kinds: list[Sent]) -> None:
        headers = {"X-Sentry-Auth": f"Sentry sentry_key={key}"}
        async with httpx.AsyncClient(base_url=server.url, trust_env=False, timeout=60, headers=headers) as http:
            for kind in cycle(kinds):
                if time.monotonic() - started > seconds:
                    return
                with suppress(httpx.TransportError):  # too large is said and the connection closed, while we still send
                    answer = await http.post(path, content=kind.body(), headers={"Content-Encoding": kind.encoding})
                    answers[kind.name, answer.status_code] += 1

    async def look() -> None:
        nonlocal warm
        while (at := time.monotonic() - started) < seconds:
            now = rss_mb(server)
            if at < warm_s:
                warm = max(warm, now)
            else:
                minutes[int(at // 60)] = max(minutes[int(at // 60)], now)
            await asyncio.sleep(EVERY_S)

    kinds = list(KINDS)
    talk = asyncio.create_task(talking(server, lambda: time.monotonic() - started < seconds))
    await asyncio.gather(talk, look(), *(send(kinds[n:] + kinds[:n]) for n in range(SENDERS)))
    return Flood(answers, warm, list(minutes.values()), used_bytes(server.data / "spool") / 1e6, talk.result())


async def talking(server: Server, goes_on: Callable[[], bool]) -> list[float]:
    """Two meet and talk; gives how long each line took. Raises when either is cut off or hears nothing."""
    async with await Client.arrive(server) as one, await Client.arrive(server) as other:
        await one.say("chat:request", {"targetSessionId": other.session_id})
        await other.hear_any("chat:request")
        await other.ask("chat:accept", {"requesterSessionId": one.session_id}, "chat:accepted")
        took: list[float] = []
        while goes_on():
            at = time.perf_counter()
            await one.say("chat:message", {"text": "still here"})
            await other.hear_any("chat:message")
            took.append(time.perf_counter() - at)
            await one.hear_any("chat:message")  # the echo
            await asyncio.sleep(EVERY_S)
        return took


def main() -> None:
    said = argparse.ArgumentParser(description=__doc__)
    said.add_argument("--minutes", type=float, default=10.0)
    options = said.parse_args()
    with tempfile.TemporaryDirectory(prefix="icebreaker-flood-") as data:
        server = Server("uvicorn", Path(data), SPOOL_MAX_BYTES=str(SPOOL_MAX), **TALKS).start()
        try:
            flood = asyncio.run(pour(server, options.minutes * 60))
        finally:
            server.stop()
    for (name, status), n in sorted(flood.answers.items()):
        sys.stdout.write(f"{name:20} {status} {n:>9,}\n")
    after = ", ".join(f"{mb:.0f}" for mb in flood.by_minute_mb)
    sys.stdout.write(f"memory: {flood.warm_mb:.0f} MB warm, then minute by minute at most {after}\n")
    sys.stdout.write(f"spool: {flood.spool_mb:.0f} MB\n")
    half, most, worst = (percentile(flood.lines_s, share) * 1000 for share in (0.5, 0.99, 1.0))
    sys.stdout.write(f"lines of a chat: {len(flood.lines_s):,}, p50 {half:.0f} ms, p99 {most:.0f}, max {worst:.0f}\n")
    sys.stdout.write("".join(f"WRONG: {line}\n" for line in flood.wrong))
    fine = flood.is_flat and flood.talks and not flood.wrong and flood.spool_mb <= SPOOL_MAX / 1e6 + 1
    sys.exit(0 if fine else 1)


if __name__ == "__main__":
    main()
