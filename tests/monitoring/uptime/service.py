"""A small service to be probed, on real sockets, that misbehaves when told to."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from http import HTTPStatus

from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response


@dataclass
class Service:
    """What it says next, and what was asked of it."""

    port: int = 0
    scheme: str = "http"
    status: int = 200
    text: str = '{"status":"ok"}'
    wait_s: float = 0.0
    first: object = field(default_factory=lambda: {"type": "connected", "payload": {}})
    onboarded: int = 0
    sockets: int = 0
    bodies: list[bytes] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"


async def _relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    with contextlib.suppress(OSError):
        writer.close()


@contextlib.asynccontextmanager
async def running(tls: ssl.SSLContext | None = None) -> AsyncIterator[Service]:
    """The service, until the block ends."""
    service = Service(scheme="https" if tls else "http")
    over = asyncio.Event()

    async def pause() -> None:
        """As long as it was told to take, or until nobody asks any more."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(service.wait_s):
                await over.wait()

    async def socket(connection: ServerConnection) -> None:
        service.sockets += 1
        await pause()
        first = service.first.pop(0) if isinstance(service.first, list) else service.first
        await connection.send(first if isinstance(first, str) else json.dumps(first))
        await connection.wait_closed()

    async def answer(_: ServerConnection, request: Request) -> Response | None:
        if request.path == "/ws":
            return None
        await pause()
        body = service.text.encode()
        headers = Headers({"Content-Length": str(len(body)), "Connection": "close"})
        return Response(service.status, HTTPStatus(service.status).phrase, headers, body)

    async def front(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if head.startswith(b"POST"):
            lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
            service.bodies.append(await reader.readexactly(int(lengths[0].split(b":")[1])))
            service.onboarded += 1
            body = json.dumps({"token": f"token-{service.onboarded}"}).encode()
            writer.write(b"HTTP/1.1 201 Created\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            await writer.drain()
            writer.close()
            return
        behind, onward = await asyncio.open_connection(*inner.sockets[0].getsockname()[:2])
        onward.write(head)
        await asyncio.gather(_relay(reader, onward), _relay(behind, writer))

    async with serve(
        socket, "127.0.0.1", 0, process_request=answer, select_subprotocol=lambda _, offered: offered[0]
    ) as inner:
        server = await asyncio.start_server(front, "127.0.0.1", 0, ssl=tls)
        service.port = server.sockets[0].getsockname()[1]
        try:
            yield service
        finally:
            over.set()
            server.close()
