"""What the page weighs, what it may do, and what a phone can install."""

from collections.abc import Callable

import httpx
from playwright.sync_api import Browser, Route, expect

from tests.browser.town import Server, Somebody, weigh

People = Callable[..., Somebody]
BUDGET_BYTES = 60_000


def test_a_first_visit_weighs_less_than_sixty_kilobytes_without_the_error_bundle(
    browser: Browser, server: Server
) -> None:
    weighed = weigh(browser, server.url)
    assert len(weighed) > 10
    assert sum(weighed.values()) < BUDGET_BYTES, weighed


def test_static_files_come_compressed(server: Server) -> None:
    for name in ("app.css", "main.js", "screens/radar.js"):
        answer = httpx.get(f"{server.url}/static/signals/{name}", headers={"Accept-Encoding": "br"})
        assert answer.headers["Content-Encoding"] == "br"


def test_the_browser_itself_refuses_inline_script_and_eval(browser: Browser, server: Server) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(server.url)
    refused = page.evaluate(
        """() => new Promise((done) => {
          const found = [];
          document.addEventListener("securitypolicyviolation", (event) => {
            found.push(`${event.effectiveDirective} ${event.blockedURI}`);
            if (found.length === 3) done(found.sort());
          });
          const script = document.createElement("script");
          script.textContent = "window.ran = true";
          const style = document.createElement("style");
          style.textContent = "body { display: none }";
          document.body.append(script, style);
          fetch("https://example.org/").catch(() => {});
        })"""
    )
    assert [words.split("/")[0] for words in refused] == [
        "connect-src https:",
        "script-src-elem inline",
        "style-src-elem inline",
    ]
    assert page.evaluate("window.ran") is None
    context.close()


def test_a_page_of_which_a_part_did_not_arrive_says_so_and_comes_back_by_itself(somebody: People) -> None:
    ann, lost = somebody(), iter([True])

    def lose(route: Route) -> None:
        if next(lost, False):
            route.abort("connectionreset")
        else:
            route.continue_()

    ann.context.route("**/signals/main*.js", lose)
    ann.page.goto(ann.url)
    expect(ann.page.get_by_text("A part of this page did not arrive.")).to_be_visible()
    ann.page.wait_for_selector("body[data-ready]")
    expect(ann.page.get_by_text("A part of this page did not arrive.")).to_be_hidden()


def test_a_browser_finds_the_page_installable(somebody: People) -> None:
    ann = somebody(worker=True)
    session = ann.context.new_cdp_session(ann.page)
    manifest = session.send("Page.getAppManifest")
    assert not manifest["errors"]
    assert manifest["url"].endswith("/manifest.webmanifest")
    errors = session.send("Page.getInstallabilityErrors")["installabilityErrors"]
    assert not [error for error in errors if error["errorId"] != "in-incognito"]
