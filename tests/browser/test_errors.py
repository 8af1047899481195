"""What the page tells of its own errors, and what it never tells."""

import json

import pytest
from playwright.sync_api import Browser, Response

from tests.browser.town import ROOT, Server, Somebody, somewhere, until

BUNDLE = ROOT / "signals/static/signals/vendor/errors.js"
PRIVATE = ("52.5201", "13.405", "meet me at the window", "friend@example.org", "eyJzZXNzaW9uIjoiMTIzNDU2Nzg5MCJ9.abc")


@pytest.mark.skipif(not BUNDLE.exists(), reason="the error bundle is not built: see bin/page-tools")
def test_an_error_is_sent_through_our_own_origin_without_anything_private(browser: Browser, server: Server) -> None:
    ann = Somebody(browser, server.url, at=somewhere())
    sent: list[tuple[str, Response]] = []

    def note(response: Response) -> None:
        if response.request.method == "POST" and response.url.endswith("/api/tunnel"):
            sent.append((response.request.post_data or "", response))

    ann.context.on("response", note)
    ann.arrive()
    ann.page.evaluate("import('/static/signals/vendor/errors.js').then(() => 0)")
    words = f"at {PRIVATE[0]},{PRIVATE[1]} '{PRIVATE[2]}' {PRIVATE[3]} {PRIVATE[4]}"
    ann.page.evaluate(f"setTimeout(() => {{ throw new TypeError({words!r}) }}); 0")
    until(lambda: ann.page.evaluate("1") and any('"exception"' in body for body, _ in sent), "no event came")
    body, answer = next((body, answer) for body, answer in sent if '"exception"' in body)
    assert answer.status == 200
    said = json.loads(body.splitlines()[2])
    assert said["exception"]["values"][0]["type"] == "TypeError"
    assert said["tags"] == {"component": "page"}
    assert not {"user", "request", "breadcrumbs", "extra", "contexts"} & set(said)
    for private in (*PRIVATE, ann.handle):
        assert private not in "".join(body for body, _ in sent)
    assert not [url for url in ann.requests if not url.startswith(server.url)]
    ann.context.close()
