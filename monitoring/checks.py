"""Looking at the service from inside: what has to answer before people are sent here.

Each check is django-health-check's: `run` raises a sentence. They run side by side, each under its own time limit, in
threads of their own, so that a dependency that hangs costs a thread and never the event loop.
"""

from __future__ import annotations

import asyncio
import dataclasses
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple, TypeVar

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone
from health_check.base import HealthCheck
from health_check.checks import Database
from health_check.exceptions import ServiceUnavailable

from monitoring.alerts.rules import SHIPPED
from monitoring.metrics import store
from monitoring.models import Heartbeat
from monitoring.runbooks.figures import disk_share
from monitoring.watch import NAME as WATCH
from signals import presence

T = TypeVar("T")
LIMIT: Final = timedelta(milliseconds=700)  # the library adds a second, and all have to answer within two
_OVER: Final = {rule.name: rule.condition.over for rule in SHIPPED}  # each threshold stands once


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
    """A message from this process to itself, by the way that messages between processes go, comes back."""

    timeout = LIMIT

    async def run(self) -> None:
        try:
            arrived = await presence.current().echo()
        except OSError:
            arrived = False
        if not arrived:
            raise ServiceUnavailable("Messages between processes do not arrive.")


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


@dataclasses.dataclass
class WatchBeats(HealthCheck):
    """The watch process said lately that all its vital jobs come back in time."""

    timeout = LIMIT

    def run(self) -> None:  # type: ignore[override]  # the library runs either kind
        try:
            beat = Heartbeat.objects.filter(name=WATCH).first()
        except DatabaseError:
            raise ServiceUnavailable("The database does not say when the watch last beat.") from None
        finally:
            connection.close()
        if beat is None:
            raise ServiceUnavailable("No watch process ever ran here.")
        _young("The watch process last beat", beat.beat_at, "watch-late")


@dataclasses.dataclass
class MeasuresFlow(HealthCheck):
    """What web processes measure reaches the database."""

    timeout = LIMIT

    def run(self) -> None:  # type: ignore[override]  # the library runs either kind
        try:
            flushed_at = store.last_flush_at(timezone.now())
        except DatabaseError:
            raise ServiceUnavailable("The database does not say when measures were last written.") from None
        finally:
            connection.close()
        if flushed_at is None:
            raise ServiceUnavailable("No web process ever wrote what it measured.")
        _young("Measures were last written", flushed_at, "web-silent")


@dataclasses.dataclass
class DiskSpace(HealthCheck):
    """The disk with our data has room."""

    timeout = LIMIT

    def run(self) -> None:  # type: ignore[override]  # the library runs either kind
        share = disk_share()
        if share > _OVER["disk-near-full"]:
            raise ServiceUnavailable(f"The disk is {share:.0%} full.")


def _young(what: str, at: datetime, rule: str) -> None:
    age = timezone.now() - at
    if age.total_seconds() > _OVER[rule]:
        raise ServiceUnavailable(f"{what} {age.total_seconds():.0f} s ago.")


REPORT: Final[dict[str, HealthCheck]] = {  # what staff see: none of these says that people may not be sent here
    **READINESS,
    "watch": WatchBeats(),
    "measures": MeasuresFlow(),
    "disk": DiskSpace(),
}


class Result(NamedTuple):
    """What one check said: nothing when all is well; never an internal of whatever failed."""

    name: str
    sentence: str
    took_ms: float

    @property
    def ok(self) -> bool:
        return not self.sentence


class _Threads(Executor):
    """A few threads, none of which the end of this process waits for: what hangs in one may hang for ever."""

    def __init__(self, most: int) -> None:
        self._free = threading.BoundedSemaphore(most)

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        if not self._free.acquire(blocking=False):
            raise ServiceUnavailable("Earlier checks still wait for an answer.")
        future: Future[T] = Future()

        def work() -> None:
            try:
                if future.set_running_or_notify_cancel():
                    future.set_result(fn(*args, **kwargs))
            except BaseException as error:  # an executor hands on whatever it was
                future.set_exception(error)
            finally:
                self._free.release()

        threading.Thread(target=work, name="health", daemon=True).start()
        return future


_threads: Final = _Threads(16)
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
