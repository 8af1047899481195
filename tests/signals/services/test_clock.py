"""The tasks beside the sockets."""

import asyncio
import time

import pytest

from signals import presence, telemetry
from signals.presence.memory import MemoryPresence
from signals.services import catalogue, clock, orders, radar, retention, sessions
from tests.signals.world import someone

pytestmark = pytest.mark.usefixtures("store")


async def quiet(*_: float) -> bool:
    return False


async def until(holds: object) -> None:
    async with asyncio.timeout(5):
        while not holds():  # type: ignore[operator]
            await asyncio.sleep(0.01)


async def test_started_twice_they_run_once_sweep_push_and_stop(
    store: MemoryPresence, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue, "refresh", quiet)
    monkeypatch.setattr(orders, "run", quiet)
    monkeypatch.setattr(retention, "forget", quiet)
    now = time.time()
    over = await someone(now=now - 3601)
    me = await someone(now=now)
    await radar.watch(me.id, me.sink, 50, False, now)
    before = len(asyncio.all_tasks())
    clock.start()
    clock.start()
    assert len(asyncio.all_tasks()) == before + 9
    await until(lambda: over.closed)
    new = await sessions.arrive("banter", (), True, (47.3769, 8.5417), time.time())
    await until(lambda: any(new.session_id in str(frame) for frame in me.frames))
    await clock.stop()
    assert len(asyncio.all_tasks()) == before


async def test_a_round_that_fails_is_captured_once_and_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    captured: list[str] = []
    rounds = 0

    async def job() -> None:
        nonlocal rounds
        rounds += 1
        if rounds == 1:
            raise RuntimeError

    monkeypatch.setattr(telemetry, "capture", lambda error, **tags: captured.append(tags["component"]))
    task = asyncio.create_task(clock._every(0, job, "job"))
    await until(lambda: rounds > 2)
    task.cancel()
    assert captured == ["job"]
    assert presence.current()


async def test_the_same_trouble_is_told_once_until_it_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    raises: list[type[Exception] | None] = [OSError, OSError, ValueError, ValueError, None, ValueError]

    async def job() -> None:
        if not raises:
            await asyncio.Event().wait()
        if kind := raises.pop(0):
            raise kind

    monkeypatch.setattr(telemetry, "capture", lambda error, **tags: told.append(type(error).__name__))
    task = asyncio.create_task(clock._every(0, job, "job"))
    await until(lambda: not raises)
    await asyncio.sleep(0)
    task.cancel()
    assert told == ["OSError", "ValueError", "ValueError"]


async def test_a_task_that_swallows_a_cancellation_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    swallowed = 0

    async def stubborn() -> None:
        nonlocal swallowed
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                swallowed += 1
                if swallowed == 2:
                    raise

    monkeypatch.setattr(clock, "ASK_AGAIN_S", 0.01)
    clock._tasks[:] = [asyncio.create_task(stubborn())]
    await asyncio.sleep(0)
    await clock.stop()
    assert swallowed == 2
    assert not clock._tasks
