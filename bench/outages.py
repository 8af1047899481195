"""Whether the right alert fires while Redis or PostgreSQL is gone: real watch processes, probes, rules, SMTP."""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
import time
from collections.abc import Awaitable, Callable
from email.message import Message
from pathlib import Path
from typing import Any

import psycopg

from bench.table import Row
from tests.flows import faults, kept
from tests.flows.private import PrivatePostgres, PrivateRedis
from tests.flows.scaled import Scaled
from tests.flows.server import manage
from tests.flows.talkers import talking
from tests.monitoring.alerts.mailserver import MailServer

GONE_S, PAIRS, PROBED_EVERY_S, SETTLES_WITHIN_S = 150.0, 3, 20, 600.0
SOMEBODY_LISTENS = """
from django.utils import timezone
from monitoring.models import Monitor, Recipient
now = timezone.now()
Recipient.objects.create(name="ann", address="ann@example.org", verified_at=now, created_at=now)
Monitor.objects.update(interval_s={every})
"""
OPEN = "SELECT COUNT(*) FROM monitoring_alert WHERE resolved_at IS NULL"
WAITS = "SELECT COUNT(*) FROM monitoring_outboxmail WHERE state = 'waiting'"
FIRED = "SELECT rule, fired_at, resolved_at FROM monitoring_alert ORDER BY fired_at"
Strike = Callable[[PrivateRedis, PrivatePostgres], Awaitable[None]]


class Scene:
    """A deployment whose alerts are mailed to somebody."""

    def __init__(self, server: Scaled, mail: MailServer) -> None:
        self.server, self.mail = server, mail

    async def ask(self, question: str) -> list[tuple[Any, ...]]:
        return await asyncio.to_thread(kept.rows, self.server, question)

    async def until(self, question: str, good: Callable[[int], bool], within_s: float) -> None:
        async with asyncio.timeout(within_s):
            while True:
                try:
                    ((count,),) = await self.ask(question)
                except (psycopg.OperationalError, sqlite3.Error):
                    count = -1  # it is not quite back
                if count >= 0 and good(count):
                    return
                await asyncio.sleep(1)

    async def play(self, what: str, strike: Strike, mend: Strike, *stores: Any) -> Row:
        """Gone, for longer than an outage needs to be seen; then back, until every alert is over and mailed."""
        probes = "SELECT COUNT(*) FROM monitoring_proberesult WHERE answer IN ('good', 'slow')"
        async with talking(self.server, PAIRS):
            await self.until(probes, lambda n: n > 2, 180)
            await self.until("SELECT COUNT(*) FROM monitoring_evaluation", lambda n: n > 0, 180)
            before = await self.ask(FIRED)
            struck = time.time()
            await strike(*stores)
            await asyncio.sleep(GONE_S)
            await mend(*stores)
            back = time.time()
            await asyncio.sleep(60)  # an outage is known by the probes that follow
            await self.until(OPEN, lambda n: n == 0, SETTLES_WITHIN_S)
            await self.until(WAITS, lambda n: n == 0, 120)
            fired = (await self.ask(FIRED))[len(before) :]
        said = [
            f"{rule} after {at.timestamp() - struck:.0f} s, over {end.timestamp() - back:.0f} s after the return"
            for rule, at, end in fired
        ]
        mails = [mail_at - struck for mail_at in self._mailed(struck)]
        first = f", the first after {mails[0]:.0f} s" if mails else ""
        text = f"{'; '.join(said) or 'no alert'}; {len(mails)} mails{first}: {', '.join(self._subjects(struck))}"
        return Row(
            f"alerts: {what} for {GONE_S:.0f} s, probed every {PROBED_EVERY_S} s", text, "told, resolved, none false"
        )

    def _mailed(self, since: float) -> list[float]:
        return [at for at in self.mail.taken_at if at > since]

    def _subjects(self, since: float) -> list[str]:
        both: list[tuple[Message, float]] = list(zip(self.mail.taken, self.mail.taken_at, strict=True))
        return [str(mail["Subject"]) for mail, at in both if at > since]


async def scene(what: str, strike: Strike, mend: Strike) -> Row:
    postgres, redis = PrivatePostgres().make(), PrivateRedis().start()
    try:
        with MailServer() as mail, tempfile.TemporaryDirectory(prefix="icebreaker-outages-") as data:
            place: dict[str, Any] = {"DATABASE_URL": postgres.url, "EMAIL_URL": f"smtp://127.0.0.1:{mail.port}"}
            server = Scaled(Path(data), 3, redis.url, watches=2, **{**faults.ROOMY, **place})
            faults.migrate(server)
            done = manage("shell", "-v0", "-c", SOMEBODY_LISTENS.format(every=PROBED_EVERY_S), env=server.env)
            assert done.returncode == 0, done.stderr
            server.start()
            try:
                return await Scene(server, mail).play(what, strike, mend, redis, postgres)
            finally:
                server.stop()
    finally:
        redis.thaw()
        redis.kill()
        postgres.stop()


async def redis_gone(redis: PrivateRedis, postgres: PrivatePostgres) -> None:
    redis.kill()


async def redis_back(redis: PrivateRedis, postgres: PrivatePostgres) -> None:
    await asyncio.to_thread(redis.start)


async def postgres_gone(redis: PrivateRedis, postgres: PrivatePostgres) -> None:
    await asyncio.to_thread(postgres.stop)


async def postgres_back(redis: PrivateRedis, postgres: PrivatePostgres) -> None:
    await asyncio.to_thread(postgres.start)


async def redis() -> list[Row]:
    return [await scene("Redis gone", redis_gone, redis_back)]


async def postgres() -> list[Row]:
    return [await scene("PostgreSQL gone", postgres_gone, postgres_back)]
