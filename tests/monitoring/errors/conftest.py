"""An intake of its own for every test, and a way to call it as a server does."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from monitoring.errors import record, spool
from monitoring.errors.auth import Door
from monitoring.errors.ingest import Ingest
from monitoring.errors.keys import Book, Sender
from monitoring.errors.record import Record
from monitoring.errors.spool import Spool
from monitoring.ingest_app import ErrorDoor

KEY, OTHER_KEY = "a" * 32, "b" * 32
HOST = "icebreaker.example"
DSN = f"https://{KEY}@{HOST}/1"
AUTH = {"X-Sentry-Auth": f"Sentry sentry_key={KEY}, sentry_version=7"}


class Known(Book):
    """A book that knows two projects without a database."""

    def __init__(self) -> None:
        super().__init__()
        self.senders, self.is_known = {1: sender(1, KEY, "backend"), 2: sender(2, OTHER_KEY, "frontend")}, True

    def read(self) -> None:
        """Nothing ever changes."""


def sender(number: int, key: str, slug: str, errors: int = 0, others: int = 0) -> Sender:
    return Sender(Door(number, frozenset({key}), HOST, "https"), slug, errors, others, key)


async def django(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 418, "headers": []})
    await send({"type": "http.response.body", "body": b"elsewhere"})


class Intake:
    """The door with its spool in a directory of the test."""

    def __init__(self, directory: Path) -> None:
        self.ingest = Ingest(Spool(directory, 10**9), Known(), b"salt")
        self.door = ErrorDoor(django, lambda: self.ingest)
        self.directory = directory
        transport = httpx.ASGITransport(self.door)  # type: ignore[arg-type]
        self.http = httpx.AsyncClient(transport=transport, base_url=f"https://{HOST}")

    async def post(self, path: str, content: bytes, headers: dict[str, str] | None = None) -> httpx.Response:
        return await self.http.post(path, content=content, headers={**AUTH, **(headers or {})})

    async def kept(self) -> list[Record]:
        """Everything that stands in the spool now."""
        await asyncio.to_thread(self.ingest.spool.close)
        found = [one for path in spool.finished(self.directory) for one, _ in spool.read(path)]
        return [record.decode(one) for one in found if one is not None]


@pytest.fixture
async def intake(tmp_path: Path) -> AsyncIterator[Intake]:
    mine = Intake(tmp_path / "spool")
    yield mine
    if mine.ingest._flushing:
        mine.ingest._flushing.cancel()
    await mine.http.aclose()
    await asyncio.to_thread(mine.ingest.spool.close)
    mine.ingest._thread.shutdown()
