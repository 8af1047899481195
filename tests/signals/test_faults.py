"""What a drill may hold up, and what it never touches."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import AsyncClient

from signals import faults
from signals.presence.memory import MemoryPresence
from tests.signals.test_consumers import Wire


class Counting:
    """A fault that only counts."""

    def __init__(self) -> None:
        self.struck = 0

    async def strike(self) -> None:
        self.struck += 1


@pytest.fixture
def fault(store: MemoryPresence) -> Iterator[Counting]:
    mine = Counting()
    faults.install(mine)
    yield mine
    faults.install(None)


@pytest.mark.parametrize(
    ("frame", "answer", "struck"),
    [
        ("radar:subscribe", "radar:update", 1),
        ("chat:message", "error", 1),
        ("chat:end", "error", 0),
        ("panic:trigger", "panic:triggered", 0),
        ("no:such", "error", 0),
    ],
)
async def test_frames_are_held_up_but_never_panic_or_leaving(
    fault: Counting, frame: str, answer: str, struck: int
) -> None:
    wire, _ = await Wire.of_somebody()
    said: dict[str, Any] = {"text": "Hello"} if frame == "chat:message" else {}
    wire.say(frame, **said)
    assert (await wire.hear())[0] == answer
    assert fault.struck == struck
    await wire.leave()


@pytest.mark.parametrize(
    ("path", "struck"),
    [
        ("/", 1),
        ("/api/onboarding", 1),
        ("/api/profile/visibility", 1),
        ("/api/health", 0),
        ("/api/health/ready", 0),
        ("/api/safety/block", 0),
        ("/api/safety/report", 0),
        ("/admin/login/", 0),
        ("/status.svg", 0),
        ("/api/7/envelope/", 0),
    ],
)
@pytest.mark.django_db(transaction=True)
async def test_calls_are_held_up_but_never_what_ends_a_drill_or_harm(fault: Counting, path: str, struck: int) -> None:
    await AsyncClient().get(path)
    assert fault.struck == struck
