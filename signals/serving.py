"""The two servers that we run under, set up alike: 1 MiB a frame, ping 10/15 s, no deflate, no token in a log."""

from __future__ import annotations

import asyncio
import gc
import socket
import sys
from collections.abc import Callable
from typing import Final

from signals.services import clock, notices

SERVERS: Final = ("uvicorn", "daphne")
PING_EVERY_S: Final = 10
PONG_WITHIN_S: Final = 15
FRAME_MAX_BYTES: Final = 1024 * 1024  # above the protocol's 16 KiB, so that we can refuse in words; beyond: 1009
STOP_WITHIN_S: Final = 5
TURN_S: Final = (
    0.0005  # how long a thread may keep the interpreter while the event loop wants it: ten times less than usual
)
APPLICATION: Final = "icebreaker.asgi:application"


def is_free(host: str, port: int) -> bool:
    """Whether we could listen there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def serve(server: str, host: str, port: int, ready: Callable[[], None]) -> None:
    """Serve until a signal says stop; `ready` is called when we listen."""
    sys.setswitchinterval(TURN_S)

    def listening() -> None:
        gc.collect()
        gc.freeze()  # what is here now stays: to look through it again for garbage would hold up every socket
        ready()

    {"uvicorn": _uvicorn, "daphne": _daphne}[server](host, port, listening)


def _uvicorn(host: str, port: int, ready: Callable[[], None]) -> None:
    import uvicorn

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if self.started:
                ready()

    config = uvicorn.Config(
        APPLICATION,
        host=host,
        port=port,
        loop="uvloop",
        http="httptools",
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        ws_max_size=FRAME_MAX_BYTES,
        ws_ping_interval=PING_EVERY_S,
        ws_ping_timeout=PONG_WITHIN_S,
        lifespan="on",
        log_config=None,
        log_level="warning",
        access_log=False,
        proxy_headers=False,  # TRUSTED_PROXIES says whom to believe
        server_header=False,
        backlog=4096,
        timeout_graceful_shutdown=STOP_WITHIN_S,
    )
    Server(config).run()


def _daphne(host: str, port: int, ready: Callable[[], None]) -> None:
    import uvloop

    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    from channels.routing import get_default_application
    from daphne.endpoints import build_endpoint_description_strings

    from signals import daphne_door

    notices.CLOSE_RESTART = 4503  # the nearest that Daphne can send: "reconnect", as any code that is not final
    daphne_door.around(ready, clock.stop)
    daphne_door.Server(
        get_default_application(),
        endpoints=build_endpoint_description_strings(host=host, port=port),
        ping_interval=PING_EVERY_S,
        ping_timeout=PONG_WITHIN_S,
        http_timeout=120,
        websocket_timeout=-1,  # a session ends by its own rules
        websocket_max_message_size=FRAME_MAX_BYTES,
        websocket_max_frame_size=FRAME_MAX_BYTES,
        verbosity=1,
    ).run()
