"""Jobs run once a slot, however many watch, whoever dies; none holds up another; the heartbeat tells the truth."""

from __future__ import annotations

import asyncio
import gc
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from monitoring import watch as watching
from monitoring.metrics.recorder import MetricsRecorder
from monitoring.models import Heartbeat, Lease
from monitoring.uptime.probe import Prober
from monitoring.watch import Job, Watch, in_thread, jobs
from signals import telemetry

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(__file__).resolve().parents[2]
T0 = datetime(2026, 1, 5, 12, tzinfo=UTC)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


def job(runs: list[datetime], every: timedelta = 15 * SECOND, name: str = "evaluate", **said: Any) -> Job:
    return Job(name, every, said.pop("limit", 5 * SECOND), said.pop("run", runs.append), **said)


async def tick(watch: Watch, now: datetime) -> None:
    if runs := await watch.tick(now):
        await asyncio.wait(runs)


async def beat_at() -> datetime | None:
    row = await in_thread(lambda: Heartbeat.objects.filter(name="watch").first())
    return row.beat_at if row else None


async def test_a_job_runs_once_a_slot() -> None:
    runs: list[datetime] = []
    watch = Watch([job(runs)])
    for n in range(61):
        await tick(watch, T0 + n * SECOND)
    assert runs == [T0 + n * 15 * SECOND for n in range(5)]


async def test_two_watches_run_each_slot_once_and_one_leads() -> None:
    runs: list[datetime] = []
    one, two = Watch([job(runs)]), Watch([job(runs)])
    for n in range(31):
        await tick(one, T0 + n * SECOND)
        await tick(two, T0 + n * SECOND)
    assert len(runs) == 3 and (one.leads, two.leads) == (True, False)


async def test_even_two_that_both_think_they_lead_run_each_slot_once() -> None:
    runs: list[datetime] = []
    one, two = Watch([job(runs)]), Watch([job(runs)])
    for n in range(4):
        now = T0 + n * 15 * SECOND
        await in_thread(lambda now=now: Lease.objects.update(holder="", until_at=now))
        await tick(one, now)
        await in_thread(lambda now=now: Lease.objects.update(holder="", until_at=now))
        await tick(two, now)
    assert len(runs) == 4


async def test_another_takes_over_when_the_leader_is_gone_for_a_lease() -> None:
    runs: list[datetime] = []
    one, two = Watch([job(runs)]), Watch([job(runs)])
    await tick(one, T0)
    await tick(two, T0 + 14 * SECOND)
    assert not two.leads
    await tick(two, T0 + 17 * SECOND)
    assert two.leads and len(runs) == 2


async def test_a_leader_that_stops_cleanly_is_followed_at_once() -> None:
    one, two = Watch([]), Watch([])
    await tick(one, T0)
    await one.stop(T0 + SECOND)
    await tick(two, T0 + SECOND)
    assert two.leads and not one.leads


async def test_stopping_waits_for_what_runs() -> None:
    done: list[int] = []

    async def slow(_: datetime) -> None:
        await asyncio.sleep(0.05)
        done.append(1)

    watch = Watch([job([], run=slow)])
    await watch.tick(T0)
    await watch.stop(T0)
    assert done == [1]


async def test_a_job_that_hangs_starves_no_other() -> None:
    runs: list[datetime] = []
    released = threading.Event()
    stuck = job([], name="stuck", limit=60 * SECOND, run=lambda _: released.wait(20))
    watch = Watch([stuck, job(runs)])
    started: list[asyncio.Task[None]] = []
    for n in range(4):
        started += await watch.tick(T0 + n * 15 * SECOND)
        await asyncio.wait([task for task in started if task.get_name() != "stuck"])
    released.set()
    await asyncio.wait(started)
    assert len(runs) == 4 and [t.get_name() for t in started].count("stuck") == 1


