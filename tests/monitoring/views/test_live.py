"""The live socket is for staff with the permission, from our own page, and only ever speaks."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth.models import Permission, User
from django.test import Client

from monitoring.boards.board import Board, Spec
from monitoring.boards.desk import Desk
from monitoring.boards.feed import Feed
from monitoring.boards.panel import Figure, Tiles
from monitoring.boards.seats import Seats
from monitoring.views import live
from signals import telemetry

pytestmark = pytest.mark.django_db(transaction=True)
HOST = b"127.0.0.1:8000"


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "EVERY", timedelta(milliseconds=50))
    monkeypatch.setattr(live, "seats", Seats(3))
    monkeypatch.setattr(live, "feed", Feed())


@pytest.fixture
def readings(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A board of one figure, which says what this list ends with."""
    values = ["first"]

    def read(desk: Desk) -> Tiles:
        if not values:
            raise KeyError("nothing to read")
        return Tiles([Figure("Now", values[-1])])

    board = Board("tiny", "Tiny", "monitoring.view_incident", (Spec("now", "Now", read),), at_once=frozenset({"now"}))
    monkeypatch.setitem(live.BOARDS, "tiny", board)
    monkeypatch.setattr("monitoring.boards.feed.EVERY", timedelta(0))
    monkeypatch.setattr("monitoring.boards.feed.CHARTS_AT_MOST_EVERY", timedelta(0))
    yield values


def login(name: str, *permissions: str) -> str:
    user = User.objects.create_user(name, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return str(client.cookies[settings.SESSION_COOKIE_NAME].value)


class Page:
    """What a browser does with a socket, without the wire."""

    def __init__(
        self, cookie: str = "", board: str = "tiny", range: str = "1h", origin: bytes | None = b"http://" + HOST
    ) -> None:
        headers = [(b"host", HOST), (b"cookie", f"a=b; {settings.SESSION_COOKIE_NAME}={cookie}".encode())]
        self.scope: dict[str, Any] = {
            "type": "websocket",
            "path": live.PATH,
            "query_string": f"board={board}&range={range}".encode(),
            "headers": [*headers, (b"origin", origin)] if origin is not None else headers,
        }
        self.said: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.heard: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.said.put_nowait({"type": "websocket.connect"})

    async def first(self) -> str:
        return str((await self.hear())["type"])

    async def hear(self) -> dict[str, Any]:
        async with asyncio.timeout(20):
            return await self.heard.get()

    async def panels(self) -> dict[str, str]:
        """The next that brings something new."""
        while True:
            message = await self.hear()
            assert message["type"] == "websocket.send", message
            if found := json.loads(message["text"])["panels"]:
                return found  # type: ignore[no-any-return]

    async def close_code(self) -> int:
        while (message := await self.hear())["type"] == "websocket.send":
            pass
        return int(message["code"])


@asynccontextmanager
async def opened(page: Page) -> AsyncIterator[Page]:
    task = asyncio.create_task(live.live(page.scope, page.said.get, page.heard.put))
    try:
        yield page
    finally:
        page.said.put_nowait({"type": "websocket.disconnect", "code": 1001})
        async with asyncio.timeout(20):
            await task


async def refused(page: Page) -> bool:
    async with opened(page):
        return await page.first() == "websocket.close"


async def test_staff_hear_everything_at_once_and_then_what_changed(readings: list[str]) -> None:
    cookie = await sync_to_async(login)("sam", "view_incident")
    async with opened(Page(cookie)) as page:
        assert await page.first() == "websocket.accept"
        assert "first" in (await page.panels())["now"]
        readings.append("second")
        assert "second" in (await page.panels())["now"]


@pytest.mark.usefixtures("readings")
@pytest.mark.parametrize(
    "more",
    [
        {"board": "nothing"},
        {"range": "2026"},
        {"range": ""},
        {"origin": None},
        {"origin": b"http://elsewhere.example"},
        {"origin": b"http://127.0.0.1:9999"},
        {"origin": b"null"},
    ],
    ids=["no such board", "free range", "no range", "no origin", "foreign origin", "another port", "opaque origin"],
)
async def test_what_is_not_from_our_page_or_makes_no_sense_is_refused(more: dict[str, Any]) -> None:
    cookie = await sync_to_async(login)("sam", "view_incident")
    assert await refused(Page(cookie, **more))


@pytest.mark.usefixtures("readings")
async def test_strangers_and_staff_without_the_permission_are_refused() -> None:
    for cookie in ("", "x" * 32, "\x00", await sync_to_async(login)("mo", "view_tag")):
        assert await refused(Page(cookie))
    assert live.seats.take(1)


@pytest.mark.usefixtures("readings")
async def test_whoever_says_anything_is_shut_out() -> None:
    cookie = await sync_to_async(login)("sam", "view_incident")
    async with opened(Page(cookie)) as page:
        assert await page.first() == "websocket.accept"
        page.said.put_nowait({"type": "websocket.receive", "text": "{}"})
        assert await page.close_code() == live.SILENT


@pytest.mark.usefixtures("readings")
async def test_who_loses_the_permission_hears_no_more() -> None:
    cookie = await sync_to_async(login)("sam", "view_incident")
    async with opened(Page(cookie)) as page:
        await page.first()
        await page.panels()
        await User.user_permissions.through.objects.all().adelete()
        assert await page.close_code() == live.FORBIDDEN


@pytest.mark.usefixtures("readings")
async def test_there_are_only_so_many_seats_and_they_come_back() -> None:
    cookie = await sync_to_async(login)("sam", "view_incident")
    pages = [Page(cookie) for _ in range(3)]
    async with opened(pages[0]), opened(pages[1]):
        async with opened(pages[2]):
            assert [await page.first() for page in pages] == ["websocket.accept"] * 3
            assert await refused(Page(cookie))
        assert not await refused(Page(cookie))


async def test_a_panel_that_fails_says_so_and_the_socket_lives(
    readings: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(telemetry, "capture", lambda error, **tags: told.append(tags["component"]))
    cookie = await sync_to_async(login)("sam", "view_incident")
    async with opened(Page(cookie)) as page:
        await page.first()
        assert "first" in (await page.panels())["now"]
        readings.clear()
        assert "can’t be read" in (await page.panels())["now"]
        readings.append("again")
        assert "again" in (await page.panels())["now"]
    assert set(told) == {"boards"}


@pytest.mark.usefixtures("readings")
async def test_a_page_that_went_while_we_looked_is_no_fault_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(telemetry, "capture", lambda error, **tags: told.append(tags["component"]))
    page = Page(await sync_to_async(login)("sam", "view_incident"))

    async def gone(message: dict[str, Any]) -> None:
        if message["type"] == "websocket.send":
            raise ConnectionResetError

    async with asyncio.timeout(20):
        await live.live(page.scope, page.said.get, gone)
    assert told == []
    assert all(live.seats.take(person) for person in range(3))


@pytest.mark.usefixtures("readings")
async def test_a_fault_of_ours_ends_the_socket_and_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(telemetry, "capture", lambda error, **tags: told.append(tags["component"]))
    monkeypatch.setattr(live.feed, "look", lambda *asked: 1 / 0)
    cookie = await sync_to_async(login)("sam", "view_incident")
    async with opened(Page(cookie)) as page:
        assert await page.first() == "websocket.accept"
        assert await page.close_code() == live.FAULT
    assert told == ["boards.live"]
