"""Ranking: a scan with encoding in a venue of 1,000; the exact best 50 of larger crowds, index writes counted in."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial

from bench.table import Row, middle_and_p95, times_ms
from signals import presence
from signals.domain import engine
from signals.domain.chat import Party
from signals.domain.people import VIBES, Person, Session
from signals.domain.proximity import around, cell_of
from signals.presence.base import Found, Presence
from signals.presence.memory import MemoryPresence
from signals.services import radar

HERE = cell_of(47.3769, 8.5417)
NEAR = tuple(around(HERE, 1000))
TAGS = tuple(f"tag {n}" for n in range(20))
NOW = 1_800_000_000.0


async def crowd(n: int, cells: tuple[int, ...]) -> list[Session]:
    """`n` people, seeded, in a store of their own."""
    draw = random.Random(n)
    store = MemoryPresence()
    presence.use(store)
    people = []
    for i in range(n):
        tags = tuple(draw.sample(TAGS, draw.randrange(6)))
        person = Person(
            f"s{i:06d}", f"QuietOwl{i}", draw.choice(list(VIBES)), tags, True, draw.choice(cells), NOW, NOW + 3600
        )
        people.append(Session(person, Party(person.session_id, person.handle)))
        await store.add(people[-1])
    return people


def moving(people: list[Session]) -> Iterator[None]:
    """Each step moves one person to another cell, through the store."""
    draw = random.Random(7)
    store = presence.current()

    def moved(found: Found) -> tuple[Found, None]:
        (old,) = found
        assert old
        return (replace(old, person=replace(old.person, cell=draw.choice(NEAR))),), None

    while True:
        with suppress(StopIteration):  # in memory nothing suspends: one step runs it to its end, without a loop
            store.transact((draw.choice(people).session_id,), moved).send(None)
        yield


def best(i: int, people: list[Session], moves: Iterator[None], store: Presence) -> None:
    next(moves)
    view = store.view(HERE, 1000)
    engine.rank(view.crowd, store.profile(people[i]), store.weights, 50)


def rows() -> list[Row]:
    venue = asyncio.run(crowd(1000, NEAR[:7]))
    scans = times_ms(lambda n: radar.frame(radar.look(venue[n % 1000], 50, False), NOW), 2000)
    out = [Row("one scan with encoding, 1,000 people in one venue", middle_and_p95(scans), "well under 0.2 ms")]
    for n, wanted in ((10_000, "0.3 ms"), (100_000, "1 ms")):
        people = asyncio.run(crowd(n, NEAR))
        moves = moving(people)
        store = presence.current()

        took = times_ms(partial(best, people=people, moves=moves, store=store), 300)
        out.append(
            Row(f"exact best 50 of {n:,}, all in range, a move written before each", middle_and_p95(took), wanted)
        )
    presence.use(MemoryPresence())
    return out
