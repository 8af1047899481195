"""Checks say what fails in a sentence, in time, whatever hangs."""

import asyncio
import dataclasses
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from datetime import timedelta

import pytest
from health_check.base import HealthCheck
from health_check.exceptions import ServiceUnavailable

from monitoring.checks import READINESS, _Threads, readiness

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
    beats = 0
    task = asyncio.create_task(readiness({**READINESS, "slow": Hangs()}))
    while not task.done():
        beats += 1
        await asyncio.wait([task], timeout=0.01)
    assert beats > 10
    assert "slow" in {r.name for r in task.result() if not r.ok}
    assert not release.is_set(), "it still hangs"


@pytest.mark.parametrize("name", READINESS)
def test_every_check_has_to_answer_within_two_seconds(name: str) -> None:
    assert READINESS[name].timeout.total_seconds() + 1 < 2, "the library adds a second"


async def test_what_breaks_is_named_without_its_internals() -> None:
    (result,) = await readiness({"odd": Breaks()})
    assert not result.ok
    assert "hunter2" not in result.sentence


async def test_a_hundred_who_ask_at_once_share_one_run() -> None:
    answers = await asyncio.gather(*(readiness() for _ in range(100)))
    assert len({id(a) for a in answers}) == 1


def test_checks_that_hang_for_ever_use_up_no_more_than_their_threads(let_go: None) -> None:
    threads = _Threads(1)
    hanging = threads.submit(release.wait, 30)
    with pytest.raises(ServiceUnavailable, match="still wait"):
        threads.submit(int)
    release.set()
    assert hanging.result(10) is True
    broken = _soon(threads, lambda: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        broken.result(10)


def _soon(threads: _Threads, job: Callable[[], int]) -> Future[int]:
    """As soon as the thread before it has let go, a moment after its result was there."""
    while True:
        with suppress(ServiceUnavailable):
            return threads.submit(job)
