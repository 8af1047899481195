"""A drill by clicks alone, as somebody on call meets it: everything real, on one machine, with no mail server set.

`manage.py run` says the password; the mails are read on their page in the admin. It is started in the admin, noticed by
a rule, mailed, acknowledged by the link in the mail, worked through by its runbook, stopped, and written up.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, FrameLocator, Page, expect

from tests.browser.town import NARROW, ROOT, WIDE, Server, until

NOTICED_S = 150  # a busy machine is slow; the figure itself is measured by the bench
PICTURES = ROOT / "var/drill"
CELLS = "rows => rows.map((row) => [row.cells[0].innerText, row.cells[1].innerText])"


@pytest.fixture(scope="module")
def place() -> Iterator[tuple[Server, str]]:
    """What `make run` starts, and the password that it says."""
    server = Server()
    with server.log.open("ab") as log:
        command = [sys.executable, "manage.py", "run", "--port", str(server.port)]
        running = subprocess.Popen(command, cwd=ROOT, env=server.env, stdout=log, stderr=log)
    until(lambda: b"Ctrl-C stops it" in server.log.read_bytes(), "it did not start")
    password = re.search(r"password  (\S+)", server.log.read_text("utf-8"))
    assert password
    yield server, password[1]
    running.terminate()
    assert running.wait(60) == 0
    assert "Traceback" not in server.log.read_text("utf-8")


@pytest.fixture
def page(browser: Browser, place: tuple[Server, str]) -> Iterator[Page]:
    """Signed in as staff, with a phone."""
    server, password = place
    context = browser.new_context(viewport=NARROW, base_url=server.url)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto("/admin/login/?next=/admin/monitoring/recipient/add/")
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()
    yield page
    context.close()


def read(page: Page, words: str, seconds: float = 60) -> FrameLocator:
    """Look at the list of mails until one says so and has gone, and open it."""
    give_up_at = time.monotonic() + seconds
    while True:
        page.goto("/admin/monitoring/outboxmail/")
        row = (
            page.locator("#result_list tbody tr")
            .filter(has_text=words)
            .filter(has=page.locator(".field-state", has_text="Sent"))
        )
        if row.count():
            break
        assert time.monotonic() < give_up_at, f"no mail about {words!r} came"
        page.wait_for_timeout(500)
    row.first.get_by_role("link").first.click()
    return page.frame_locator("iframe.mail")


def followed(page: Page, mail: FrameLocator, link: str) -> Page:
    """Follow a mail's link, which opens a page of its own."""
    with page.context.expect_page() as opened:
        mail.get_by_role("link", name=link).click()
    return opened.value


def shoot(page: Page, name: str) -> None:
    """A picture narrow and wide, to be looked at; nothing may scroll sideways."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    for size in (WIDE, NARROW):
        page.set_viewport_size(size)  # type: ignore[arg-type]
        page.screenshot(path=PICTURES / f"{name}-{size['width']}.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (name, size)


@pytest.mark.timeout(300)
def test_a_drill_is_noticed_mailed_acknowledged_worked_through_and_written_up(page: Page) -> None:
    # Somebody is to be told, and confirms it by a mail.
    page.get_by_label("Name").fill("Ada")
    page.get_by_label("Address").fill("ada@example.org")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("A link that confirms it is on its way to ada@example.org.")).to_be_visible()
    done = followed(page, read(page, "confirm this address"), "Yes, mail me")
    done.get_by_role("button", name="Yes, mail me").click()
    expect(done.get_by_role("heading", name="Confirmed")).to_be_visible()
    done.close()

    # The drill begins; every page says so.
    page.goto("/admin/monitoring/drill/")
    page.locator("a[href*='/drill/add/']").filter(visible=True).first.click()
    page.get_by_label("Errors:").check()
    page.get_by_label("Minutes").fill("5")
    page.get_by_label("Reason").fill("A test of all of it")
    page.get_by_role("button", name="Start the drill").click()
    expect(page.get_by_text("Under way, until")).to_be_visible()
    drill = page.url

    # It is noticed and mailed, and says what it is; one press makes it one's own.
    mail = read(page, "[DRILL]", NOTICED_S)
    expect(mail.locator("body")).to_contain_text("made on purpose")
    expect(page.get_by_role("status").first).to_contain_text("DRILL. Errors burst on purpose until")
    shoot(page, "mail")
    page.screenshot(path=PICTURES / "mail-first-look-390.png")
    answer = followed(page, mail, "I have it")
    with page.context.expect_page() as looked:  # a mail scanner opens links too: that alone answers nothing
        mail.get_by_role("link", name="Alert").first.click()
    expect(looked.value.locator("p.state")).to_contain_text("Nobody has acknowledged it")
    looked.value.close()
    answer.get_by_role("button", name="Yes, acknowledge").click()
    expect(answer.get_by_role("heading", name="yours")).to_be_visible()
    shoot(answer, "answer")
    answer.get_by_role("link", name="Alert").first.click()
    expect(answer.locator("p.state")).to_contain_text("Ada has it since")
    shoot(answer, "alert")
    answer.close()

    # It is stopped, and the incident is worked through.
    page.goto(drill)
    page.get_by_role("button", name="Stop it now").click()
    expect(page.get_by_text("Stopped.", exact=False)).to_be_visible()
    page.goto("/admin/monitoring/incident/")
    page.locator("#result_list tbody a").first.click()
    steps = page.get_by_role("button", name="Done: ")
    ticked = min(steps.count(), 3)
    assert ticked
    for _ in range(ticked):
        steps.first.click()
    expect(page.get_by_role("button", name="Not done after all: ")).to_have_count(ticked)
    shoot(page, "incident")
    page.get_by_label("Verdict", exact=True).select_option("real")
    page.get_by_label("Cause", exact=True).fill("x")
    page.get_by_role("button", name="Resolve", exact=True).click()
    expect(page.get_by_role("heading", name="Write-up")).to_be_hidden()  # refused: a drill is a drill
    page.get_by_label("Verdict", exact=True).select_option("drill")
    page.get_by_label("Cause", exact=True).fill("On purpose.")
    page.get_by_role("button", name="Resolve", exact=True).click()
    with page.expect_download() as taken:
        page.get_by_role("link", name="Download as Markdown").click()
    written = taken.value.path().read_text("utf-8")
    for told in ("verdict: drill", "Acknowledged", "Done: ", "Resolved: drill", "On purpose."):
        assert told in written
    shoot(page, "resolved")

    # How long each step took stands on the drill's page.
    def timed() -> bool:
        page.goto(drill)
        rows = dict(page.locator("article tbody tr").evaluate_all(CELLS))
        return all(
            rows[step] != "not yet" for step in ("In effect", "Detected", "Mail accepted", "Acknowledged", "Ended")
        )

    until(timed, "the times of the drill")
    shoot(page, "drill")
