"""Pushes: 1,000 people in one venue watch their radars, each moving every 30 s. In one process, without sockets."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass, field, replace
from statistics import quantiles

from bench.rank import HERE, crowd
from bench.table import Row
from signals import presence
from signals.domain.proximity import around, touching
from signals.presence.base import Found
from signals.presence.memory import MemoryPresence
from signals.services import radar

PEOPLE, MOVE_EVERY_S, RUN_S, CHECKED = 1000, 30.0, 20.0, 60
VENUE = (HERE, *(c for c in around(HERE, 1000) if touching(HERE, c)))


@dataclass
class Run:
    """What happened when: moves as (time, person, cell), pushes as (time, person)."""

    moves: list[tuple[float, str, int]] = field(default_factory=list)
    pushes: list[tuple[float, str]] = field(default_factory=list)
    cpu_share: float = 0.0


async def live() -> Run:
    """The crowd moves and is pushed to for a while, in real time."""
    run, draw = Run(), random.Random(3)
    people = [session.session_id for session in await crowd(PEOPLE, VENUE)]
    for who in people:
        await radar.watch(who, lambda _, who=who: run.pushes.append((time.time(), who)), 50, False, time.time())
    pusher = asyncio.create_task(radar.run())
    started, cpu = time.time(), time.process_time()
    while (passed := time.time() - started) < RUN_S:
        while len(run.moves) < passed * PEOPLE / MOVE_EVERY_S:
            run.moves.append((time.time(), draw.choice(people), draw.choice(VENUE)))
            await move(*run.moves[-1][1:])
        await asyncio.sleep(0.005)
    run.cpu_share = (time.process_time() - cpu) / (time.time() - started)
    pusher.cancel()
    await asyncio.gather(pusher, return_exceptions=True)
    for who in people:
        for sink in tuple(radar._watchers[who]):
            radar.unwatch(who, sink)
    return run


async def move(who: str, cell: int) -> None:
    def moved(found: Found) -> tuple[Found, None]:
        (old,) = found
        assert old
        return (replace(old, person=replace(old.person, cell=cell)),), None

    await presence.current().transact((who,), moved)


async def delays_s(run: Run) -> list[float]:
    """The same moves again: from the first change not yet shown to somebody to the push that shows it."""
    people = await crowd(PEOPLE, VENUE)
    checked = random.Random(5).sample([session.session_id for session in people], CHECKED)
    sight = {who: await seen(who) for who in checked}
    shown, since, took = dict(sight), dict[str, float](), list[float]()
    events = sorted([(at, who, cell) for at, who, cell in run.moves] + [(at, who, 0) for at, who in run.pushes])
    for at, who, cell in events:
        if cell:
            await move(who, cell)
            for watching in checked:
                sight[watching] = await seen(watching)
                if sight[watching] == shown[watching]:
                    since.pop(watching, None)
                else:
                    since.setdefault(watching, at)
        elif who in sight:
            shown[who] = sight[who]
            if who in since:
                took.append(at - since.pop(who))
    return took + [events[-1][0] - at for at in since.values()]


async def seen(who: str) -> bytes:
    session = await presence.current().get(who)
    assert session
    return radar.look(session, 50, False).people


def rows() -> list[Row]:
    run = asyncio.run(live())
    took = asyncio.run(delays_s(run))
    presence.use(MemoryPresence())
    what = f"a change is on every radar that shows it, {PEOPLE} people, no sockets"
    cuts = quantiles(took, n=100)
    ours = f"p50 {cuts[49]:.2f} s, p99 {cuts[98]:.2f} s"
    load = f"{run.cpu_share:.0%} of a core, {len(run.pushes) / RUN_S:.0f} pushes/s"
    return [Row(what, ours, "p99 1 s"), Row("the same: load", load, "at most 60 % of one core, with sockets")]
