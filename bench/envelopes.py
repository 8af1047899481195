"""Envelopes: how many are acknowledged, safe on disk, over 8 connections; and how many are digested into issues."""

from __future__ import annotations

import asyncio
import gzip
import json
import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import psutil
import zstandard
from django.core.management import call_command
from django.utils import timezone

from bench.table import Row
from bench.wire import cpu_s, middle, percentile, run, serving
from tests.flows import kept
from tests.flows.server import Server

CONNECTIONS, SECONDS, RUNS, WARM_S = 8, 4.0, 5, 2.0
DIGESTED, KINDS = 6000, 40


def event(kind: int = 0) -> dict[str, Any]:
    """An error as the Python SDK sends it: 30 frames with their source, 38 KB of JSON."""
    frames = [_frame(kind, n) for n in range(30)]
    raised = {
        "type": f"Trouble{kind}",
        "value": "no room is left in the queue of somebody's radar",
        "mechanism": {"type": "generic", "handled": False},
        "stacktrace": {"frames": frames},
    }
    return {
        "timestamp": "2026-03-01T12:00:00.000000Z",
        "platform": "python",
        "level": "error",
        "release": "icebreaker@1.2.34",
        "environment": "bench",
        "transaction": "/api/onboarding",
        "tags": {"component": "websocket", "message.type": "radar:subscribe"},
        "contexts": {"trace": {"trace_id": secrets.token_hex(16), "span_id": secrets.token_hex(8)}},
        "exception": {"values": [raised]},
        "breadcrumbs": {
            "values": [{"category": "query", "message": f"SELECT {n} FROM signals_tag"} for n in range(20)]
        },
        "sdk": {"name": "sentry.python", "version": "2.75.0"},
        "modules": {f"package-{n}": f"{n}.0.1" for n in range(40)},
    }


def _frame(kind: int, n: int) -> dict[str, Any]:
    def line(m: int) -> str:
        return f"        found_{m} = self.somewhere[{n}].look_up(of={kind}, at={m}) or DEFAULT_{n}_{m} # {n * m}"

    return {
        "module": f"package.part_{n % 7}.module_{n}",
        "filename": f"package/part_{n % 7}/module_{n}.py",
        "abs_path": f"/srv/app/package/part_{n % 7}/module_{n}.py",
        "function": f"function_{n}",
        "lineno": 100 + n,
        "in_app": n > 20,
        "pre_context": [line(m) for m in range(5)],
        "context_line": line(5),
        "post_context": [line(m) for m in range(6, 11)],
        "vars": {"self": "<package.Thing object>", "n": str(n)},
    }


def packed(event_id: str, rest: bytes) -> bytes:
    """An envelope as gzip of two members: only the first has the id, so that the client has next to no work."""
    return gzip.compress(json.dumps({"event_id": event_id}).encode() + b"\n", 1) + rest


def rest_of(payload: bytes) -> bytes:
    return gzip.compress(json.dumps({"type": "event", "length": len(payload)}).encode() + b"\n" + payload + b"\n", 6)


def address(server: Server) -> tuple[str, str]:
    """Path and key of the first project, which from now on has no quota and forgets nothing."""
    kept.change(
        server,
        "UPDATE monitoring_project SET errors_per_minute = 0, others_per_minute = 0, keep_events = 100000000",
    )
    dsn = kept.dsn(server)
    return f"/api/{dsn.rpartition('/')[2]}/envelope/", dsn.partition("://")[2].partition("@")[0]


class Sender:
    """One connection that posts and reads the answer, kept alive."""

    def __init__(self, server: Server, path: str, key: str) -> None:
        self.server = server
        self.head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nX-Sentry-Auth: Sentry sentry_key={key}\r\n"
            "Content-Encoding: gzip\r\nContent-Length: "
        ).encode()

    async def __aenter__(self) -> Callable[[bytes], Awaitable[int]]:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.server.port)
        return self.post

    async def __aexit__(self, *_: object) -> None:
        self.writer.close()

    async def post(self, body: bytes) -> int:
        """Send; gives the status of the answer. Raises OSError or EOFError when the server is gone."""
        self.writer.write(self.head + str(len(body)).encode() + b"\r\n\r\n" + body)
        head = await self.reader.readuntil(b"\r\n\r\n")
        for line in head.split(b"\r\n"):
            if line.lower().startswith(b"content-length:"):
                await self.reader.readexactly(int(line.partition(b":")[2]))
        return int(head.split(b" ", 2)[1])


