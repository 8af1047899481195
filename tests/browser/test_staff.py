"""Staff in a real browser: issues, projects, the test error; nothing from elsewhere, nothing against the policy."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from monitoring.boards.shelf import BOARDS
from tests.browser.town import AXE, NARROW, ROOT, WIDE, Server

BUNDLE = ROOT / "signals/static/signals/vendor/errors.js"
MAKE = "from django.contrib.auth.models import User; User.objects.create_superuser('ada', password='only-for-tests')"
Opens = Callable[..., Page]
FINDS = "axe.run(document, {resultTypes: ['violations']}).then(r => r.violations.map(v => [v.id, v.nodes[0].html]))"
FURTHER = (
    "/monitoring/runbooks/incident-response/",
    "/monitoring/runbooks/drill/",
    "/admin/monitoring/rulesetting/of/error-rate-critical/",
)


@pytest.fixture(scope="module")
def watched() -> Iterator[Server]:
    """A server with its watch process, somebody who may do everything, and one error among the issues."""
    server = Server().start()
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    watch = subprocess.Popen([sys.executable, "manage.py", "watch"], cwd=ROOT, env=server.env, **quiet)
    for command in (("shell", "-c", MAKE), ("raise_test_error", "--wait", "60")):
        subprocess.run([sys.executable, "manage.py", *command], cwd=ROOT, env=server.env, timeout=120, check=True)
    yield server
    watch.terminate()
    watch.wait(20)
    server.stop()


@pytest.fixture
def opens(browser: Browser, watched: Server) -> Iterator[Opens]:
    """Opens pages as staff; afterwards none has asked elsewhere, or for what its policy forbids."""
    foreign: list[str] = []
    trouble: list[str] = []
    contexts: list[Any] = []

    def go(path: str, viewport: Any = WIDE, scheme: Any = "light") -> Page:
        context = browser.new_context(viewport=viewport, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda r: foreign.append(r.url) if not r.url.startswith((watched.url, "data:")) else None)
        page.on("console", lambda m: trouble.append(m.text) if "Content Security Policy" in m.text else None)
        page.goto(f"{watched.url}/admin/login/?next={path}")
        page.fill("[name=username]", "ada")
        page.fill("[name=password]", "only-for-tests")
        page.click("[type=submit]")
        page.wait_for_url(f"{watched.url}{path}")
        return page

    yield go
    for context in contexts:
        context.close()
    assert not foreign and not trouble


@pytest.fixture(scope="module")
def link(watched: Server) -> str:
    """Something of everything that staff may look at; gives the link of the mail about it."""
    command = [sys.executable, "-m", "tests.browser.on_call"]
    done = subprocess.run(command, cwd=ROOT, env=watched.env, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout.strip()


@pytest.mark.usefixtures("axe")
def test_axe_finds_nothing_on_the_pages_of_staff(opens: Opens, watched: Server, link: str) -> None:
    """All that the menu leads to, the first thing that each list holds, the form for a new one: narrow and dark, wide
    and light. Boards have a test of their own."""
    page, found = opens("/monitoring/runbooks/"), []
    page.emulate_media(reduced_motion="reduce")

    def look(address: str) -> None:
        answer = page.goto(address)
        assert answer and answer.status == 200, address
        page.evaluate(AXE.read_text("utf-8"))
        for size, scheme in ((NARROW, "dark"), (WIDE, "light")):
            page.set_viewport_size(size)  # type: ignore[arg-type]
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            if trouble := page.evaluate(FINDS):
                found.append((address, size["width"], trouble))
            if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                found.append((address, size["width"], "it scrolls sideways"))

    menu = page.evaluate("[...document.querySelectorAll('#nav-sidebar-apps a')].map(a => a.href)")
    lists = [one for one in menu if urlsplit(one).path.strip("/") not in {f"admin/{name}" for name in BOARDS}]
    assert len(lists) > 15
    for address in [*lists, *(f"{watched.url}{path}" for path in FURTHER), link]:
        look(address)
        linked = page.evaluate("[...document.querySelectorAll('#content a')].map(a => a.href.split('?')[0])")
        for end in ("/change/", "/add/"):
            if further := next((one for one in linked if one.startswith(address) and one.endswith(end)), None):
                look(further)
    assert not found


def test_an_alert_and_its_incident_are_answered_by_the_keyboard_alone(opens: Opens, watched: Server, link: str) -> None:
    page = opens("/admin/monitoring/incident/")
    row = page.locator("#result_list tbody tr", has_text="Service is down")  # the watch knows no alert of this one
    row.get_by_role("checkbox").press("Space")
    page.locator("select[name=action]").press("A")
    page.get_by_role("button", name="Run").press("Enter")
    expect(page.get_by_text("Acknowledged: 1.")).to_be_visible()
    page.goto(f"{watched.url}/admin/monitoring/alert/")
    page.locator("#result_list a", has_text="Certificate expires soon").press("Enter")
    page.get_by_role("button", name="Acknowledge").press("Enter")
    expect(page.locator("p.state")).to_contain_text("ada has it since")
    page.locator("article").get_by_role("link", name="Incident").press("Enter")
    page.get_by_role("button", name="Done: ").first.press("Enter")
    page.get_by_role("button", name="Not done after all: ").first.press("Enter")
    page.get_by_label("Verdict", exact=True).press("F")
    page.get_by_role("button", name="Resolve", exact=True).press("Enter")
    expect(page.get_by_role("listitem").filter(has_text="Resolved: false alarm.")).to_be_visible()
    page.goto(link)
    expect(page.get_by_role("heading", name="Nothing is left to do")).to_be_visible()


@pytest.mark.parametrize(
    ("viewport", "scheme"), [(NARROW, "dark"), (WIDE, "light")], ids=["390px dark", "1280px light"]
)
def test_an_issue_is_read_and_settled_by_the_keyboard_alone(opens: Opens, viewport: Any, scheme: str) -> None:
    page = opens("/admin/monitoring/issue/", viewport, scheme)
    page.locator("#result_list a", has_text="TrialError").first.press("Enter")
    expect(page.get_by_role("heading", name="Over time")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    expect(page.locator("details.place.ours[open]").first).to_be_visible()
    page.get_by_role("button", name="Resolve", exact=True).press("Enter")
    expect(page.locator(".facts")).to_contain_text("Resolved")
    page.get_by_role("button", name="Open again").press("Enter")
    expect(page.locator(".facts")).to_contain_text("Unresolved")
    if AXE.exists():
        page.evaluate(AXE.read_text("utf-8"))
        found = page.evaluate("axe.run('article').then((r) => r.violations.map((v) => [v.id, v.nodes[0].html]))")
        assert found == []


def test_the_dsn_is_copied_with_a_button(opens: Opens) -> None:
    page = opens("/admin/monitoring/project/")
    page.locator("#result_list a", has_text="Icebreaker Backend").click()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy").first.click()
    expect(page.locator("[data-copied=dsn]")).to_have_text("Copied.")
    assert page.evaluate("navigator.clipboard.readText()") == page.locator("#dsn").text_content()


def test_an_error_on_purpose_in_the_server_leads_to_its_issue(opens: Opens) -> None:
    page = opens("/monitoring/test-error/")
    page.get_by_role("button", name="Raise it in the server").click()
    page.get_by_role("link", name="Open the issue").click(timeout=60_000)
    expect(page.locator("article")).to_contain_text("raised on purpose")


@pytest.mark.skipif(not BUNDLE.exists(), reason="the error bundle is not built: see bin/page-tools")
def test_an_error_on_purpose_in_the_browser_leads_to_its_issue(opens: Opens) -> None:
    page = opens("/monitoring/test-error/")
    page.get_by_role("button", name="Raise it in this browser").click()
    page.get_by_role("link", name="Open the issue").click(timeout=60_000)
    expect(page.locator("article")).to_contain_text("TrialError")
    expect(page.locator("article")).to_contain_text("Icebreaker Frontend")


@pytest.mark.parametrize("viewport", [NARROW, WIDE], ids=["390px", "1280px"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_status_page_is_whole_without_script_and_for_everybody(
    browser: Browser, watched: Server, viewport: Any, scheme: Any
) -> None:
    context = browser.new_context(viewport=viewport, color_scheme=scheme, java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{watched.url}/status")
    expect(page.get_by_role("img", name="90 days").first).to_be_visible()
    expect(page.get_by_role("heading", name="What happened")).to_be_visible()
    context.close()
    if AXE.exists():
        context = browser.new_context(viewport=viewport, color_scheme=scheme, bypass_csp=True)
        page = context.new_page()
        page.goto(f"{watched.url}/status")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.evaluate(AXE.read_text("utf-8"))
        found = page.evaluate("axe.run().then((r) => r.violations.map((v) => [v.id, v.nodes[0].html]))")
        assert found == []
        context.close()
