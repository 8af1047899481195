"""The tasks that a process runs beside its sockets: sweeping, pushing radars, reading what staff tuned."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from asgiref.sync import sync_to_async
from django.db import close_old_connections

from signals import presence, telemetry
from signals.errors import Unavailable
from signals.services import catalogue, orders, radar, retention, safety, sessions

SWEEP_EVERY_S = 0.25
BURY_EVERY_S = 1.0
REFRESH_EVERY_S = 5.0
FORGET_EVERY_S = 3600.0
LOOK_ANYWAY_EVERY_S = 30.0
ASK_AGAIN_S = 1.0

_tasks: list[asyncio.Task[None]] = []


def start() -> None:
    """Run the tasks on this loop; a second call does nothing."""
    loop = asyncio.get_running_loop()
    if _tasks and _tasks[0].get_loop() is loop and not _tasks[0].done():
        return
    _tasks[:] = [
        asyncio.create_task(_every(SWEEP_EVERY_S, lambda: sessions.sweep(time.time()), "sweep")),
        asyncio.create_task(presence.current().run()),
        asyncio.create_task(_every(BURY_EVERY_S, lambda: sessions.bury(time.time()), "bury")),
        asyncio.create_task(_every(LOOK_ANYWAY_EVERY_S, _looked, "radar")),
        asyncio.create_task(_every(REFRESH_EVERY_S, sessions.level, "levels")),
        asyncio.create_task(_every(REFRESH_EVERY_S, _tuned, "catalogue")),
        asyncio.create_task(_every(REFRESH_EVERY_S, _ordered, "orders")),
        asyncio.create_task(_every(FORGET_EVERY_S, _forgotten, "retention")),
        asyncio.create_task(radar.run()),
    ]


async def stop() -> None:
    """Stop the tasks, and give the mails under way a last try."""
    left = set(_tasks)
    while left:  # a client of the network may swallow a cancellation that comes at a bad moment: ask again
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=ASK_AGAIN_S)
    _tasks.clear()
    await safety.finish()


async def _tuned() -> None:
    await _connected()
    if await catalogue.refresh():
        radar.look_anew()


async def _looked() -> None:
    """Whatever news went missing, no radar is wrong for longer than this; and what is watched stays at hand."""
    radar.look_anew()


async def _ordered() -> None:
    await _connected()
    await orders.run(time.time())


async def _forgotten() -> None:
    await _connected()
    await retention.forget(time.time())


async def _connected() -> None:
    """No request ever ends here, so nobody else would give up a connection that the database has closed."""
    await sync_to_async(close_old_connections)()


async def _every(seconds: float, job: Callable[[], Awaitable[None]], name: str) -> None:
    told: type[Exception] | None = None  # the same trouble is told once, until it is over
    while True:
        try:
            await job()
            told = None
        except Unavailable:
            pass  # the store says so itself, once
        except Exception as error:
            if type(error) is not told:
                telemetry.capture(error, component=name)
            told = type(error)
        await asyncio.sleep(seconds)
