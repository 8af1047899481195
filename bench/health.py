"""The health answer while the server has all the work that it can do: 1,000 radars, 8 in flight, and envelopes."""

from __future__ import annotations

import asyncio
import json
import secrets
from itertools import cycle
from time import perf_counter

import httpx

from bench.envelopes import Sender, address, event, packed, rest_of
from bench.table import Row
from bench.wire import frame, guests, middle, percentile, run, serving

PEOPLE, IN_FLIGHT, SENDERS, SECONDS, EVERY_S, RUNS = 1000, 8, 4, 5.0, 0.02, 3
ASK = frame("radar:subscribe", limit=50)


async def measure(kind: str) -> Row:
    with serving(kind, SPOOL_MAX_BYTES=str(8 * 1024**3)) as server:
        people = cycle(await guests(server, PEOPLE))
        path, key = address(server)
        rest = rest_of(json.dumps(event()).encode())
        until = perf_counter() + SECONDS * RUNS

        async def look() -> None:
            while perf_counter() < until:
                await next(people).ask(ASK, b'"radar:update"')

        async def break_() -> None:
            async with Sender(server, path, key) as post:
                while perf_counter() < until:
                    await post(packed(secrets.token_hex(16), rest))

        async def probe() -> list[float]:
            took = []
            async with httpx.AsyncClient(base_url=server.url, trust_env=False, timeout=30) as http:
                while perf_counter() < until:
                    started = perf_counter()
                    answer = await http.get("/api/health")
                    took.append((perf_counter() - started) * 1000)
                    assert answer.status_code == 200
                    await asyncio.sleep(EVERY_S)
            return took

        load = [look() for _ in range(IN_FLIGHT)] + [break_() for _ in range(SENDERS)]
        probing = asyncio.create_task(probe())
        await asyncio.gather(probing, *load)
    took = probing.result()
    part = max(1, len(took) // RUNS)
    runs = [percentile(took[n * part : (n + 1) * part], 0.99) for n in range(RUNS)]
    return Row(f"health answer under full load, {kind}: p99", middle(runs, " ms", 1), "100 ms")


def rows() -> list[Row]:
    return [run(measure(kind)) for kind in ("uvicorn", "daphne")]
