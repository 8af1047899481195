"""A store and a world of their own for every test."""

from collections.abc import Iterator

import pytest

from signals import presence
from signals.presence.memory import MemoryPresence
from signals.services import catalogue, notices, radar


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[MemoryPresence]:
    """An empty memory store in use; afterwards nothing of the test is left in the process."""
    before, mine = presence.current(), MemoryPresence()
    presence.use(mine)
    monkeypatch.setattr(catalogue, "_tags", frozenset({"Tech curious", "Lo-fi head", "Builder brain"}))
    yield mine
    presence.use(before)
    notices._sinks.clear()
    for kept in (radar._watchers, radar._by_cell, radar._cell_of, radar._queue):
        kept.clear()
