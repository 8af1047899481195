"""The public sees how it stands, in four forms that agree; also when the database is gone."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from django.db import OperationalError
from django.test import AsyncClient

from monitoring.models import Maintenance, Monitor, Outage, ProbeResult, Watched
from monitoring.uptime import page as paged
from monitoring.uptime.outage import State
from monitoring.uptime.page import picture
from monitoring.views import status
from monitoring.views.badge import drawn
from monitoring.watch import in_thread

pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime(2026, 3, 10, 12, 30, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
ATOM = "{http://www.w3.org/2005/Atom}"


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path) -> list[datetime]:
    """What time it is; tests move it on."""
    clock = [NOW]
    settings.DATA_DIR = tmp_path
    monkeypatch.setattr(status.timezone, "now", lambda: clock[0])
    status.copy.forget()
    return clock


@pytest.fixture
def monitor() -> Monitor:
    Monitor.objects.all().delete()
    monitor = Monitor(name="Website", address="/api/health")
    monitor.known = State(probed_at=NOW - MINUTE)
    monitor.save()
    Watched.objects.create(monitor=monitor, first_at=NOW - 10 * DAY, last_at=NOW - MINUTE)
    return monitor


def outage(monitor: Monitor, ago: timedelta, lasted: timedelta | None, **said: Any) -> Outage:
    at = {"opened_at": NOW - ago, "confirmed_at": NOW - ago, "closed_at": NOW - ago + lasted if lasted else None}
    return Outage.objects.create(monitor=monitor, **{"kind": "down", **at, **said})


def test_uptime_of_every_period_counts_watched_time_alone(monitor: Monitor) -> None:
    outage(monitor, 2 * DAY, 72 * MINUTE)
    (line,) = picture(NOW).monitors
    assert line.state == "up" and line.uptime["24h"] == 1
    assert line.uptime["7d"] == int((1 - 72 / (7 * 1440)) * 1e5) / 1e5
    assert line.uptime["90d"] == line.uptime["30d"] == int((1 - 72 / 14_400) * 1e5) / 1e5


def test_each_day_says_its_share_and_days_unwatched_say_so(monitor: Monitor) -> None:
    outage(monitor, 12.5 * HOUR + 30 * MINUTE, HOUR)  # half an hour on each side of midnight
    days = picture(NOW).monitors[0].days
    assert len(days) == 90 and days[-1].day == "2026-03-10"
    assert days[0].share is None
    assert [(d.down_minutes, d.share) for d in days[-2:]] == [(30, 0.97916), (30, 0.96)]


def test_maintenance_is_announced_and_its_time_left_out(monitor: Monitor) -> None:
    outage(monitor, 3 * HOUR, 2 * HOUR)
    Maintenance.objects.create(from_at=NOW - 3 * HOUR, to_at=NOW - HOUR, reason="New disks")
    assert picture(NOW).monitors[0].uptime["24h"] == 1
    Maintenance.objects.create(from_at=NOW - MINUTE, to_at=NOW + HOUR, reason="Newer disks")
    Maintenance.objects.create(from_at=NOW + DAY, to_at=NOW + 2 * DAY, reason="Soon")
    Maintenance.objects.create(from_at=NOW + 30 * DAY, to_at=NOW + 31 * DAY, reason="Some day")
    found = picture(NOW)
    assert found.state == "maintenance"
    assert [(w.reason, w.under_way) for w in found.maintenance] == [("Newer disks", True), ("Soon", False)]


@pytest.mark.parametrize(
    ("state", "says"),
    [
        (State(probed_at=NOW), "up"),
        (State(probed_at=NOW, down_at=NOW - HOUR), "down"),
        (State(probed_at=NOW, slow_at=NOW - HOUR), "slow"),
        (State(probed_at=NOW - HOUR), "unknown"),
        (State(), "unknown"),
    ],
)
def test_the_worst_that_holds_is_said(monitor: Monitor, state: State, says: str) -> None:
    monitor.known = state
    monitor.save()
    other = Monitor(name="Other", address="/")
    other.known = State(probed_at=NOW)
    other.save()
    assert picture(NOW).state == says


def test_what_is_not_public_or_off_is_not_shown(monitor: Monitor) -> None:
    for said in ({"public": False}, {"enabled": False}):
        hidden = Monitor(name=f"Hidden {said}", address="/secret", **said)
        hidden.known = State(probed_at=NOW, down_at=NOW)
        hidden.save()
        outage(hidden, HOUR, None)
    found = picture(NOW)
    assert found.state == "up" and [line.name for line in found.monitors] == ["Website"] and not found.notes


def test_an_outage_is_told_when_it_is_open_and_afterwards_once_staff_published_it(monitor: Monitor) -> None:
    row = outage(monitor, HOUR, None, reason="The answer was 503.")
    (note,) = picture(NOW).notes
    assert note.text == "Website could not be reached from 11:30 UTC. We are looking into it."
    Outage.objects.update(closed_at=NOW, note="A draft.")
    assert picture(NOW).notes == []
    Outage.objects.update(published_at=NOW, note="A disk was full. It is larger now.")
    (note,) = picture(NOW).notes
    assert (note.title, note.text) == (
        "Website was down",
        "A disk was full. It is larger now.",
    ) and row.pk == note.number


def test_a_drill_is_said_to_be_one_is_no_news_and_costs_no_uptime(monitor: Monitor) -> None:
    outage(monitor, 2 * HOUR, HOUR, drill=True, published_at=NOW)
    monitor.known = State(probed_at=NOW - MINUTE, down_at=NOW - 5 * MINUTE)
    monitor.save()
    outage(monitor, 5 * MINUTE, None, drill=True)
    found = picture(NOW)
    assert (found.state, found.monitors[0].state, found.notes) == ("drill", "drill", [])
    assert found.uptime["24h"] == found.monitors[0].uptime["24h"] == 1
    assert "practising" in found.sentence


def test_response_times_are_by_the_hour_with_gaps(monitor: Monitor) -> None:
    rows = [(HOUR, 100.0), (HOUR, 120.0), (HOUR, 500.0), (5 * HOUR, 80.0)]
    for n, (ago, ms) in enumerate(rows):
        ProbeResult.objects.create(monitor=monitor, at=NOW - ago + n * MINUTE, answer="good", took_ms=ms)
    ProbeResult.objects.create(monitor=monitor, at=NOW - 2 * HOUR, answer="failed")
    hours = picture(NOW).monitors[0].hours
    assert len(hours) == 24 and hours[-1].from_at == NOW.replace(minute=0)
    assert [(h.median_ms, h.slowest_ms) for h in hours if h.median_ms is not None] == [(80, 80), (120, 500)]


async def test_the_four_forms_agree(async_client: AsyncClient, monitor: Monitor) -> None:
    await in_thread(lambda: outage(monitor, 2 * DAY, HOUR, note="A <b>bold</b> & rare fault.", published_at=NOW))
    said = (await async_client.get("/status.json")).json()
    assert said["state"] == "up" and said["ageSeconds"] == 0 and said["uptime"]["30d"] == 0.99583
    html = (await async_client.get("/status")).content.decode()
    assert "Everything works." in html and "99.583 %" in html and "A &lt;b&gt;bold&lt;/b&gt; &amp; rare fault." in html
    svg = ElementTree.fromstring((await async_client.get("/status.svg")).content)
    assert svg.attrib["aria-label"] == "Icebreaker: up · 99.58 %"
    feed = ElementTree.fromstring((await async_client.get("/status.atom")).content)
    assert [e.findtext(f"{ATOM}title") for e in feed.iter(f"{ATOM}entry")] == ["Website was down"]
    assert feed.findtext(f"{ATOM}entry/{ATOM}content") == "A <b>bold</b> & rare fault."


async def test_the_page_has_no_script_nothing_from_elsewhere_and_a_strict_policy(
    async_client: AsyncClient, monitor: Monitor
) -> None:
    answer = await async_client.get("/status")
    html = answer.content.decode()
    assert "<script" not in html and "style=" not in html and "http-equiv" not in html
    assert all(url.startswith(("/", "#")) for url in re.findall(r'(?:href|src)="([^"]*)"', html))
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none';")
    assert answer.headers["Cache-Control"] == "public, max-age=15" and "Set-Cookie" not in answer.headers


async def test_nothing_private_is_told(async_client: AsyncClient, monitor: Monitor) -> None:
    await in_thread(lambda: outage(monitor, HOUR, None, reason="secret-host refused the connection"))
    for path in ("/status", "/status.json", "/status.atom"):
        answer = (await async_client.get(path)).content.decode()
        assert "secret-host" not in answer and "/api/health" not in answer


async def test_a_picture_is_drawn_every_15_seconds_at_most(
    async_client: AsyncClient, monitor: Monitor, now: list[datetime], monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[datetime] = []
    monkeypatch.setattr(status, "picture", lambda at: read.append(at) or picture(at))
    for n in range(31):
        now[0] = NOW + n * timedelta(seconds=1)
        await async_client.get("/status.json")
    assert len(read) == 3


async def test_without_the_database_the_last_good_copy_is_shown_with_its_age(
    async_client: AsyncClient, monitor: Monitor, now: list[datetime], monkeypatch: pytest.MonkeyPatch
) -> None:
    await async_client.get("/status")

    def gone(_: datetime) -> None:
        raise OperationalError("no")

    monkeypatch.setattr(status, "picture", gone)
    status.copy.forget()  # another process, or this one after a restart
    now[0] = NOW + 2 * HOUR
    answer = await async_client.get("/status")
    html = answer.content.decode()
    assert answer.status_code == 200 and answer.headers["Age"] == "7200"
    assert "These figures are 2 hours old." in html and "Last known: Everything works." in html
    assert (await async_client.get("/status.json")).json()["ageSeconds"] == 7200
    assert b"unknown" in (await async_client.get("/status.svg")).content


async def test_a_database_that_hangs_holds_up_the_page_for_two_seconds_at_most(
    async_client: AsyncClient, monitor: Monitor, now: list[datetime], monkeypatch: pytest.MonkeyPatch
) -> None:
    import threading

    await async_client.get("/status")
    released = threading.Event()
    monkeypatch.setattr(status, "READ_WITHIN_S", 0.05)
    monkeypatch.setattr(status, "picture", lambda _: released.wait(20))
    now[0] = NOW + HOUR
    answer = await async_client.get("/status")
    released.set()
    assert answer.status_code == 200 and b"1 hour old" in answer.content


async def test_without_any_copy_it_says_so(async_client: AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(_: datetime) -> None:
        raise OperationalError("no")

    monkeypatch.setattr(status, "picture", gone)
    assert (await async_client.get("/status")).status_code == 503
    assert (await async_client.get("/status.svg")).status_code == 200


@pytest.mark.parametrize("state", paged.SENTENCES)
def test_there_is_a_badge_for_every_state(state: str) -> None:
    ElementTree.fromstring(drawn(state, 0.99999))
    assert "99.99 %" in drawn(state, 0.99999), "never rounded up to 100"


async def test_robots_stay_out_of_what_is_not_for_them(async_client: AsyncClient) -> None:
    said = (await async_client.get("/robots.txt")).content.decode()
    assert "Disallow: /admin/\n" in said and "Disallow: /\n" not in said


@pytest.mark.parametrize(
    ("contact", "line"),
    [
        ("sec@example.org", "Contact: mailto:sec@example.org"),
        ("https://example.org/s", "Contact: https://example.org/s"),
    ],
)
async def test_security_txt_names_whom_to_write_to_and_when_it_expires(
    async_client: AsyncClient, settings: Any, contact: str, line: str
) -> None:
    settings.SECURITY_CONTACT = contact
    said = (await async_client.get("/.well-known/security.txt")).content.decode().splitlines()
    assert line in said and "Expires: 2026-09-06T00:00:00Z" in said
    assert "Canonical: http://127.0.0.1:8000/.well-known/security.txt" in said


async def test_without_a_contact_there_is_no_security_txt(async_client: AsyncClient) -> None:
    assert (await async_client.get("/.well-known/security.txt")).status_code == 404
