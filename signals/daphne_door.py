"""Where Daphne is set right: a call's body ends, a frame is written at once, and who does not read is waited for.

Under uvicorn a body waits in the network until somebody reads it, and so does a frame until its client takes it.
Daphne takes in the whole body of a call before anybody sees it, writes in a later turn of the loop than it is told to,
and keeps whatever a client leaves unread.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

from daphne import server
from daphne.http_protocol import HTTPFactory, WebRequest
from daphne.ws_protocol import WebSocketFactory, WebSocketProtocol
from twisted.internet import reactor  # after Daphne, which puts it on asyncio's loop
from twisted.internet.defer import Deferred

BODY_MAX_BYTES: Final = 21 * 1024 * 1024  # the largest that is wanted is an envelope of errors: 20 MiB
UNSERVED_MAX: Final = 64  # frames that were read and wait for the application
LOOK_S: Final = 0.02
_REFUSAL: Final = b"HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class BoundedRequest(WebRequest):
    """A call whose body may not grow past its limit, announced or in chunks."""

    came_bytes = 0

    def gotLength(self, length: int | None) -> None:  # noqa: N802 - Twisted's name
        super().gotLength(length)
        if length is not None and length > BODY_MAX_BYTES:
            self._refuse()

    def handleContentChunk(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        self.came_bytes += len(data)
        if self.came_bytes <= BODY_MAX_BYTES:
            super().handleContentChunk(data)
        else:
            self._refuse()

    def _refuse(self) -> None:
        transport: Any = self.channel.transport
        transport.write(_REFUSAL)
        transport.loseConnection()  # which reads no more


class BoundedFactory(HTTPFactory):
    """Connections whose calls are bounded."""

    def buildProtocol(self, addr: Any) -> Any:  # noqa: N802 - Twisted's name
        protocol = super().buildProtocol(addr)
        protocol.requestFactory = BoundedRequest
        return protocol


class PromptSocket(WebSocketProtocol):
    """A socket that writes at once, and reads no further while its client or its application is behind.

    While the client is, `ready` waits. Nobody tells when the application has caught up, so that is looked at.
    """

    transport: Any
    _taken: asyncio.Event | None = None  # while the client leaves too much unread
    _behind = False  # whether the application is

    def connectionMade(self) -> None:  # noqa: N802 - Twisted's name
        super().connectionMade()
        self.transport.unregisterProducer()  # the call that became this socket, which nobody needs any more
        self.transport.registerProducer(self, True)

    def sendData(self, data: bytes, sync: bool = False, chopsize: int | None = None) -> None:  # noqa: N802 - Autobahn's name
        transport = self.transport
        stays = transport.connected and not transport.disconnecting  # whoever is leaving is the loop's alone
        if stays and not transport.dataBuffer:
            sent = transport.writeSomeData(data)
            data = data[sent:] if isinstance(sent, int) else data  # a connection that is lost is found out by the loop
        if data:
            super().sendData(data, sync, chopsize)
            if stays:
                transport.doWrite()  # it counts as waiting from here on

    def onMessage(self, payload: bytes, isBinary: bool) -> None:  # noqa: N802, N803 - Autobahn's names
        super().onMessage(payload, isBinary)
        if self.application_queue.qsize() > UNSERVED_MAX and not self._behind:
            self._behind = True
            self.transport.pauseProducing()
            self._look()

    def _look(self) -> None:
        if self.application_queue.qsize() > UNSERVED_MAX and self.transport.connected:
            asyncio.get_running_loop().call_later(LOOK_S, self._look)
        else:
            self._behind = False
            self._read_on()

    async def ready(self) -> None:
        """Until the client has read enough, or is gone."""
        if self._taken:
            await self._taken.wait()

    def pauseProducing(self) -> None:  # noqa: N802 - Twisted's name
        if self._taken is None:
            self._taken = asyncio.Event()
            self.transport.pauseProducing()

    def resumeProducing(self) -> None:  # noqa: N802 - Twisted's name
        self.stopProducing()
        self._read_on()

    def stopProducing(self) -> None:  # noqa: N802 - Twisted's name
        if self._taken:
            self._taken.set()
            self._taken = None

    def _read_on(self) -> None:
        if self._taken is None and not self._behind:
            self.transport.resumeProducing()


class PromptFactory(WebSocketFactory):
    """Makes such sockets."""

    protocol = PromptSocket


class Server(server.Server):
    """Daphne, whose applications wait for a client that does not read."""

    async def handle_reply(self, protocol: Any, message: dict[str, Any]) -> None:
        await super().handle_reply(protocol, message)
        if isinstance(protocol, PromptSocket):
            await protocol.ready()


def around(ready: Callable[[], None], stop: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Call `ready` when the server runs, and wait for `stop` before it ends."""
    looper: Any = reactor
    looper.callWhenRunning(ready)
    looper.addSystemEventTrigger("before", "shutdown", lambda: Deferred.fromFuture(asyncio.ensure_future(stop())))


server.HTTPFactory = BoundedFactory  # type: ignore[attr-defined]  # the server takes no factories of ours
server.WebSocketFactory = PromptFactory  # type: ignore[attr-defined]
