"""Daphne takes in the whole body of a call before anybody sees it: here it ends where no call of ours does.

Under uvicorn a body waits in the network until somebody reads it, and whoever does has a limit.
"""

from __future__ import annotations

from typing import Any, Final

from daphne import server
from daphne.http_protocol import HTTPFactory, WebRequest

BODY_MAX_BYTES: Final = 21 * 1024 * 1024  # the largest that is wanted is an envelope of errors: 20 MiB
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


def bound() -> None:
    """Whatever Daphne serves in this process from now on is bounded; its server takes no factory of ours."""
    server.HTTPFactory = BoundedFactory  # type: ignore[attr-defined]
