"""Looking at the service from inside: what has to answer before people are sent here.

Each check is django-health-check's: `run` raises a sentence. They run side by side, each under its own time limit, in
threads of their own, so that a dependency that hangs costs a thread and never the event loop.
"""

from __future__ import annotations

import asyncio
import dataclasses
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any, Final, NamedTuple

from channels.layers import get_channel_layer
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from health_check.base import HealthCheck
from health_check.checks import Database
from health_check.exceptions import ServiceUnavailable

from signals import presence

LIMIT: Final = timedelta(milliseconds=700)  # the library adds a second, and all have to answer within two


@dataclasses.dataclass
class DatabaseAnswers(Database):
    """One trivial question to the database."""

    timeout = LIMIT

    def run(self) -> None:  # type: ignore[override]  # the library runs either kind
        try:
            super().run()  # type: ignore[no-untyped-call]
        except ServiceUnavailable:
            raise ServiceUnavailable("The database does not answer.") from None


@dataclasses.dataclass
class Migrations(HealthCheck):
    """The tables are those that this release expects."""

    timeout = LIMIT

    def run(self) -> None:  # type: ignore[override]  # the library runs either kind
        try:
            executor = MigrationExecutor(connection)
            pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
        except DatabaseError:
            raise ServiceUnavailable("The database does not say which migrations it has.") from None
        finally:
            connection.close()  # this thread's own
        if pending:
            raise ServiceUnavailable(f"{len(pending)} migrations are not applied.")


@dataclasses.dataclass
class ChannelLayer(HealthCheck):
    """A message to oneself through the channel layer comes back."""

    timeout = LIMIT

    async def run(self) -> None:
        layer: Any = get_channel_layer()
        try:
            channel = await layer.new_channel("health.")
            await layer.send(channel, {"type": "health"})
            answer = await layer.receive(channel)
        except OSError:
            raise ServiceUnavailable("The channel layer does not answer.") from None
        if answer != {"type": "health"}:
            raise ServiceUnavailable("The channel layer gives back another message.")


@dataclasses.dataclass
class PresenceStore(HealthCheck):
    """The store of who is here can count them."""

    timeout = LIMIT

    async def run(self) -> None:
        try:
            await presence.current().counts()
        except OSError:
            raise ServiceUnavailable("The presence store does not answer.") from None


READINESS: Final[dict[str, HealthCheck]] = {
    "database": DatabaseAnswers(),
    "migrations": Migrations(),
    "channel_layer": ChannelLayer(),
    "presence": PresenceStore(),
}


class Result(NamedTuple):
    """What one check said: nothing when all is well; never an internal of whatever failed."""

    name: str
    sentence: str
    took_ms: float

    @property
    def ok(self) -> bool:
        return not self.sentence


_threads = ThreadPoolExecutor(max_workers=8, thread_name_prefix="health")
_running: dict[asyncio.AbstractEventLoop, asyncio.Task[tuple[Result, ...]]] = {}


async def readiness(checks: dict[str, HealthCheck] | None = None) -> tuple[Result, ...]:
    """Run the checks side by side, in less than two seconds. Who asks meanwhile gets the answer of the same run."""
    if checks is not None:
        return await _all(checks)
    loop = asyncio.get_running_loop()
    task = _running.get(loop)
    if task is None:
        task = _running[loop] = loop.create_task(_all(READINESS))
        task.add_done_callback(lambda _: _running.pop(loop, None))
    return await asyncio.shield(task)


async def _all(checks: dict[str, HealthCheck]) -> tuple[Result, ...]:
    return tuple(await asyncio.gather(*(_one(name, check) for name, check in checks.items())))


async def _one(name: str, check: HealthCheck) -> Result:
    result = await check.get_result(_threads)
    sentence = "" if result.error is None else str(result.error.message or "It failed.")
    return Result(name, sentence, result.time_taken * 1000)
