"""Around everything: what nobody below caught is reported once, answered in plain words, and told to no log."""

from __future__ import annotations

from typing import Final

import msgspec

from signals import telemetry
from signals.gate import App, Message, Receive, Scope, Send
from signals.middleware import error_body

_BODY: Final = msgspec.json.encode(error_body(500))
_HEADERS: Final = [
    (b"content-type", b"application/json"),
    (b"content-length", str(len(_BODY)).encode()),
    (b"cache-control", b"no-store"),
]


class BrokeOff(Exception):
    """The answer had begun; the server closes the connection. It says nothing of why, since that was reported."""


class Guard:
    """Servers log what reaches them with its words, which could be anybody's."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def noted(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self.app(scope, receive, noted)
        except Exception as error:
            telemetry.capture(error, component=scope["type"])
            broken = True
        else:
            broken = False
        if broken and begun:  # outside of `except`, so that nothing hangs on it
            raise BrokeOff
        if broken:
            await _answer(scope, send)


async def _answer(scope: Scope, send: Send) -> None:
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 500, "headers": _HEADERS})
        await send({"type": "http.response.body", "body": _BODY})
    else:
        await send({"type": "websocket.close"})
