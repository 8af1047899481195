"""The limit of one address holds for all processes together, and for each alone while Redis is away."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from signals import presence
from signals.presence.memory import MemoryPresence
from signals.presence.redis import RedisPresence
from signals.services import allowance
from tests import redis_here
from tests.flows.server import free_port

ADDRESS = "203.0.113.7"


@pytest.fixture
def three_a_minute(settings: object) -> Iterator[None]:
    settings.ONBOARDING_PER_MINUTE = 3  # type: ignore[attr-defined]
    before = presence.current()
    allowance._own.cache_clear()
    yield
    allowance._own.cache_clear()
    presence.use(before)


async def asked(times: int) -> list[bool]:
    """Which of so many may, all of them in the same second."""
    return [not await allowance.onboarding(ADDRESS, 0.0) for _ in range(times)]


@pytest.mark.redis
async def test_what_another_process_let_in_counts_here_and_no_address_stands_in_redis(three_a_minute: None) -> None:
    async with redis_here.alone() as store:
        presence.use(store)
        assert await asked(2) == [True, True]
        allowance._own.cache_clear()  # as another process, which has counted nothing yet
        assert await asked(3) == [True, False, False]
        found = " ".join(redis_here.keys(store.prefix[4:-1]))
        assert ":room:" in found
        assert ADDRESS not in found


async def test_without_redis_each_process_counts_for_itself(three_a_minute: None) -> None:
    presence.use(RedisPresence(f"redis://127.0.0.1:{free_port()}/0", "nowhere"))
    assert await asked(5) == [True, True, True, False, False]


async def test_in_memory_one_count_is_all_there_is(three_a_minute: None) -> None:
    presence.use(MemoryPresence())
    assert await asked(5) == [True, True, True, False, False]
