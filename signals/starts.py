"""How long the server took to start a chat: its time for the asking and its time for the answer, added up.

The two may be served by two processes: the first leaves its figure where the second finds it.
"""

from __future__ import annotations

from django.conf import settings

from signals import presence, telemetry


async def asked(asker: str, target: str, took_ms: float, now: float) -> None:
    """A request took `took_ms` to serve; where the two asked each other, that was the answer."""
    before_ms = await _taken(target, asker, now)
    if before_ms is None:
        until = now + settings.REQUEST_EXPIRES_S
        await presence.current().leave_note(f"{asker} {target}", took_ms, until)
    else:
        telemetry.observe(telemetry.CHAT_START, before_ms + took_ms)


async def accepted(asker: str, target: str, took_ms: float, now: float) -> None:
    """The answer to a request took `took_ms` to serve."""
    telemetry.observe(telemetry.CHAT_START, (await _taken(asker, target, now) or 0.0) + took_ms)


async def _taken(asker: str, target: str, now: float) -> float | None:
    return await presence.current().take_note(f"{asker} {target}", now)
