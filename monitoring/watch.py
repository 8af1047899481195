"""The clock of monitoring: jobs, each once for a slot of time, however many watch processes run.

One process leads by a lease; a UNIQUE (job, slot) row makes a second run impossible even when two think they lead. Each
job has a thread and a time limit of its own, so that none starves another. The heartbeat is a promise: it is only
written while every vital job comes back in time.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import os
import secrets
import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar, cast

from django.db import IntegrityError, connections, transaction
from django.db.models import Q

from monitoring.alerts import evaluate, outbox, story
from monitoring.alerts import retention as alert_retention
from monitoring.drills import follow
from monitoring.errors import deploys, digest, forgetting, forward
from monitoring.metrics import retention
from monitoring.models.uptime import Heartbeat, JobSlot, Lease
from monitoring.uptime import record
from monitoring.uptime.probe import Prober
from signals import telemetry

log = logging.getLogger("icebreaker.watch")

NAME: Final = "watch"  # of the lease and of the heartbeat
LEASE: Final = timedelta(seconds=15)
BEAT_EVERY: Final = timedelta(seconds=5)
SLOTS_KEPT: Final = timedelta(hours=1)
CLOCK_BACK: Final = timedelta(minutes=1)  # slots further ahead than this were taken before the clock was set back
GRACE: Final = timedelta(seconds=60)
STOP_WITHIN_S: Final = 10
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Job:
    """What to do, how often, and how long it may take. A plain function is run in a thread of its own."""

    name: str
    every: timedelta
    limit: timedelta
    run: Callable[[datetime], Any]
    vital: bool = False  # without it nobody would be told of anything

    def slot(self, now: datetime) -> int:
        return int(now.timestamp() // self.every.total_seconds())

    @property
    def grace(self) -> timedelta:
        """Without a success for longer than this, the watch is not well."""
        return max(GRACE, 3 * self.every + self.limit)


class Watch:
    """One watch process. `tick` is called every second with the time; tests call it with any time they like."""

    def __init__(self, jobs: Sequence[Job], holder: str = "", lease: timedelta = LEASE) -> None:
        self.jobs = tuple(jobs)
        self.holder = holder or f"{socket.gethostname()[:40]}:{os.getpid()}:{secrets.token_hex(4)}"
        self.lease = lease
        self.leads = False
        self._running: dict[str, asyncio.Task[None]] = {}
        self._overdue: set[str] = set()
        self._slots: dict[str, int] = {}  # the last one seen, so that most ticks don't ask the database
        self._well_at: dict[str, datetime] = {}
        self._asked_at: datetime | None = None
        self._led_at: datetime | None = None
        self._beat_at: datetime | None = None

    async def tick(self, now: datetime) -> list[asyncio.Task[None]]:
        """Renew the lease, start what is due, beat. Answers with the runs that it started."""
        if not await self._keep_lease(now):
            return []
        started = []
        for job in self.jobs:
            if job.name in self._running or self._slots.get(job.name) == job.slot(now):
                continue
            if await in_thread(lambda job=job: _claimed(job, self.holder, now)):  # type: ignore[misc]
                task = asyncio.create_task(self._run(job, now), name=job.name)
                self._running[job.name] = task
                started.append(task)
            self._slots[job.name] = job.slot(now)
        await self._beat(now)
        return started

    async def stop(self, now: datetime) -> None:
        """Wait for what runs, for a while; then let somebody else lead."""
        if self._running:
            await asyncio.wait(self._running.values(), timeout=STOP_WITHIN_S)
        if self.leads:
            await in_thread(lambda: _release(self.holder, now))
            self.leads = False

    def is_well(self, now: datetime) -> bool:
        """Whether every vital job succeeded within its grace, counted from when this process began to lead."""
        since = self._led_at or now
        return all(now - self._well_at.get(job.name, since) <= job.grace for job in self.jobs if job.vital)

    async def _keep_lease(self, now: datetime) -> bool:
        """Lead, or go on leading. Whoever has a job stuck lets another process try."""
        if self._overdue:
            if self.leads:
                log.error("stops leading: %s did not come back in time", ", ".join(sorted(self._overdue)))
                await in_thread(lambda: _release(self.holder, now))
            self.leads, self._asked_at = False, None
            return False
        if self._asked_at and timedelta(0) <= now - self._asked_at < self.lease / 5:
            return self.leads
        led, self.leads = self.leads, await in_thread(lambda: _leased(self.holder, now, self.lease))
        self._asked_at = now
        if self.leads and not led:
            log.info("leads as %s", self.holder)
            self._led_at, self._well_at = now, {}
            await in_thread(lambda: JobSlot.objects.filter(taken_at__gt=now + CLOCK_BACK).delete())
        return self.leads

    async def _beat(self, now: datetime) -> None:
        if self._beat_at and timedelta(0) <= now - self._beat_at < BEAT_EVERY:
            return
        if self._beat_at and now < self._beat_at - CLOCK_BACK:  # the clock was set back while we lead
            await in_thread(lambda: JobSlot.objects.filter(taken_at__gt=now + CLOCK_BACK).delete())
            self._well_at = dict.fromkeys(self._well_at, now)
        self._beat_at = now
        if self.is_well(now):
            await in_thread(lambda: beat(NAME, now, self.holder))

    async def _run(self, job: Job, now: datetime) -> None:
        work = job.run(now) if inspect.iscoroutinefunction(job.run) else in_thread(lambda: job.run(now))
        doing = asyncio.ensure_future(work)
        try:
            await asyncio.wait_for(asyncio.shield(doing), job.limit.total_seconds())
        except Exception as error:
            if not isinstance(error, TimeoutError) or doing.done():
                telemetry.capture(error, component=f"watch.{job.name}")
                return
            log.error("%s is over its time limit of %s", job.name, job.limit)  # noqa: TRY400 - it is where it is
            telemetry.count(telemetry.ERRORS, f"watch.{job.name}")
            await self._see_out(job, doing)
        else:
            self._well_at[job.name] = now
            with suppress(Exception):  # a beat that can't be written shows by itself
                await in_thread(lambda: beat(f"job:{job.name}", now, self.holder))
        finally:
            self._running.pop(job.name, None)

    async def _see_out(self, job: Job, doing: asyncio.Future[Any]) -> None:
        """A coroutine is cancelled; a thread can't be, and until it ends this process is not to be trusted."""
        if inspect.iscoroutinefunction(job.run):
            doing.cancel()
            await asyncio.gather(doing, return_exceptions=True)  # what it raises on its way out was counted already
            return
        self._overdue.add(job.name)
        try:
            await asyncio.wait([doing])
            doing.exception()
        finally:
            self._overdue.discard(job.name)


