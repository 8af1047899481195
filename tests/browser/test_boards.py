"""The boards in a browser: figures as sent in, by hand and by keyboard, live, and when nothing comes any more."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from monitoring.boards.shelf import BOARDS
from tests.browser.town import AXE, NARROW, ROOT, WIDE, Server

Open = Callable[..., Page]
LOOK = """looks => { Object.defineProperty(document, "hidden", {value: !looks, configurable: true});
                     document.dispatchEvent(new Event("visibilitychange")); }"""


def put(server: Server, *what: str) -> str:
    command = [sys.executable, "-m", "tests.browser.measured", *what]
    done = subprocess.run(command, cwd=ROOT, env=server.env, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout


@pytest.fixture(scope="module")
def known(server: Server) -> dict[str, str]:
    found: dict[str, str] = json.loads(put(server))
    return found


@pytest.fixture
def opened(browser: Browser, server: Server, known: dict[str, str]) -> Iterator[Open]:
    """Opens boards for somebody on call; afterwards nothing may have gone wrong, nor been asked of anybody else."""
    contexts: list[BrowserContext] = []
    trouble: list[str] = []

    def visit(address: str, *, before: Callable[[BrowserContext], None] | None = None, **more: Any) -> Page:
        context = browser.new_context(viewport=more.pop("viewport", WIDE), **more)
        contexts.append(context)
        context.add_cookies([{"name": "sessionid", "value": known["cookie"], "url": server.url}])
        context.on("weberror", lambda error: trouble.append(str(error.error)))
        context.on("request", lambda r: None if r.url.startswith((server.url, "data:")) else trouble.append(r.url))
        if before:
            before(context)
        page = context.new_page()
        page.goto(f"{server.url}/admin/{address}")
        if more.get("java_script_enabled", True):
            page.wait_for_selector(".board[data-ready]")
        return page

    yield visit
    for context in contexts:
        context.close()
    assert not trouble


def cells(page: Page, panel: str, first: str) -> list[str]:
    """A row of a panel's table, by its first cell."""
    row = page.locator(f'[data-panel="{panel}"] tbody tr').filter(
        has=page.locator("th", has_text=re.compile(f"^{first}$"))
    )
    return [text.strip() for text in row.locator("td").all_text_contents()]


def ms(text: str) -> float:
    value, unit = text.split()
    return float(value) * (1000 if unit == "s" else 1)


def test_tables_and_csv_hold_what_was_sent_in(opened: Open, known: dict[str, str], server: Server) -> None:
    page = opened("performance/?range=1h")
    p95, p50, p99 = (ms(text) for text in cells(page, "messages", known["at"]))
    assert (p95, p99) == (pytest.approx(1500, rel=0.03), pytest.approx(1500, rel=0.03))
    assert p50 == pytest.approx(10, rel=0.03)
    row = page.locator('[data-panel="throughput"] tbody tr', has_text=known["at"])
    assert row.locator("td").first.text_content() == "120/min"
    taken = page.request.get(f"{server.url}/admin/boards/performance/messages.csv?range=1h")
    exact = next(r for r in csv.reader(io.StringIO(taken.text())) if known["at"] in r[0])
    assert [float(value) for value in exact[1:]] == [pytest.approx(v, rel=0.003) for v in (p95, p50, p99)]
    page.goto(f"{server.url}/admin/errors/?range=1h")
    assert cells(page, "rate", known["at"])[0] == "12/min"
    page.goto(f"{server.url}/admin/connections/?range=1h")
    assert cells(page, "people", known["at"]) == ["7", "–"]
    assert "24/min" in cells(page, "closed", known["at"])


def test_the_keyboard_reads_values_chooses_a_stretch_and_shows_it(opened: Open, known: dict[str, str]) -> None:
    page = opened("errors/?range=1h")
    plot = page.locator('[data-panel="rate"] .plot')
    for _ in range(120):
        page.keyboard.press("Tab")
        if plot.evaluate("plot => plot === document.activeElement"):
            break
    else:
        raise AssertionError("no number of tabs leads to the chart")
    reading = page.locator('[data-panel="rate"] .reading')
    page.keyboard.press("Home")
    steps = page.locator('[data-panel="rate"] tbody th').all_text_contents()
    for _ in range(steps.index(known["at"])):
        page.keyboard.press("ArrowRight")
    expect(reading).to_contain_text(f"{known['at']}, all 12/min")
    for _ in range(6):
        page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("from="))
    query = parse_qs(urlsplit(page.url).query)
    assert query["from"][0].endswith(known["at"])
    expect(page.get_by_role("heading", level=1, name="Errors")).to_be_visible()
    assert cells(page, "rate", known["at"])[0] == "12/min"


