"""`manage.py` with mistakes of ours built in, each where people's own words pass through. For tests alone."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Any


class Mistake(RuntimeError):
    """What a mistake of ours raises."""


def break_some() -> None:
    from monitoring.views import status
    from signals import pages
    from signals.services import chats

    async def say(session_id: str, text: str, now: float) -> None:
        raise Mistake(f"can't say {text}")

    async def end(session_id: str, now: float) -> None:
        async def forgotten() -> None:
            raise Mistake("nobody waits for this")

        asyncio.get_running_loop().create_task(forgotten())

    def page(request: Any) -> Any:
        secret = request.GET.get("token", "")
        raise Mistake(f"no page for {secret}")

    chats.message, chats.end = say, end  # type: ignore[assignment]
    status.robots = pages.conduct = page  # type: ignore[assignment]


def break_outside() -> None:
    """Where neither Django nor the consumer catches anything."""
    from signals import gate

    whole = gate.Gate.__call__

    async def call(self: Any, scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/api/outside":
            raise Mistake("outside of everything")
        await whole(self, scope, receive, send)

    gate.Gate.__call__ = call  # type: ignore[method-assign]


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "icebreaker.settings")
    import django
    from django.core.management import execute_from_command_line

    django.setup()
    break_some()
    break_outside()
    execute_from_command_line(["manage.py", *sys.argv[1:]])
