"""The official SDK in a real browser, on a page of another origin, sends to a project of ours."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Response

from tests.browser.town import ROOT, Server, until
from tests.flows import kept

ESBUILD = ROOT / "node_modules/.bin/esbuild"


@pytest.fixture
def site(tmp_path: Path, server: Server) -> Iterator[str]:
    """A page somewhere else, with the SDK bundled in."""
    if not ESBUILD.exists():
        pytest.skip("@sentry/browser and esbuild are not installed: see bin/page-tools")
    bundle = tmp_path / "sdk.js"
    entry = str(Path(__file__).with_name("sdk.js"))
    command = [str(ESBUILD), entry, "--bundle", "--format=iife", f"--outfile={bundle}", "--log-level=warning"]
    subprocess.run(command, check=True, cwd=ROOT, timeout=60)
    body = f'<body data-dsn="{kept.dsn(server, "frontend")}"><script src="/sdk.js"></script>'
    page = "<!doctype html><title>site</title>" + body

    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = bundle.read_bytes() if self.path == "/sdk.js" else page.encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/javascript" if self.path == "/sdk.js" else "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{httpd.server_port}/"
    httpd.shutdown()
    httpd.server_close()


def test_a_message_an_error_spans_and_feedback_of_another_origin_are_kept(
    browser: Browser, server: Server, site: str
) -> None:
    context = browser.new_context()
    page = context.new_page()
    answers: list[Response] = []
    page.on("response", lambda answer: answers.append(answer) if "/envelope/" in answer.url else None)

    def sent_kinds() -> set[str]:
        bodies = [answer.request.post_data or "" for answer in answers]
        return {json.loads(line).get("type", "") for body in bodies for line in body.splitlines()[1::2] if line}

    page.goto(site)
    page.evaluate("document.title")
    until(lambda: bool(page.evaluate("1")) and {"event", "span", "feedback"} <= sent_kinds(), "not everything was sent")
    context.close()
    assert {answer.status for answer in answers} == {200}
    events = [event for event in kept.digested(server) if event.get("release") == "site@1.2.3"]
    (error,) = [event for event in events if event.get("exception") and event["exception"]["values"][0].get("type")]
    (message,) = [event for event in events if event is not error]
    assert error["exception"]["values"][0]["type"] == "TypeError"
    assert "friend@example.org" not in json.dumps(events)
    assert message["message"] == "only a message"
    titles = {row[0] for row in kept.rows(server, "SELECT value FROM monitoring_issue")}
    assert "only a message" in titles
    assert {"a step"} <= {span["name"] for span in kept.sent(server, "span")}
    assert kept.sent(server, "feedback")[0]["contexts"]["feedback"]["message"] == "it was slow"
