"""Checks say what fails in a sentence, in time, whatever hangs."""

import asyncio
import dataclasses
import threading
from collections.abc import Iterator
from datetime import timedelta
from time import perf_counter

import pytest
from health_check.base import HealthCheck

from monitoring.checks import READINESS, readiness

pytestmark = pytest.mark.django_db(transaction=True)
release = threading.Event()


@pytest.fixture
def let_go() -> Iterator[None]:
    release.clear()
    yield
    release.set()


@dataclasses.dataclass
class Hangs(HealthCheck):
    timeout = timedelta(milliseconds=700)

    def run(self) -> None:  # type: ignore[override]
        release.wait(30)


@dataclasses.dataclass
class Breaks(HealthCheck):
    async def run(self) -> None:
        raise RuntimeError("password=hunter2")


async def test_all_is_well_here() -> None:
    results = await readiness()
    assert {r.name: r.sentence for r in results} == dict.fromkeys(READINESS, "")


@pytest.mark.filterwarnings("ignore")
async def test_a_dependency_that_hangs_is_said_in_time_and_never_holds_the_loop(let_go: None) -> None:
    started, beats = perf_counter(), 0
    task = asyncio.create_task(readiness({**READINESS, "slow": Hangs()}))
    while not task.done():
        beats += 1
        await asyncio.wait([task], timeout=0.01)
    assert perf_counter() - started < 2
    assert beats > 50
    assert {r.name for r in task.result() if not r.ok} == {"slow"}


async def test_what_breaks_is_named_without_its_internals() -> None:
    (result,) = await readiness({"odd": Breaks()})
    assert not result.ok
    assert "hunter2" not in result.sentence


async def test_a_hundred_who_ask_at_once_share_one_run() -> None:
    answers = await asyncio.gather(*(readiness() for _ in range(100)))
    assert len({id(a) for a in answers}) == 1
