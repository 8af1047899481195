"""The figures that a runbook shows as they are now; one that can't be read is left out, and the page stands."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from time import perf_counter
from typing import Final

from django.conf import settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

log = logging.getLogger("icebreaker")


def disk_share() -> float:
    """How full the disk with our data is, 0 to 1. Raises OSError."""
    usage = shutil.disk_usage(settings.DATA_DIR)
    return usage.used / usage.total


def _disk_free() -> str:
    return f"{shutil.disk_usage(settings.DATA_DIR).free / 2**30:.1f} GiB"


def _database_answer() -> str:
    started = perf_counter()
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        cursor.fetchone()
    return f"{(perf_counter() - started) * 1000:.1f} ms"


def _database_size() -> str:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT pg_database_size(current_database())")
        else:
            cursor.execute("SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()")
        row = cursor.fetchone()
    return f"{row[0] / 2**20:.1f} MiB"


def _migrations_pending() -> str:
    executor = MigrationExecutor(connection)
    return str(len(executor.migration_plan(executor.loader.graph.leaf_nodes())))


READERS: Final[dict[str, Callable[[], str]]] = {
    "release": lambda: str(settings.RELEASE),
    "environment": lambda: str(settings.ENVIRONMENT),
    "disk.used": lambda: f"{disk_share():.0%}",
    "disk.free": _disk_free,
    "database.kind": lambda: connection.vendor,
    "database.answer": _database_answer,
    "database.size": _database_size,
    "migrations.pending": _migrations_pending,
    "redis": lambda: "set" if settings.REDIS_URL else "not set: one process holds everybody",
}


def read(names: frozenset[str]) -> dict[str, str]:
    """Those of `names` that can be read now."""
    found = {}
    for name in sorted(names & READERS.keys()):
        try:
            found[name] = READERS[name]()
        except Exception as error:
            log.warning("the figure %s can't be read: %s", name, type(error).__name__)
    return found
