"""Events brought to the digest without a server: straight into the spool, or straight into rows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from monitoring.errors import digest
from monitoring.errors.envelope import Item
from monitoring.errors.pieces import pieces_of
from monitoring.errors.record import Record, Refusal, encode
from monitoring.errors.spool import Spool
from monitoring.models import Project

T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)
SALT = b"only for tests"


def project(slug: str = "backend", **more: Any) -> Project:
    return Project.objects.get_or_create(slug=slug, defaults={"name": slug, **more})[0]


def record(
    mine: Project, *sent: dict[str, Any], at: datetime = T0, kind: str = "event", skew_s: float = 0, **ids: Any
) -> Record:
    items = [Item(kind, {}, msgspec.json.encode({"event_id": None, **one})) for one in sent]
    return Record(mine.pk, at.timestamp(), skew_s, tuple(pieces_of(items, None, SALT)))


def refusals(*counts: tuple[int, str, int], at: datetime = T0) -> Record:
    return Record(0, at.timestamp(), refusals=tuple(Refusal(*count) for count in counts))


def put(*records: Record | bytes) -> None:
    """Into the spool that the digest reads, in one finished file."""
    spool = Spool(digest.directory(), 10**9)
    for one in records:
        spool.write_blocking(one if isinstance(one, bytes) else encode(one), 10)
    spool.close()


def arrive(mine: Project, *sent: dict[str, Any], at: datetime = T0) -> int:
    """Through the spool into the database."""
    put(record(mine, *sent, at=at))
    return digest.run(at + timedelta(seconds=1))