async def test_a_job_over_its_limit_makes_the_process_step_down_until_it_is_back() -> None:
    released = threading.Event()
    watch = Watch([job([], limit=timedelta(milliseconds=50), run=lambda _: released.wait(20), vital=True)])
    (run,) = await watch.tick(T0)
    while not watch._overdue:
        await asyncio.sleep(0.01)
    other = Watch([])
    await watch.tick(T0 + SECOND)
    assert not watch.leads
    await tick(other, T0 + SECOND)
    assert other.leads, "somebody else may"
    await other.stop(T0 + 2 * SECOND)
    released.set()
    await run
    await watch.tick(T0 + 5 * SECOND)
    assert watch.leads


async def test_a_coroutine_over_its_limit_is_cancelled_and_the_watch_goes_on() -> None:
    cancelled: list[int] = []

    async def endless(_: datetime) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.append(1)

    watch = Watch([job([], limit=timedelta(milliseconds=50), run=endless)])
    await tick(watch, T0)
    await tick(watch, T0 + 15 * SECOND)
    assert cancelled == [1, 1] and watch.leads


async def test_the_heart_beats_every_five_seconds_while_all_is_well() -> None:
    watch = Watch([job([], vital=True)])
    for n in range(24):
        await tick(watch, T0 + n * SECOND)
    assert await beat_at() == T0 + 20 * SECOND


async def test_the_heart_stops_while_a_vital_job_fails_and_beats_again_after(caplog: Any) -> None:
    broken = True

    def run(_: datetime) -> None:
        if broken:
            raise ValueError("no")

    watch = Watch([job([], run=run, vital=True)])
    for n in range(40):
        await tick(watch, T0 + n * 5 * SECOND)
    last = await beat_at()
    assert last and last - T0 <= 2 * MINUTE and not watch.is_well(T0 + 195 * SECOND)
    broken = False
    await tick(watch, T0 + 210 * SECOND)
    await tick(watch, T0 + 225 * SECOND)
    assert await beat_at() == T0 + 225 * SECOND


async def test_a_failing_job_is_captured_once_and_runs_again() -> None:
    class Recorder(telemetry._Nobody):
        def capture(self, error: BaseException, tags: dict[str, str]) -> None:
            caught.append((type(error).__name__, tags["component"]))

    caught: list[tuple[str, str]] = []
    before = telemetry._recorder
    telemetry.install(Recorder())
    try:
        watch = Watch([job([], run=lambda _: 1 / 0)])
        await tick(watch, T0)
        await tick(watch, T0 + 15 * SECOND)
    finally:
        telemetry.install(before)
    assert caught == [("ZeroDivisionError", "watch.evaluate")] * 2