async def flat_out(server: Server, path: str, key: str, rest: bytes, seconds: float) -> tuple[float, float, float]:
    """Acknowledged a second, p99 in ms, and microseconds of the server's processor each."""
    took: list[float] = []
    started, cpu = perf_counter(), cpu_s(server)

    async def one() -> None:
        async with Sender(server, path, key) as post:
            while perf_counter() - started < seconds:
                body = packed(secrets.token_hex(16), rest)
                at = perf_counter()
                status = await post(body)
                assert status == 200, status
                took.append(perf_counter() - at)

    await asyncio.gather(*(one() for _ in range(CONNECTIONS)))
    elapsed = perf_counter() - started
    return len(took) / elapsed, percentile(took, 0.99) * 1000, (cpu_s(server) - cpu) / len(took) * 1e6


async def acknowledged() -> list[Row]:
    payload = json.dumps(event()).encode()
    with serving("uvicorn", SPOOL_MAX_BYTES=str(8 * 1024**3)) as server:
        path, key = address(server)
        rest = rest_of(payload)
        await flat_out(server, path, key, rest, WARM_S)
        runs = [await flat_out(server, path, key, rest, SECONDS) for _ in range(RUNS)]
    what = f"envelopes of {len(payload) / 1000:.0f} KB, gzip, {CONNECTIONS} connections, acknowledged"
    return [
        Row(f"{what}: a second", middle([r[0] for r in runs], digits=0), "2,000"),
        Row(f"{what}: p99", middle([r[1] for r in runs], " ms", 1), "20 ms"),
        Row(f"{what}: processor each", middle([r[2] for r in runs], " us", 0), "-"),
    ]


def digested() -> list[Row]:
    """In this process, as the watch does it, from a spool on disk into SQLite."""
    from monitoring.errors import digest, spool
    from monitoring.errors.record import Piece, Record, encode
    from monitoring.models import Event, Issue, Project

    call_command("migrate", verbosity=0)
    number = Project.objects.get(slug="backend").pk
    pack = zstandard.ZstdCompressor(level=1).compress
    kinds = [pack(json.dumps(_settled(kind)).encode()) for kind in range(KINDS)]
    store = spool.Spool(Path(digest.directory()), 8 * 1024**3)
    now = timezone.now().timestamp()
    for n in range(DIGESTED):
        piece = Piece("event", secrets.token_hex(16), kinds[n % KINDS], "error")
        store._put(_waiting(encode(Record(number, now, pieces=(piece,)))))
        if n % 500 == 499:
            store.write_blocking(encode(Record(number, now)), 30)
    store.close()
    started, cpu, count = perf_counter(), process_time(), 0
    while spool.used_bytes(digest.directory()):
        count += digest.run(timezone.now())
    took, cpu = perf_counter() - started, process_time() - cpu
    assert count == DIGESTED == Event.objects.count(), count
    assert Issue.objects.count() == KINDS
    what = f"envelopes digested into issues, {KINDS} kinds, SQLite"
    return [
        Row(f"{what}: a second", f"{count / took:,.0f}", "1,000"),
        Row(f"{what}: processor each", f"{cpu / count * 1e6:,.0f} us", "-"),
    ]


def _settled(kind: int) -> dict[str, Any]:
    """As the door has left it."""
    import msgspec

    from monitoring.errors import scrub
    from monitoring.errors.decode import fitted
    from monitoring.errors.event import Event

    found: dict[str, Any] = msgspec.to_builtins(scrub.scrub(fitted(event(kind), Event), b"bench"))
    return found


def _waiting(record: bytes) -> Any:
    from monitoring.errors.spool import _Waiting

    return _Waiting(record, None)


def rss_mb(server: Server) -> float:
    return float(psutil.Process(server.process.pid).memory_info().rss) / 1e6


def rows() -> list[Row]:
    return [*run(acknowledged()), *digested()]
