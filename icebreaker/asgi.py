"""The ASGI application: HTTP goes through the gate to Django, WebSockets to their consumer."""

from __future__ import annotations

import os
from collections.abc import Awaitable
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "icebreaker.settings")

from django.core.asgi import get_asgi_application

django: Any = get_asgi_application()

from channels.routing import ProtocolTypeRouter

from icebreaker.guard import Guard
from monitoring import deadman
from monitoring.drills.live import drilling
from monitoring.errors import ingest, reporting
from monitoring.ingest_app import ErrorDoor
from monitoring.liveness import Liveness
from monitoring.metrics import flusher
from monitoring.views import live, warm
from signals.gate import App, Gate, Receive, Scope, Send
from signals.routing import sockets
from signals.services import clock


def begin() -> None:
    """Start what runs beside the requests; a second call does nothing."""
    reporting.start("web")
    clock.start()
    flusher.start("web")
    drilling.start()
    deadman.start()
    warm.start()


def ticking(app: App) -> App:
    """`app` with all that begun: not every server says that it has started."""

    def started(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        begin()
        return guarded(scope, receive, send)  # handed on rather than awaited: a frame less for each open socket

    guarded = Guard(app)
    return started


def doors(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
    """Staff who watch a board, and everybody else: neither waits for the other."""
    return (live.live if scope["path"] == live.PATH else sockets)(scope, receive, send)


async def lifespan(scope: Scope, receive: Receive, send: Send) -> None:
    """Start and stop with the server, where it says so."""
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            begin()
            await send({"type": "lifespan.startup.complete"})
        else:
            await deadman.stop()
            await clock.stop()
            await ingest.current().flush()
            await send({"type": "lifespan.shutdown.complete"})
            return


application = ProtocolTypeRouter(
    {"http": ticking(Liveness(ErrorDoor(Gate(django)))), "websocket": ticking(doors), "lifespan": lifespan}
)
