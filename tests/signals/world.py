"""People for tests: each with a socket that remembers what it was sent."""

from __future__ import annotations

import json
from typing import Any

from signals.services import notices, sessions

NOW = 1_800_000_000.0
HERE = (47.3769, 8.5417)
AT_900_M = (47.3850, 8.5417)  # past the warning, within range
AT_1200_M = (47.3880, 8.5417)  # out of range


class Someone:
    """A session with one socket."""

    def __init__(self, session_id: str, handle: str) -> None:
        self.id, self.handle = session_id, handle
        self.frames: list[dict[str, Any]] = []
        self.closed: list[int] = []

    def sink(self, frame: bytes) -> None:
        self.frames.append(json.loads(frame))

    def heard(self) -> list[tuple[str, dict[str, Any]]]:
        """What was sent since the last look."""
        frames, self.frames = self.frames, []
        return [(f["type"], f["payload"]) for f in frames]

    def types(self) -> list[str]:
        return [type_ for type_, _ in self.heard()]


async def someone(
    vibe: str = "banter",
    tags: tuple[str, ...] = (),
    point: tuple[float, float] | None = HERE,
    visible: bool = True,
    now: float = NOW,
) -> Someone:
    person = await sessions.arrive(vibe, tags, visible, point, now)
    who = Someone(person.session_id, person.handle)
    await sessions.open_socket(who.id, now)
    notices.subscribe(who.id, who.sink, who.closed.append)
    return who


async def hang_up(who: Someone, now: float) -> None:
    notices.unsubscribe(who.id, who.sink)
    await sessions.close_socket(who.id, now)
