"""The gate in front of HTTP: no body below /api grows past its limit, not even on its way into the server's memory."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec

from signals.bodies import BODY_MAX_BYTES
from signals.middleware import error_body, is_api

Message = dict[str, Any]
Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_TOO_LARGE: Final = msgspec.json.encode(error_body(413))


class Gate:
    """Reads the body of an API call itself and hands it on in one piece, or answers 413."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not is_api(scope["path"]):
            await self.app(scope, receive, send)
            return
        body = await _read(receive) if _announced(scope) <= BODY_MAX_BYTES else None
        if body is None:
            await _refuse(send)
            return
        first: list[Message] = [body]

        async def again() -> Message:
            return first.pop() if first else await receive()

        await self.app(scope, again, send)


def _announced(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name.lower() == b"content-length" and value.isdigit():
            return int(value[:12])
    return 0


async def _read(receive: Receive) -> Message | None:
    """The whole body as one message, the news that the client left, or None when it is too large."""
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return message
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if size > BODY_MAX_BYTES:
            return None
        if not message.get("more_body", False):
            return {"type": "http.request", "body": b"".join(chunks), "more_body": False}


async def _refuse(send: Send) -> None:
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(_TOO_LARGE)).encode()),
        (b"cache-control", b"no-store"),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": _TOO_LARGE})
