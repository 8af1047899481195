"""Boards that go on by themselves: a socket for staff that only speaks, and shares nothing with people's sockets."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from http.cookies import CookieError, SimpleCookie
from importlib import import_module
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from django.conf import settings
from django.contrib.auth import get_user
from django.http import HttpRequest
from django.http.request import split_domain_port, validate_host
from django.utils import timezone

from monitoring.boards.board import Board
from monitoring.boards.feed import EVERY, Feed
from monitoring.boards.ranges import USUAL
from monitoring.boards.seats import Seats
from monitoring.boards.shelf import BOARDS, may_see
from monitoring.watch import in_thread
from signals import telemetry

PATH: Final = "/admin/live"
FORBIDDEN, SILENT, FAULT = 4403, 4400, 4500
Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
seats: Final = Seats(settings.BOARD_SOCKETS_MAX)
feed: Final = Feed()


async def live(scope: Scope, receive: Receive, send: Send) -> None:
    """One watcher of one board. Refused at the handshake, a page goes on by asking."""
    await receive()
    asked = _asked(scope)
    person = None
    if asked and _from_our_page(scope) and not seats.is_rushed(time.monotonic()):
        person = await in_thread(lambda: watcher(scope, asked[0]))
    if not asked or person is None or not seats.take(person):
        await send({"type": "websocket.close"})
        return
    try:
        await send({"type": "websocket.accept"})
        code = await _served(scope, asked, receive, send)
        with suppress(OSError, RuntimeError):  # it is gone already
            if code:
                await send({"type": "websocket.close", "code": code})
    finally:
        seats.leave(person)


def watcher(scope: Scope, board: Board) -> int | None:
    """The number of whoever is logged in and may see the board; None for everybody else."""
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(_session_key(scope))
    user = get_user(request)
    return user.pk if may_see(user, board) else None


async def _served(scope: Scope, asked: tuple[Board, str], receive: Receive, send: Send) -> int:
    """Tell what changed until somebody stops; gives the close code, 0 when the page has gone."""
    said: dict[str, str] = {}
    heard = asyncio.ensure_future(receive())
    try:
        while True:
            if await in_thread(lambda: watcher(scope, asked[0])) is None:
                return FORBIDDEN
            now = timezone.now()
            panels = await in_thread(lambda: feed.look(*asked, now))  # noqa: B023 - it is over before the next
            news = {key: text for key, text in panels.items() if said.get(key) != text}
            said = panels
            try:
                await send({"type": "websocket.send", "text": json.dumps({"at": now.isoformat(), "panels": news})})
            except OSError:  # the page went while we looked: that is how servers say so
                return 0
            done, _ = await asyncio.wait([heard], timeout=EVERY.total_seconds())
            if done:
                return SILENT if heard.result()["type"] == "websocket.receive" else 0
    except Exception as error:
        telemetry.capture(error, component="boards.live")
        return FAULT
    finally:
        heard.cancel()


def _asked(scope: Scope) -> tuple[Board, str] | None:
    """The board and the range; only one that goes on can be watched."""
    try:
        query = parse_qs((scope.get("query_string") or b"").decode("ascii"), max_num_fields=4)
    except ValueError:
        return None
    board, name = BOARDS.get(query.get("board", [""])[0]), query.get("range", [""])[0]
    return (board, name) if board and name in USUAL else None


def _from_our_page(scope: Scope) -> bool:
    """Whether a page of this very host opens it: a cookie alone would let in any page that somebody visits."""
    origins, hosts = _header(scope, b"origin"), _header(scope, b"host")
    if len(origins) != 1 or len(hosts) != 1:
        return False
    origin, public = urlsplit(origins[0].lower()), urlsplit(settings.PUBLIC_URL.lower())
    if (origin.scheme, origin.netloc) == (public.scheme, public.netloc):
        return True
    domain, _ = split_domain_port(hosts[0].lower())
    same = origin.scheme in ("http", "https") and origin.netloc == hosts[0].lower()
    return same and validate_host(domain, settings.ALLOWED_HOSTS)


def _session_key(scope: Scope) -> str | None:
    jar = SimpleCookie()
    with suppress(CookieError):
        jar.load("; ".join(_header(scope, b"cookie")))
    found = jar.get(settings.SESSION_COOKIE_NAME)
    return found.value if found else None


def _header(scope: Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in scope["headers"] if key.lower() == name]
