"""The seam for drills: a watcher may hold up frames and calls on purpose, for as long as staff said.

Without a drill it is one look at a name. What people need to get out of harm's way is never touched.
"""

from __future__ import annotations

from typing import Final, Protocol

SPARED_FRAMES: Final = frozenset({"panic:trigger", "chat:end"})
SPARED_CALLS: Final = ("/api/safety/", "/api/health")


class Fault(Protocol):
    """What a watcher implements; it says itself when it is over."""

    async def strike(self) -> None:
        """May take its time; must not raise."""
        ...


fault: Fault | None = None


def install(new: Fault | None) -> None:
    """Let `new` strike from now on; None goes back to nothing."""
    global fault  # noqa: PLW0603 - one process has one fault
    fault = new
