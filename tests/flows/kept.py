"""What a server of a test has kept of errors: its spool digested, and its database read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from monitoring.errors.record import expand
from tests.flows import stores
from tests.flows.server import manage

DIGEST = """
from time import sleep
from django.utils import timezone
from monitoring.errors import digest, spool
for _ in range(100):
    digest.run(timezone.now())
    if not spool.used_bytes(digest.directory()):
        break
    sleep(0.1)
"""


class Running(Protocol):
    """Either of the servers that tests run."""

    url: str
    data: Path
    env: dict[str, str]


def rows(server: Running, question: str, *given: object) -> list[tuple[Any, ...]]:
    with stores.database(server.env) as ask:
        return ask(question, *given)


def dsn(server: Running, slug: str = "backend") -> str:
    """What the admin shows to be copied."""
    key, number = rows(
        server,
        "SELECT k.public_key, p.id FROM monitoring_projectkey k JOIN monitoring_project p ON p.id = k.project_id"
        " WHERE p.slug = ? AND k.retires_at IS NULL",
        slug,
    )[0]
    parts = urlsplit(server.url)
    return f"{parts.scheme}://{key}@{parts.netloc}/{number}"


def digested(server: Running) -> list[dict[str, Any]]:
    """Every event in the database, once the spool is empty; the newest first."""
    done = manage("shell", "-v0", "-c", DIGEST, env=server.env)
    assert done.returncode == 0, done.stderr
    return [json.loads(expand(row[0])) for row in rows(server, "SELECT data FROM monitoring_event ORDER BY id DESC")]


def sent(server: Running, kind: str) -> list[dict[str, Any]]:
    """Everything else of one kind."""
    found = rows(server, "SELECT data FROM monitoring_sent WHERE kind = ?", kind)
    return [json.loads(expand(row[0])) for row in found]


def refused(server: Running) -> dict[str, int]:
    """What was turned away, by reason."""
    return dict(rows(server, "SELECT reason, SUM(count) FROM monitoring_refused GROUP BY reason"))


def change(server: Running, order: str) -> None:
    with stores.database(server.env) as ask:
        ask(order)
