"""Staff in a real browser: issues, projects, the test error; nothing from elsewhere, nothing against the policy."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.town import AXE, NARROW, ROOT, WIDE, Server

BUNDLE = ROOT / "signals/static/signals/vendor/errors.js"
MAKE = "from django.contrib.auth.models import User; User.objects.create_superuser('ada', password='only-for-tests')"
Opens = Callable[..., Page]
FINDS = "axe.run(document, {resultTypes: ['violations']}).then(r => r.violations.map(v => [v.id, v.nodes[0].html]))"
LISTS = (
    "alert",
    "incident",
    "issue",
    "outage",
    "drill",
    "rulesetting",
    "silence",
    "maintenance",
    "recipient",
    "outboxmail",
    "monitor",
    "project",
)
PAGES = (
    "/monitoring/runbooks/",
    "/monitoring/runbooks/incident-response/",
    "/monitoring/health/",
    "/admin/signals/report/",
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


@pytest.mark.usefixtures("axe")
def test_axe_finds_nothing_on_the_pages_of_staff(opens: Opens, watched: Server) -> None:
    """Each list, the first thing that it lists, the form for a new one, and the pages that stand alone."""
    page, found = opens("/monitoring/runbooks/"), {}

    def look(address: str) -> None:
        answer = page.goto(address)
        assert answer and answer.status == 200, address
        page.evaluate(AXE.read_text("utf-8"))
        if trouble := page.evaluate(FINDS):
            found[address] = trouble

    for name in LISTS:
        look(f"{watched.url}/admin/monitoring/{name}/")
        linked = page.evaluate("[...document.querySelectorAll('#content a')].map(a => a.href.split('?')[0])")
        for end in ("/change/", "/add/"):
            if address := next((one for one in linked if f"/{name}/" in one and one.endswith(end)), None):
                look(address)
    for path in PAGES:
        look(f"{watched.url}{path}")
    assert not found


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
