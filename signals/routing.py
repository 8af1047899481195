"""Which path of a WebSocket leads where."""

from __future__ import annotations

from collections.abc import Awaitable

from signals.consumers import Receive, Send, socket
from signals.handshake import Scope

PATH = "/ws"


def sockets(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
    """The one door of sockets; any other path is refused at the handshake, without a traceback in a log."""
    return (socket if scope["path"] == PATH else _refuse)(scope, receive, send)


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "websocket.close"})
