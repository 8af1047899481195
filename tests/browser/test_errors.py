"""What the page tells of its own errors, and what it never tells."""

import json

import pytest
from playwright.sync_api import Browser, Route

from tests.browser.town import ROOT, Server, Somebody, somewhere, until

BUNDLE = ROOT / "signals/static/signals/vendor/errors.js"
PRIVATE = ("52.5201", "13.405", "meet me at the window", "friend@example.org", "eyJzZXNzaW9uIjoiMTIzNDU2Nzg5MCJ9.abc")


@pytest.mark.skipif(not BUNDLE.exists(), reason="the error bundle is not built: see bin/page-tools")
def test_an_error_is_sent_through_our_own_origin_without_anything_private(browser: Browser, server: Server) -> None:
    ann = Somebody(browser, server.url, at=somewhere())
    sent: list[str] = []

    def tunnel(route: Route) -> None:
        if route.request.method == "POST":
            sent.append(route.request.post_data or "")
            route.fulfill(json={"id": "0" * 32})
        else:
            route.fulfill(json={"dsn": f"http://{'a' * 32}@127.0.0.1:{server.port}/2"})

    ann.context.route("**/api/tunnel", tunnel)
    ann.page.reload()
    ann.arrive()
    ann.page.evaluate("import('/static/signals/vendor/errors.js').then(() => 0)")
    words = f"at {PRIVATE[0]},{PRIVATE[1]} '{PRIVATE[2]}' {PRIVATE[3]} {PRIVATE[4]}"
    ann.page.evaluate(f"setTimeout(() => {{ throw new TypeError({words!r}) }}); 0")
    until(lambda: ann.page.evaluate("1") and any('"exception"' in body for body in sent), "no event came")
    header, _, event = next(body for body in sent if '"exception"' in body).splitlines()
    assert json.loads(header)["dsn"].endswith("/2")
    said = json.loads(event)
    assert said["exception"]["values"][0]["type"] == "TypeError"
    assert said["tags"] == {"component": "page"}
    assert not {"user", "request", "breadcrumbs", "extra"} & set(said)
    for private in (*PRIVATE, ann.handle):
        assert private not in "".join(sent)
    assert not [url for url in ann.requests if not url.startswith(server.url)]
    ann.context.close()
