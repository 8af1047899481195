"""Official SDKs against a running server, packed in every way that our door understands."""

from __future__ import annotations

import gzip
import io
import shutil
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import brotli
import pytest
import sentry_sdk
import zstandard
from sentry_sdk.envelope import Envelope
from sentry_sdk.transport import HttpTransport

from tests.flows import kept
from tests.flows.conftest import started
from tests.flows.server import ROOT, Server

PACKED: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstandard.ZstdCompressor().compress,
    "identity": lambda data: data,
}


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = started("uvicorn", tmp_path_factory.mktemp("receiver"))
    yield running
    assert running.stop() == 0, running.log()


class Packing(HttpTransport):
    """The SDK's own transport, with a body packed as the test wants it."""

    encoding = "identity"

    def _serialize_envelope(self, envelope: Envelope) -> tuple[str | None, io.BytesIO]:
        encoding = None if self.encoding == "identity" else self.encoding
        return encoding, io.BytesIO(PACKED[self.encoding](envelope.serialize()))


def python_sends(dsn: str, encoding: str) -> str:
    """One exception by the Python SDK; gives the id of its event."""
    chosen = type("Chosen", (Packing,), {"encoding": encoding})
    client = sentry_sdk.Client(
        dsn=dsn, transport=chosen, release="python@1.0", default_integrations=False, auto_enabling_integrations=False
    )
    with sentry_sdk.new_scope() as scope:
        scope.set_client(client)
        try:
            raise LookupError(f"nothing packed by {encoding}")  # noqa: TRY301 - it is what is reported
        except LookupError as error:
            event_id = scope.capture_exception(error)
    client.close(timeout=20)
    assert event_id
    return event_id


def test_what_the_python_sdk_sends_is_kept_however_it_is_packed(receiver: Server) -> None:
    ids = {python_sends(kept.dsn(receiver), encoding) for encoding in PACKED}
    events = [event for event in kept.digested(receiver) if event["release"] == "python@1.0"]
    assert {event["event_id"] for event in events} == ids
    titles = kept.rows(receiver, "SELECT type, count FROM monitoring_issue WHERE type = 'LookupError'")
    assert titles == [("LookupError", len(PACKED))]


def test_three_lines_of_the_sdk_with_the_dsn_from_the_admin_are_enough(receiver: Server) -> None:
    code = f"import sentry_sdk\nsentry_sdk.init({kept.dsn(receiver)!r})\nundefined_name"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert "NameError" in done.stderr
    (event,) = [e for e in kept.digested(receiver) if e["exception"]["values"][0]["type"] == "NameError"]
    assert event["exception"]["values"][0]["mechanism"]["handled"] is False


@pytest.mark.node
def test_everything_that_the_node_sdk_sends_is_kept(receiver: Server) -> None:
    if not shutil.which("node") or not (ROOT / "node_modules/@sentry/node").exists():
        pytest.skip("node or @sentry/node is not installed: see bin/page-tools")
    client = ["node", str(Path(__file__).with_name("client.mjs")), kept.dsn(receiver)]
    done = subprocess.run(client, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    events = [event for event in kept.digested(receiver) if event.get("release") == "node@1.2.3"]
    (error,) = [event for event in events if event.get("exception") and event["exception"]["values"][0].get("type")]
    (message,) = [event for event in events if event is not error]
    assert error["exception"]["values"][0]["type"] == "RangeError"
    assert error["exception"]["values"][0]["stacktrace"]["frames"][-1]["function"] == "divide"
    assert error["tags"] == {"part": "division"}
    assert (message["message"], message["level"]) == ("only a message", "warning")
    assert [one["monitor_slug"] for one in kept.sent(receiver, "check_in")] == ["nightly"]
    assert [one["contexts"]["feedback"]["message"] for one in kept.sent(receiver, "feedback")] == ["it was slow"]
    spans = kept.sent(receiver, "span")
    traces: list[dict[str, Any]] = kept.sent(receiver, "transaction")
    assert {"a job", "its part"} <= {s["name"] for s in spans} | {t["transaction"] for t in traces} | {
        s["description"] for t in traces for s in t["spans"]
    }
