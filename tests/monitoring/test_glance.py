"""The terminal says what the pages say, with the last half hour of each figure; also when the database is gone."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from django.db import OperationalError, connection

from monitoring import glance
from monitoring.glance import BARS, GAP, ago, sparkline
from monitoring.metrics import store
from monitoring.metrics.histogram import Histogram
from monitoring.metrics.ledger import Ledger
from monitoring.metrics.recorder import Level, Window
from monitoring.models import Alert, DeployMarker, Heartbeat, Monitor, Outage, OutboxMail, Watched
from monitoring.uptime.page import Picture
from signals import telemetry

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 3, 10, 12, 30, 5, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("trail", "drawn"),
    [
        ((), ""),
        ((0, 0, 0), BARS[0] * 3),
        ((0, 4, 8), BARS[0] + BARS[4] + BARS[7]),
        ((None, 1, None), GAP + BARS[7] + GAP),
        ((None,), GAP),
    ],
    ids=["nothing", "zeros", "rising", "gaps", "unknown"],
)
def test_a_trail_is_drawn_from_zero_with_gaps(trail: tuple[float | None, ...], drawn: str) -> None:
    assert sparkline(trail) == drawn


@pytest.mark.parametrize(
    ("age", "says"),
    [
        (timedelta(seconds=-5), "0 s ago"),
        (timedelta(seconds=90), "90 s ago"),
        (timedelta(seconds=150), "2 min ago"),
        (timedelta(hours=30), "30 h ago"),
        (timedelta(days=9), "9 d ago"),
    ],
    ids=["to come", "seconds", "minutes", "hours", "days"],
)
def test_an_age_is_said_in_the_largest_unit_that_is_exact_enough(age: timedelta, says: str) -> None:
    assert ago(age) == says


@pytest.mark.django_db
def test_every_figure_is_read_from_what_was_measured() -> None:
    timings = {(telemetry.WS_MESSAGE, "chat:message"): Histogram([10.0] * 94 + [700.0] * 6)}
    levels = {(telemetry.SESSIONS, ""): Level(42, 50), (telemetry.WS_CONNECTIONS, ""): Level(44, 44)}
    ledger = Ledger()
    ledger.add(Window(timings, {(telemetry.ERRORS, "backend"): 10}, levels), (NOW - timedelta(seconds=10)).timestamp())
    store.write(ledger.pending().rows, store.WEB, "1", NOW)
    monitor = Monitor.objects.all()[0]
    Watched.objects.create(monitor=monitor, first_at=NOW - timedelta(days=1), last_at=NOW)
    hours_ago = NOW - timedelta(hours=3)
    Outage.objects.create(
        monitor=monitor, kind="down", opened_at=hours_ago, confirmed_at=hours_ago, closed_at=hours_ago + 144 * MINUTE
    )
    Heartbeat.objects.create(name="watch", beat_at=NOW - timedelta(seconds=3))
    DeployMarker.objects.create(version="1.2", environment="test", at=NOW - timedelta(hours=5))
    Alert.objects.create(rule="service-down", title="Down", severity="critical", began_at=NOW, fired_at=NOW)
    OutboxMail.objects.create(
        kind="fired", message_id="m", created_at=NOW, due_at=NOW - 3 * MINUTE, next_attempt_at=NOW
    )
    found = glance.read(NOW)
    assert found.keys() == glance.READERS.keys()
    assert found["errors"].value == 2.0 and sum(n or 0 for n in found["errors"].trail) == 10
    assert found["p95 ws.message"].value == pytest.approx(700, rel=0.03)
    assert found["p95 signal.rank"].value is None
    assert (found["people"].value, found["sockets"].value, found["chats"].value) == (42, 44, None)
    assert found["uptime"].says.startswith("24 h 90.000 %")
    assert found["watch"].says == "last beat 3 s ago"
    assert found["mail"].says == "1 wait, the oldest due 3 min ago"
    assert found["deploy"].says == "1.2, 5 h ago"
    assert found["alerts.open"].says == "1, 1 of them critical"


@pytest.mark.django_db
def test_who_was_refused_once_asks_the_database_no_more() -> None:
    asked: list[str] = []

    def refuse(execute: object, sql: str, *rest: object) -> None:
        asked.append(sql)
        raise OperationalError("gone")

    with connection.execute_wrapper(refuse):
        assert glance.read(NOW) == {}
    assert len(asked) == 1


def run(data: Path, *options: str) -> subprocess.CompletedProcess[str]:
    place = {**os.environ, "DATABASE_URL": f"sqlite:///{data / 'gone.sqlite3'}", "DATA_DIR": str(data)}
    command = [sys.executable, "manage.py", "status", *options]
    return subprocess.run(command, cwd=ROOT, env=place, capture_output=True, text=True, timeout=100, check=False)


def test_with_the_database_gone_it_says_so_and_what_was_known_last_and_makes_no_file(tmp_path: Path) -> None:
    picture = Picture(datetime.now(UTC) - timedelta(hours=3), "up", "Everything works.", {}, [], [], [])
    (tmp_path / "status.json").write_bytes(msgspec.json.encode(picture))
    done = run(tmp_path)
    assert done.returncode == 3
    assert "the database file is not there" in done.stdout and "Everything works. (3 h ago)" in done.stdout
    assert "disk.free" in done.stdout
    done = run(tmp_path, "--json")
    assert (done.returncode, json.loads(done.stdout)["state"]) == (3, "unknown")
    assert not (tmp_path / "gone.sqlite3").exists()


def test_a_damaged_database_is_unknown_too(tmp_path: Path) -> None:
    (tmp_path / "gone.sqlite3").write_bytes(b"this is no database" * 1000)
    done = run(tmp_path)
    assert done.returncode == 3 and "It can't be known" in done.stdout


def test_colours_and_bars_are_for_terminals_alone(tmp_path: Path) -> None:
    place = {**os.environ, "DATABASE_URL": f"sqlite:///{tmp_path / 'db.sqlite3'}", "DATA_DIR": str(tmp_path)}
    migrate = [sys.executable, "manage.py", "migrate", "-v0"]
    subprocess.run(migrate, cwd=ROOT, env=place, check=True, timeout=100)
    command = [sys.executable, "manage.py", "status"]
    piped = subprocess.run(command, cwd=ROOT, env=place, capture_output=True, text=True, timeout=100, check=False)
    assert "\x1b[" not in piped.stdout and "p95 ws.message" in piped.stdout and GAP not in piped.stdout
    leader, follower = pty.openpty()
    with subprocess.Popen(command, cwd=ROOT, env={**place, "TERM": "xterm-256color"}, stdout=follower) as process:
        os.close(follower)
        shown = b""
        while chunk := _read(leader):
            shown += chunk
    os.close(leader)
    assert process.returncode == 3
    text = shown.decode()
    assert re.match(r"\x1b\[[\d;]+m", text) and GAP * 30 in text


def _read(leader: int) -> bytes:
    try:
        return os.read(leader, 65536)
    except OSError:  # Linux says so when the other end is closed
        return b""
