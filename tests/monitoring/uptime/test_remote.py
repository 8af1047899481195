"""A prober elsewhere: reports arrive over a real socket, or wait; and people are mailed when nobody hears."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from django.core import mail

from monitoring.uptime.outage import Answer
from monitoring.uptime.probe import Prober, Target
from monitoring.uptime.remote import RemoteProber, Reply, Report
from monitoring.uptime.signing import sign
from tests.monitoring.uptime.service import Service, running

T0 = datetime(2026, 1, 5, 12, tzinfo=UTC)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


class Ears:
    """The service that is reported to."""

    def __init__(self) -> None:
        self.heard: list[Report] = []
        self.deaf = False
        self.targets: list[Target] = []
        self.server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        assert self.server
        return f"http://127.0.0.1:{self.server.sockets[0].getsockname()[1]}"

    async def hear(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
        body = await reader.readexactly(int(headers["content-length"]))
        assert headers["x-icebreaker-signature"] == sign("shared", headers["x-icebreaker-time"], body)
        if not self.deaf:
            self.heard.append(msgspec.json.decode(body, type=Report))
        answer = msgspec.json.encode(Reply(0, 0, self.targets))
        status = b"500 No" if self.deaf else b"200 OK"
        writer.write(b"HTTP/1.1 %s\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % (status, len(answer)) + answer)
        await writer.drain()
        writer.close()


@pytest.fixture
async def ears(settings: Any, tmp_path: Path) -> AsyncIterator[Ears]:
    settings.PROBE_SECRET, settings.DATA_DIR, settings.PROBE_ALERT_TO = "shared", tmp_path, ["on-call@example.org"]
    ears = Ears()
    ears.server = await asyncio.start_server(ears.hear, "127.0.0.1", 0)
    yield ears
    ears.server.close()


@pytest.fixture
async def service(ears: Ears) -> AsyncIterator[Service]:
    async with running() as service:
        ears.targets = [Target(7, "Website", "http", f"{service.url}/api/health", "", 300, 2, 1000)]
        yield service


def answers(ears: Ears) -> list[Answer]:
    return [seen.answer for report in ears.heard for seen in report.seen]


async def test_it_asks_what_to_look_at_looks_and_tells(ears: Ears, service: Service) -> None:
    remote = RemoteProber(Prober(), ears.url, "berlin")
    await remote.tick(T0)
    assert answers(ears) == [Answer.GOOD] and ears.heard[-1].prober == "berlin"
    assert ears.heard[-1].seen[0].target == 7 and not remote.pending


async def test_it_looks_at_its_interval_and_every_20_seconds_after_a_failure(ears: Ears, service: Service) -> None:
    remote = RemoteProber(Prober(), ears.url, "berlin")
    for n in range(0, 300, 10):
        await remote.tick(T0 + n * SECOND)
    assert len(answers(ears)) == 1
    service.status = 503
    for n in range(300, 361, 10):
        await remote.tick(T0 + n * SECOND)
    assert answers(ears)[1:] == [Answer.FAILED] * 4


async def test_what_could_not_be_told_is_told_later_with_its_own_time(ears: Ears, service: Service) -> None:
    remote = RemoteProber(Prober(), ears.url, "berlin")
    await remote.tick(T0)
    ears.deaf, service.status = True, 503
    for n in range(300, 400, 20):
        await remote.tick(T0 + n * SECOND)
    assert len(remote.pending) == 5
    ears.deaf = False
    await remote.tick(T0 + 400 * SECOND)
    assert [s.at for s in ears.heard[-1].seen] == [T0 + n * SECOND for n in range(300, 401, 20)]


async def test_it_mails_by_itself_when_nobody_hears_once_and_once_that_it_is_back(ears: Ears, service: Service) -> None:
    remote = RemoteProber(Prober(), ears.url, "berlin")
    await remote.tick(T0)
    ears.deaf, service.status = True, 503
    for n in range(300, 500, 20):
        await remote.tick(T0 + n * SECOND)
    assert [(m.subject, m.to) for m in mail.outbox] == [("[Icebreaker] Down: Website", ["on-call@example.org"])]
    assert "12:05:00" in mail.outbox[0].body
    service.status = 200
    for n in range(500, 560, 20):
        await remote.tick(T0 + n * SECOND)
    assert [m.subject for m in mail.outbox[1:]] == ["[Icebreaker] Back: Website"]


async def test_it_mails_nobody_while_the_service_hears_that_it_is_down(ears: Ears, service: Service) -> None:
    remote = RemoteProber(Prober(), ears.url, "berlin")
    service.status = 503
    for n in range(0, 100, 20):
        await remote.tick(T0 + n * SECOND)
    assert not mail.outbox and answers(ears) == [Answer.FAILED] * 5


async def test_two_failures_are_no_reason_to_mail(ears: Ears, service: Service) -> None:
    remote = RemoteProber(Prober(), ears.url, "berlin")
    await remote.tick(T0)
    ears.deaf, service.status = True, 503
    await remote.tick(T0 + 300 * SECOND)
    await remote.tick(T0 + 320 * SECOND)
    service.status = 200
    await remote.tick(T0 + 340 * SECOND)
    assert not mail.outbox


async def test_a_restart_forgets_neither_targets_nor_reports_nor_mails(ears: Ears, service: Service) -> None:
    remote = RemoteProber(Prober(), ears.url, "berlin")
    await remote.tick(T0)
    ears.deaf, service.status = True, 503
    for n in range(300, 400, 20):
        await remote.tick(T0 + n * SECOND)
    again = RemoteProber(Prober(), ears.url, "berlin")
    assert (len(again.pending), [t.id for t in again.targets]) == (5, [7])
    for n in range(400, 500, 20):
        await again.tick(T0 + n * SECOND)
    assert len(mail.outbox) == 1, "the same outage is not mailed twice"
    service.status = 200
    for n in range(500, 560, 20):
        await again.tick(T0 + n * SECOND)
    assert len(mail.outbox) == 2


async def test_it_tells_every_minute_that_it_lives(ears: Ears, service: Service) -> None:
    remote = RemoteProber(Prober(), ears.url + "/hooks/probes/", "berlin")
    for n in range(0, 181, 10):
        await remote.tick(T0 + n * SECOND)
    assert len(ears.heard) == 5  # asked for targets, told, then three minutes
    assert len(answers(ears)) == 1


async def test_nothing_to_look_at_is_asked_for_again_without_haste(ears: Ears) -> None:
    remote = RemoteProber(Prober(), ears.url, "berlin")
    for n in range(0, 61, 1):
        await remote.tick(T0 + n * SECOND)
    assert len(ears.heard) <= 4
