"""One server and one Chromium for all browser tests; every person is thrown away after the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.town import AXE, CHROMIUM, NARROW, WIDE, Server, Somebody, somewhere

LONGEST_FIRST = ("faults", "staff", "radar", "access", "drill_clicks")  # a worker has a file


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    first = [f"tests/browser/test_{name}" for name in LONGEST_FIRST]
    items.sort(key=lambda item: next((n for n, name in enumerate(first) if name in str(item.path)), len(first)))
    for item in items:
        if "tests/browser/" in str(item.path):
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.timeout(240))
            item.add_marker(pytest.mark.xdist_group(item.path.stem))
            if not CHROMIUM.exists():
                item.add_marker(pytest.mark.skip(reason="Chromium is not installed: see bin/browser-tools"))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        quiet = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
        chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), args=quiet)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    running = Server().start()
    yield running
    running.stop()


@pytest.fixture
def own_server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server of the test's own, to stop and start, with settings from its parameter."""
    running = Server(**getattr(request, "param", {})).start()
    yield running
    running.stop()


@pytest.fixture
def cafe() -> dict[str, float]:
    return somewhere()


@pytest.fixture
def somebody(browser: Browser, server: Server, cafe: dict[str, float]) -> Iterator[Callable[..., Somebody]]:
    """Makes people; afterwards nobody may have talked to a foreign origin, met an error or been given a cookie."""
    people: list[Somebody] = []

    def make(**more: Any) -> Somebody:
        people.append(Somebody(browser, more.pop("url", server.url), **{"at": cafe, **more}))
        return people[-1]

    yield make
    for person in people:
        cookies, foreign = person.context.cookies(), [u for u in person.requests if not u.startswith(person.url)]
        person.vanish()
        person.context.close()
        assert not person.trouble
        assert not cookies
        assert not [u for u in foreign if not u.startswith("about:")]


@pytest.fixture(params=[NARROW, WIDE], ids=["390px", "1280px"])
def viewport(request: pytest.FixtureRequest) -> dict[str, int]:
    size: dict[str, int] = request.param
    return size


@pytest.fixture
def axe() -> None:
    if not AXE.exists():
        pytest.skip("axe-core is not installed: see bin/page-tools")
