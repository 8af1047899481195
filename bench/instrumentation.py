"""What measuring costs: one observation, and everything that is measured of one message, traces off."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from statistics import median
from time import perf_counter, process_time

from bench.table import Row
from bench.wire import Guest, cpu_s, frame, guests, middle, run, serving
from tests.flows.server import Server

OBSERVED, MESSAGES, ROUNDS = 200_000, 20_000, 7
PEOPLE, SECONDS, IN_FLIGHT = 1000, 4.0, 8
ASK = frame("radar:subscribe", limit=50)


def each_us(job: Callable[[], object], times: int) -> float:
    """Microseconds of processor a call, the median of several rounds."""
    found = []
    for _ in range(ROUNDS):
        started = process_time()
        for _ in range(times):
            job()
        found.append((process_time() - started) / times * 1e6)
    return median(found)


def one_message() -> None:
    """Everything that telemetry is told of a `radar:subscribe` that is answered."""
    from signals import telemetry

    with telemetry.transaction("websocket.message", "radar:subscribe"):
        with telemetry.span("signal.engine", "rank"), telemetry.timed(telemetry.SIGNAL_RANK):
            pass
        telemetry.observe(telemetry.RADAR_UPDATE, 0.2, "asked")
    telemetry.observe(telemetry.WS_MESSAGE, 0.3, "radar:subscribe")


def nothing() -> None:
    with_none = None
    del with_none


async def message_us(server: Server, people: list[Guest]) -> float:
    """Microseconds of the server's processor for one radar answer."""
    count, until, cpu = 0, perf_counter() + SECONDS, cpu_s(server)

    async def one(mine: list[Guest]) -> None:
        nonlocal count
        while perf_counter() < until:
            for guest in mine:
                await guest.ask(ASK, b'"radar:update"')
                count += 1

    await asyncio.gather(*(one(people[n::IN_FLIGHT]) for n in range(IN_FLIGHT)))
    return (cpu_s(server) - cpu) / count * 1e6


async def measured() -> list[float]:
    with serving("uvicorn", SENTRY_TRACES_SAMPLE_RATE="0") as server:
        people = await guests(server, PEOPLE)
        await message_us(server, people)  # warm
        return [await message_us(server, people) for _ in range(3)]


def rows() -> list[Row]:
    from monitoring.errors.reporting import SdkTracer
    from monitoring.metrics.recorder import recorder
    from signals import telemetry

    before, recorder.tracer = recorder.tracer, SdkTracer(0.0, per_s=1.0)
    observe = each_us(lambda: telemetry.observe(telemetry.WS_MESSAGE, 12.3, "radar:subscribe"), OBSERVED)
    told = each_us(one_message, MESSAGES) - each_us(nothing, MESSAGES)
    recorder.tracer = before
    whole = run(measured())
    return [
        Row("one metric observed", f"{observe:.2f} us", "2 us"),
        Row("all instrumentation of one message, traces off", f"{told:.2f} us", "-"),
        Row("the same, as part of the whole message", middle([told / us * 100 for us in whole], " %"), "3 %"),
    ]
