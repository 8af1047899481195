"""Times every statement that writes to the database, in every process, by the table that it writes to."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from signals import telemetry

_WRITE: Final = re.compile(r"(?:INSERT (?:OR \w+ )?INTO|UPDATE|DELETE FROM) [\"`]?(?:[a-z]+_)?(\w+)|(BEGIN IMMEDIATE)")
WAIT: Final = "wait"  # for the one that writes before us: SQLite alone says when that is over


def watch() -> None:
    """From now on, on every connection that is opened."""
    connection_created.connect(_opened, dispatch_uid="monitoring.metrics.writes")


def _opened(connection: BaseDatabaseWrapper, **_: Any) -> None:
    if timed not in connection.execute_wrappers:
        connection.execute_wrappers.insert(0, timed)  # whoever lends a wrapper of their own takes the last one back


def timed(execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:
    """Run one statement, and observe it if it writes."""
    label = written(sql)
    if not label:
        return execute(sql, params, many, context)
    with telemetry.timed(telemetry.DB_WRITE, label):
        return execute(sql, params, many, context)


def written(sql: Any) -> str:
    """The table, without its application's name; nothing for what only reads."""
    if not isinstance(sql, str) or sql[:1] not in "IUDB":
        return ""
    found = _WRITE.match(sql)
    return (found[1] or WAIT) if found else ""
