"""The answer to "does it live?", in front of Django: no thread, no database and no middleware can hold it up.

Django answers through threads of its own, and each of those waits for the interpreter with everybody else. Whoever
reaches us under another name than ours is answered as well: load balancers ask by address.
"""

from __future__ import annotations

from collections.abc import Mapping
from time import perf_counter
from typing import Final

import msgspec

from monitoring.drills import effects
from monitoring.drills.live import drilling
from monitoring.ingest_app import App, Receive, Scope, Send
from signals import presence, telemetry

PATH: Final = "/api/health"
_HEADERS: Final = (
    (b"content-type", b"application/json"),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)


class Liveness:
    """The event loop answers, and the process that answers is the one that accepts sockets."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] != PATH or scope["method"] not in ("GET", "HEAD"):
            await self.app(scope, receive, send)
            return
        started = perf_counter()
        status, said = answer()
        body = msgspec.json.encode(said)
        headers = [*_HEADERS, (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
        telemetry.observe(telemetry.HTTP_REQUEST, (perf_counter() - started) * 1000, PATH[1:])


def answer() -> tuple[int, Mapping[str, object]]:
    """The status and what is said with it."""
    if drill := drilling.health_fails():
        return 503, {"status": effects.ANSWER, "websocket": "connected", "message": drill}
    sessions = presence.current().known().sessions
    return 200, {"status": "ok", "websocket": "connected", "sessions": sessions}