async def test_a_job_over_its_limit_is_one_error_whatever_it_raises_when_it_is_cancelled(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def stubborn(_: datetime) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise ValueError("on the way out")

    recorder = MetricsRecorder()
    monkeypatch.setattr(telemetry, "_recorder", recorder)
    await tick(Watch([job([], limit=timedelta(milliseconds=50), run=stubborn)]), T0)
    gc.collect()
    counts = {key: n for key, n in recorder.drain().counts.items() if key[0] == telemetry.ERRORS}
    assert counts == {(telemetry.ERRORS, "watch.evaluate"): 1}
    assert "never retrieved" not in caplog.text


async def test_a_clock_set_back_by_an_hour_does_not_stop_the_watch() -> None:
    runs: list[datetime] = []
    watch = Watch([job(runs)])
    await tick(watch, T0)
    back = T0 - 60 * MINUTE
    for n in range(3):
        await tick(watch, back + n * 15 * SECOND)
    other = Watch([job(runs)])
    await watch.stop(back + MINUTE)
    await tick(other, back + MINUTE)
    assert watch._beat_at and other.leads and len(runs) >= 4


async def test_old_slots_are_forgotten() -> None:
    await tick(Watch([job([])]), T0)
    assert await in_thread(lambda: watching.prune(T0 + 59 * MINUTE)) == 0
    assert await in_thread(lambda: watching.prune(T0 + 61 * MINUTE)) == 1


async def test_a_database_that_fails_is_an_error_of_the_tick_and_not_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    watch = Watch([])
    monkeypatch.setattr(watching, "_leased", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        await watch.tick(T0)
    monkeypatch.undo()
    await watch.tick(T0 + SECOND)
    assert watch.leads


def test_every_job_has_its_own_name_and_a_limit_that_leaves_the_next_slots_free() -> None:
    shipped = jobs(Prober())
    assert len({j.name for j in shipped}) == len(shipped)
    assert all(len(j.name) <= 40 and j.limit <= 10 * j.every for j in shipped)


# --- real processes --------------------------------------------------------------------------------------------------


LONG_S = 240  # for a process to start on a machine with much else to do: a bound, and never what a test waits for


def surroundings(folder: Path) -> dict[str, str]:
    database = f"sqlite:///{folder / 'watch.sqlite3'}"
    return {**os.environ, "DATA_DIR": str(folder), "DATABASE_URL": database, "PUBLIC_URL": "http://127.0.0.1:1"}


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database as it is before anything ran; each test takes a copy."""
    folder = tmp_path_factory.mktemp("migrated")
    order = [sys.executable, "manage.py", "migrate", "-v0"]
    subprocess.run(order, cwd=ROOT, env=surroundings(folder), check=True, timeout=LONG_S)
    return folder


@pytest.fixture
def place(migrated: Path, tmp_path: Path) -> dict[str, str]:
    for file in migrated.glob("watch.sqlite3*"):
        shutil.copy(file, tmp_path)
    return surroundings(tmp_path)


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[bytes]]]:
    processes: list[subprocess.Popen[bytes]] = []
    yield processes
    for process in processes:
        process.kill()
        process.wait()


def test_two_processes_run_each_slot_once_while_leaders_are_killed(
    place: dict[str, str], started: list[subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    file, kills = tmp_path / "runs", 6
    command = [sys.executable, "-m", "tests.monitoring.counting", str(file), "1"]

    def start() -> None:
        started.append(subprocess.Popen(command, cwd=ROOT, env=place))

    def lines() -> list[list[str]]:
        return [line.split() for line in file.read_text().splitlines()] if file.exists() else []

    def wait_for_a_run_by_another_than(pid: str) -> str:
        until, seen = time.monotonic() + LONG_S, len(lines())
        while time.monotonic() < until:
            for line in lines()[seen:]:
                if line[2] != pid:
                    return line[2]
            time.sleep(0.02)
        raise AssertionError("nobody took over")

    start(), start()
    leader = wait_for_a_run_by_another_than("")
    for _ in range(kills):
        os.kill(int(leader), signal.SIGKILL)
        start()
        leader = wait_for_a_run_by_another_than(leader)
    runs = Counter((name, slot) for name, slot, _ in lines())
    assert len({pid for _, _, pid in lines()}) > kills
    assert max(runs.values()) == 1, "a slot ran twice"


def test_the_command_runs_once_and_says_what(place: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "watch", "--once"],
        check=False,
        cwd=ROOT,
        env=place,
        capture_output=True,
        text=True,
        timeout=LONG_S,
    )
    assert done.returncode == 0 and done.stdout.startswith("Ran probe, ")


def test_the_command_stops_cleanly_when_told(place: dict[str, str], started: list[subprocess.Popen[bytes]]) -> None:
    process = subprocess.Popen(
        [sys.executable, "manage.py", "watch"], cwd=ROOT, env=place, stderr=subprocess.PIPE, text=True
    )
    started.append(process)  # type: ignore[arg-type]
    assert process.stderr
    while "leads as" not in process.stderr.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=LONG_S)
    assert process.returncode == 0 and said.rstrip().endswith("stopped")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--probe-only"], "go together"),
        (["--report-to", "http://127.0.0.1:1"], "go together"),
        (["--probe-only", "--report-to", "http://127.0.0.1:1"], "Set PROBE_SECRET"),
    ],
)
def test_half_an_order_is_refused(arguments: list[str], sentence: str) -> None:
    from django.core.management import call_command
    from django.core.management.base import CommandError

    with pytest.raises(CommandError, match=sentence):
        call_command("watch", *arguments)
