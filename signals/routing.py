"""Which path of a WebSocket leads where."""

from __future__ import annotations

from signals.consumers import Receive, Send, socket
from signals.handshake import Scope

PATH = "/ws"


async def sockets(scope: Scope, receive: Receive, send: Send) -> None:
    """The one door of sockets; any other path is refused at the handshake, without a traceback in a log."""
    if scope["path"] == PATH:
        await socket(scope, receive, send)
        return
    await receive()
    await send({"type": "websocket.close"})