def jobs(prober: Prober) -> tuple[Job, ...]:
    """Everything that has to happen by the clock."""

    async def look(now: datetime) -> None:
        due = await in_thread(lambda: record.due(now))
        if due:
            seen = await asyncio.gather(*(prober.probe(target, now) for target in due))
            await in_thread(lambda: record.keep(seen, now=now))

    second, minute = timedelta(seconds=1), timedelta(minutes=1)
    return (
        Job("probe", 5 * second, 45 * second, look, vital=True),
        Job("evaluate", 15 * second, 60 * second, evaluate.run, vital=True),
        Job("outbox", 5 * second, 50 * second, outbox.run, vital=True),
        Job("incidents", 15 * second, minute, story.run),
        Job("drills", 5 * second, 20 * second, follow.run),
        Job("self-test", 60 * minute, minute, alert_retention.self_test),
        Job("alert-retention", 10 * minute, minute, alert_retention.prune),
        Job("measures-retention", 10 * minute, 2 * minute, retention.tidy),
        Job("digest", 2 * second, 20 * second, digest.run),
        Job("deploys", 10 * second, minute, deploys.note),
        Job("forward", 10 * second, minute, forward.run),
        Job("error-retention", minute, minute, forgetting.prune),
        Job("uptime-retention", 10 * minute, minute, record.prune),
        Job("slots", 10 * minute, minute, prune),
    )


def beat(name: str, now: datetime, detail: str = "") -> None:
    Heartbeat.objects.update_or_create(name=name, defaults={"beat_at": now, "detail": detail[:200]})


def prune(now: datetime) -> int:
    """Forget slots long past."""
    return JobSlot.objects.filter(taken_at__lt=now - SLOTS_KEPT).delete()[0]


def _leased(holder: str, now: datetime, lease: timedelta) -> bool:
    Lease.objects.get_or_create(name=NAME, defaults={"until_at": now})
    free = Q(holder=holder) | Q(until_at__lte=now) | Q(until_at__gt=now + lease + CLOCK_BACK)
    return Lease.objects.filter(free, name=NAME).update(holder=holder, until_at=now + lease) == 1


def _release(holder: str, now: datetime) -> None:
    Lease.objects.filter(name=NAME, holder=holder).update(holder="", until_at=now)


def _claimed(job: Job, holder: str, now: datetime) -> bool:
    try:
        with transaction.atomic():
            JobSlot.objects.create(job=job.name, slot=job.slot(now), taken_at=now, holder=holder)
    except IntegrityError:
        return False
    return True


def in_thread(run: Callable[[], R]) -> asyncio.Future[R]:
    """Run in a daemon thread of its own, with its own database connection: one that hangs holds up nobody, nor exit."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[R] = loop.create_future()

    def settle(result: R | None, error: Exception | None) -> None:
        if future.done():
            return
        if error:
            future.set_exception(error)
        else:
            future.set_result(cast(R, result))

    def work() -> None:
        result, error = None, None
        try:
            result = run()
        except Exception as raised:
            error = raised
        finally:
            connections.close_all()
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, result, error)

    threading.Thread(target=work, daemon=True).start()
    return future