def test_a_drag_shows_that_time_and_a_name_in_the_legend_switches_its_line(opened: Open) -> None:
    page = opened("performance/?range=24h")
    switch = page.locator('[data-panel="messages"] .keys button', has_text="P99")
    switch.focus()
    page.keyboard.press("Space")
    expect(switch).to_have_attribute("aria-pressed", "false")
    box = page.locator('[data-panel="messages"] canvas').bounding_box()
    assert box
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.4, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.8, y, steps=4)
    page.mouse.up()
    page.wait_for_url(re.compile("from=.*to="))
    expect(page.locator("nav a[aria-current=true]")).to_have_count(0)
    page.get_by_role("link", name="7d").press("Enter")
    page.wait_for_url(re.compile("range=7d"))


def test_what_is_new_comes_without_a_reload(opened: Open, server: Server) -> None:
    page = opened("overview/?range=1h")
    expect(page.locator("#live")).to_have_text("Live.")
    page.evaluate("window.stayed = true")
    errors = page.locator(".tile", has_text="Errors")
    many = re.compile(r"\b[89](\.\d)?/min")  # what other tests broke here may be in it
    expect(errors.locator(".value")).not_to_contain_text(many)
    put(server, "trouble")
    expect(errors.locator(".value")).to_contain_text(many, timeout=40_000)
    expect(errors).to_contain_text("over 5 (warning)")
    assert page.evaluate("window.stayed")


def test_without_a_socket_the_page_asks_and_says_when_nothing_comes(opened: Open) -> None:
    def no_sockets(context: BrowserContext) -> None:
        context.route_web_socket(re.compile("/admin/live"), lambda socket: socket.close())

    page = opened("overview/", before=no_sockets)
    expect(page.locator("#live")).to_have_text("Refreshed every 15 seconds.")
    page.context.set_offline(True)
    page.evaluate(LOOK, False)
    page.evaluate(LOOK, True)  # whoever comes back is told at once
    expect(page.locator("#live")).to_contain_text("No new figures since")
    expect(page.locator('[data-panel="figures"] .tile').first).to_be_visible()
    page.context.set_offline(False)
    page.evaluate(LOOK, False)
    page.evaluate(LOOK, True)
    expect(page.locator("#live")).to_have_text("Refreshed every 15 seconds.")


def test_nobody_is_asked_while_nobody_looks(opened: Open) -> None:
    page = opened("overview/")
    expect(page.locator("#live")).to_have_text("Live.")
    close = """() => { const close = WebSocket.prototype.close;
                       WebSocket.prototype.close = function () { window.shut = true; close.call(this); }; }"""
    page.evaluate(close)
    with page.expect_event("websocket") as again:
        page.evaluate(LOOK, False)
        assert page.evaluate("window.shut")
        page.evaluate(LOOK, True)
    assert "/admin/live" in again.value.url


def test_without_scripts_every_chart_has_its_words_and_its_table(opened: Open, known: dict[str, str]) -> None:
    page = opened("performance/?range=1h", java_script_enabled=False)
    panel = page.locator('[data-panel="messages"]')
    expect(panel.locator(".summary")).to_contain_text("P95")
    expect(panel.locator(".plot")).to_be_hidden()
    panel.locator("summary").click()
    expect(panel.locator("tbody tr", has_text=known["at"])).to_be_visible()


@pytest.mark.usefixtures("axe")
@pytest.mark.parametrize(
    ("viewport", "scheme"), [(NARROW, "dark"), (WIDE, "light")], ids=["390px dark", "1280px light"]
)
def test_axe_finds_nothing_on_any_board_and_nothing_scrolls_sideways(
    opened: Open, server: Server, viewport: dict[str, int], scheme: str
) -> None:
    page = opened("overview/?range=1h", viewport=viewport, color_scheme=scheme)
    for name in BOARDS:
        page.goto(f"{server.url}/admin/{name}/?range=1h")
        page.wait_for_selector(".board[data-ready]")
        page.evaluate("document.querySelectorAll('.panel details')[0]?.setAttribute('open', '')")
        assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"], name
        page.evaluate(AXE.read_text("utf-8"))
        found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        words = [f"{v['id']}: {v['help']} {[n['html'][:120] for n in v['nodes']]}" for v in found["violations"]]
        assert not words, (name, words)
