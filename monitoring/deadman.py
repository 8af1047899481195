"""The dead-man's switch: the web process sees whether the watch process lives, since a dead one can't say so.

While the watch is late it also takes the waiting mails to SMTP. And when the database itself can't be had, so that no
alert can be written, it mails those who were last known to listen, from a copy in memory and on disk.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import socket
from datetime import datetime, timedelta
from typing import Final

from django.db import DatabaseError, transaction
from django.db.models import Q
from django.utils import timezone

from monitoring.alerts import book, evaluate, gather, lastresort, outbox
from monitoring.alerts.evaluate import Round
from monitoring.alerts.lifecycle import GAP, STEP
from monitoring.alerts.rules import DEADMAN, Rule
from monitoring.models import Alert, Evaluation, Lease
from monitoring.watch import CLOCK_BACK, in_thread
from signals import telemetry

log = logging.getLogger("icebreaker")
NAME: Final = "deadman"


class Switch:
    """One web process's look at the watch; `look` is what happens every 15 seconds, tests do it at any time."""

    def __init__(self, holder: str, started_at: datetime) -> None:
        self.holder = holder
        self._since = started_at
        self._looked_at = started_at
        self._blind_since: datetime | None = None
        self._last_resort = lastresort.LastResort()

    def look(self, now: datetime) -> None:
        """Judge the one rule, carry its mails, or go to the last resort. Raises nothing that a database does."""
        if not timedelta(0) <= now - self._looked_at <= GAP:
            self._since = now  # we slept ourselves, or the clock was set
        self._looked_at = now
        try:
            self._judge(now)
        except DatabaseError as error:
            if self._blind_since is None:
                log.warning("whether the watch lives can't be known for now: %s", type(error).__name__)
            self._blind_since = self._blind_since or now
            self._last_resort.run(self._blind_since, now, type(error).__name__)
        else:
            self._blind_since = None
            self._last_resort.rest(now)

    def _judge(self, now: datetime) -> None:
        self._last_resort.learn(now)
        if not _leading(self.holder, now):
            return
        rules = [rule for rule in book.current() if rule.name == DEADMAN]
        if rules:
            evaluate.judge(NAME, rules, gather.beat(now, self._since), _round(now, self._since), now)
        if _is_late(rules, now, self._since) or Alert.objects.filter(rule=DEADMAN, resolved_at=None).exists():
            outbox.run(now)


_tasks: list[asyncio.Task[None]] = []


def start() -> None:
    """Look every 15 seconds from now on, on this loop; a second call does nothing."""
    loop = asyncio.get_running_loop()
    if _tasks and _tasks[0].get_loop() is loop and not _tasks[0].done():
        return
    switch = Switch(f"{socket.gethostname()[:40]}:{os.getpid()}:{secrets.token_hex(4)}", timezone.now())
    _tasks[:] = [asyncio.create_task(_keep_looking(switch), name=NAME)]


async def stop() -> None:
    """Stop looking; what is under way in its thread ends by itself."""
    for task in _tasks:
        task.cancel()
    await asyncio.gather(*_tasks, return_exceptions=True)
    _tasks.clear()


async def _keep_looking(switch: Switch) -> None:
    while True:
        await asyncio.sleep(STEP.total_seconds())
        try:
            await in_thread(lambda: switch.look(timezone.now()))
        except Exception as error:
            telemetry.capture(error, component=NAME)


def _is_late(rules: list[Rule], now: datetime, since: datetime) -> bool:
    """Whether the watch has not shown itself for so long that it may not send mail either."""
    age = gather.beat(now, since).snapshot(STEP, now).ages.get("watch.beat", timedelta(0))
    return any(age.total_seconds() > rule.condition.over for rule in rules)


def _round(now: datetime, since: datetime) -> Round:
    row = Evaluation.objects.filter(name=NAME).first()
    return Round((now,), row.until_at if row else None, since)


def _leading(holder: str, now: datetime) -> bool:
    """Of several web processes one looks; whoever takes over does so after a step."""
    Lease.objects.get_or_create(name=NAME, defaults={"until_at": now})
    free = Q(holder=holder) | Q(until_at__lte=now) | Q(until_at__gt=now + 2 * STEP + CLOCK_BACK)
    with transaction.atomic():
        return Lease.objects.filter(free, name=NAME).update(holder=holder, until_at=now + 2 * STEP) == 1
