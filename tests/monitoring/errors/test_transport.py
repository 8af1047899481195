"""The SDK's way into our own store, with the real SDK and a spool of the test."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sentry_sdk
from sentry_sdk.envelope import Envelope

from monitoring.errors import record, reporting, spool
from monitoring.errors.ingest import Ingest
from monitoring.errors.keys import Book
from monitoring.errors.record import Record, expand
from monitoring.errors.spool import Spool
from monitoring.errors.transport import QUEUE_MAX, OwnStore
from monitoring.metrics.recorder import recorder
from signals import telemetry
from tests.monitoring.errors.conftest import Known, sender

pytestmark = pytest.mark.usefixtures("quiet")


class Mine:
    """The SDK of this process, into a spool of the test."""

    def __init__(self, directory: Path, book: Book) -> None:
        self.directory = directory
        self.ingest = Ingest(Spool(directory, 10**9), book, b"salt")
        self.store = OwnStore(lambda: self.ingest)
        self.client = sentry_sdk.Client(**reporting.options("web", self.store))
        self.tracer = reporting.SdkTracer(1.0, 100)

    def kept(self) -> list[Record]:
        self.store.flush(5)
        self.ingest.spool.close()
        found = [one for path in spool.finished(self.directory) for one, _ in spool.read(path)]
        return [record.decode(one) for one in found if one is not None]

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(expand(piece.data)) for one in self.kept() for piece in one.pieces]


@pytest.fixture
def quiet(settings: Any) -> None:
    settings.SENTRY_TRACES_SAMPLE_RATE = 1.0


@pytest.fixture
def mine(tmp_path: Path) -> Iterator[Mine]:
    made = Mine(tmp_path / "spool", Known())
    scope = sentry_sdk.get_global_scope()
    before = scope.client
    scope.set_client(made.client)
    yield made
    scope.set_client(before)
    made.ingest.spool.close()
    made.ingest._thread.shutdown()


def broken(words: str = "broken") -> Exception:
    with pytest.raises(RuntimeError) as found:
        fail(words)
    return found.value


def fail(words: str) -> None:
    raise RuntimeError(words)


def test_an_exception_is_kept_without_a_dsn_and_without_a_network(mine: Mine) -> None:
    mine.tracer.capture(broken(), {"component": "websocket", "message.type": "chat:end"})
    (event,) = mine.events()
    assert event["exception"]["values"][0]["type"] == "RuntimeError"
    assert event["tags"] == {"component": "websocket", "message.type": "chat:end"}
    assert {"release", "environment", "timestamp", "event_id", "sdk"} <= event.keys()
    assert not {"server_name", "modules", "extra", "user"} & event.keys()


def test_the_same_exception_told_twice_is_one_event(mine: Mine) -> None:
    error = broken()
    mine.tracer.capture(error, {"component": "websocket"})
    sentry_sdk.capture_exception(error)
    assert len(mine.events()) == 1


def test_what_the_sdk_finds_by_itself_is_counted_and_what_we_tell_it_is_not_counted_twice(mine: Mine) -> None:
    recorder.drain()
    sentry_sdk.capture_exception(broken())
    assert recorder.drain().counts == {(telemetry.ERRORS, "web"): 1}
    mine.tracer.capture(broken(), {"component": "websocket"})
    assert recorder.drain().counts == {}


def test_a_transaction_holds_the_engine_and_a_span_outside_of_one_is_nothing(mine: Mine) -> None:
    with mine.tracer.span("signal.engine", "rank"):
        pass
    with mine.tracer.transaction("websocket.message", "radar:subscribe"), mine.tracer.span("signal.engine", "rank"):
        pass
    (trace,) = mine.events()
    assert (trace["type"], trace["transaction"]) == ("transaction", "radar:subscribe")
    assert trace["contexts"]["trace"]["op"] == "websocket.message"
    assert [span["op"] for span in trace["spans"]] == ["signal.engine"]


def test_a_busy_process_traces_so_many_a_second_and_no_more(mine: Mine) -> None:
    now_s = 100.0
    tracer = reporting.SdkTracer(1.0, 2, clock=lambda: now_s)

    def traced(messages: int) -> int:
        return sum(
            tracer.transaction("websocket.message", "chat:end") is not reporting._nothing for _ in range(messages)
        )

    assert traced(100) == 2
    now_s += 0.5
    assert traced(100) == 1
    now_s += 3600
    assert traced(100) == 2


def test_a_coin_that_says_no_starts_nothing(mine: Mine) -> None:
    tracer = reporting.SdkTracer(0.0, 100)
    with tracer.transaction("websocket.message", "x"), tracer.span("signal.engine", "rank"):
        assert sentry_sdk.get_current_span() is None
    assert mine.kept() == []


@pytest.mark.parametrize(
    ("scope", "share"),
    [
        ({"type": "websocket", "path": "/ws"}, 0.0),
        ({"type": "lifespan"}, 0.0),
        ({"type": "http", "path": "/api/health/ready"}, 0.0),
        ({"type": "http", "path": "/api/onboarding"}, 1.0),
        ({}, 0.0),
    ],
    ids=["socket", "lifespan", "probe", "call", "nothing"],
)
def test_a_sockets_whole_life_and_probes_are_never_traced(scope: dict[str, str], share: float) -> None:
    assert reporting.sampler({"asgi_scope": scope}) == share


def test_private_values_are_gone_before_anything_leaves_the_sdk(mine: Mine) -> None:
    out: list[Envelope] = []
    mine.store.capture_envelope = out.append  # type: ignore[method-assign]  # what a real Sentry would get
    with sentry_sdk.isolation_scope() as scope:
        scope.set_user({"id": "7", "ip_address": "192.0.2.7", "email": "friend@example.org"})
        scope.set_extra("text", "see you there")
        scope.add_breadcrumb(message="at 52.52190, 13.41320")
        mine.tracer.capture(broken("at 52.52190, 13.41320 with friend@example.org"), {"component": "x"})
    told = b"".join(envelope.serialize() for envelope in out)
    assert b"RuntimeError" in told
    for private in (b"192.0.2", b"friend@", b"see you", b"52.52"):
        assert private not in told


@pytest.mark.parametrize(("source", "route"), [("route", "/api/profile/{id}"), ("url", "/[...]"), (None, "/[...]")])
def test_a_call_is_named_by_its_route_and_never_by_what_somebody_typed(
    mine: Mine, source: str | None, route: str
) -> None:
    typed = "/api/profile/see you there"
    event = {
        "transaction": typed if source == "url" else "/api/profile/{id}",
        "transaction_info": {"source": source},
        "request": {"url": f"https://icebreaker.example{typed}", "method": "GET"},
    }
    found = reporting.Cleaner("web").clean(event)
    assert found.transaction == route
    assert found.request
    assert found.request.url == f"https://icebreaker.example{route}"


def test_what_could_not_be_kept_is_counted_with_what_is_kept_next(mine: Mine) -> None:
    known, mine.ingest.book.senders = mine.ingest.book.senders, {}
    mine.tracer.capture(broken(), {"component": "x"})
    mine.store.flush(5)
    mine.ingest.book.senders = known
    mine.tracer.capture(broken(), {"component": "x"})
    kept = mine.kept()
    assert [(r.reason, r.count) for one in kept for r in one.refusals] == [("not_kept", 1)]
    assert sum(len(one.pieces) for one in kept) == 1


def test_more_than_the_projects_minute_is_counted_and_not_kept(mine: Mine) -> None:
    mine.ingest.book.senders = {1: sender(1, "a" * 32, "backend", errors=3)}
    for _ in range(5):
        mine.tracer.capture(broken(), {"component": "x"})
    mine.store.flush(5)
    mine.ingest.book.senders = {1: sender(1, "a" * 32, "backend", errors=0)}
    mine.tracer.capture(broken(), {"component": "x"})
    kept = mine.kept()
    assert sum(len(one.pieces) for one in kept) == 4
    assert [(r.reason, r.count) for one in kept for r in one.refusals] == [("quota", 2)]


def test_what_can_not_be_kept_is_one_line_of_json(mine: Mine, caplog: pytest.LogCaptureFixture) -> None:
    mine.ingest.book.senders = {}
    logging.getLogger("icebreaker.fallback").addHandler(caplog.handler)
    mine.ingest.book.read = lambda: None  # type: ignore[method-assign]
    mine.tracer.capture(broken("see you"), {"component": "websocket", "other": "x"})
    mine.store.flush(5)
    logging.getLogger("icebreaker.fallback").removeHandler(caplog.handler)
    (line,) = [json.loads(entry.getMessage()) for entry in caplog.records if entry.name == "icebreaker.fallback"]
    assert (line["type"], line["tags"]) == ("RuntimeError", {"component": "websocket"})
    assert line["where"][-1].endswith(" fail")
    assert "see you" not in json.dumps(line)


def test_a_storm_fills_neither_memory_nor_the_log(mine: Mine, caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("icebreaker.fallback").addHandler(caplog.handler)
    mine.store._start = lambda: None  # type: ignore[method-assign]  # nobody takes anything out
    envelope = Envelope()
    envelope.add_event({"event_id": "a" * 32, "exception": {"values": [{"type": "Storm"}]}})
    for _ in range(QUEUE_MAX + 500):
        mine.store.capture_envelope(envelope)
    logging.getLogger("icebreaker.fallback").removeHandler(caplog.handler)
    assert mine.store._queue.qsize() == QUEUE_MAX
    assert mine.store._lost == {"queue_full": 500}
    assert sum(entry.name == "icebreaker.fallback" for entry in caplog.records) == 100
    while not mine.store._queue.empty():
        mine.store._queue.get()
        mine.store._queue.task_done()


def test_a_dsn_that_is_none_or_our_own_sends_nothing_anywhere(settings: Any, mine: Mine) -> None:
    settings.PUBLIC_URL = "https://icebreaker.example"
    options = mine.client.options
    for dsn in ("", "nonsense", f"https://{'a' * 32}@icebreaker.example/1"):
        settings.SENTRY_DSN = dsn
        assert reporting._beyond(options) is None
    settings.SENTRY_DSN = f"https://{'a' * 32}@sentry.example/1"
    beyond = reporting._beyond(options)
    assert beyond is not None
    assert beyond.parsed_dsn is not None
    beyond.kill()
