"""The door of SDKs: who is let in, what is kept, and the answer to everything that should not have come."""

import asyncio
import gzip
import json
import os
import zlib
from typing import Any

import brotli
import msgspec
import pytest
import zstandard

from monitoring import ingest_app
from monitoring.errors import spool
from monitoring.errors.decode import read
from monitoring.errors.event import Event
from monitoring.errors.record import Record, expand
from signals import telemetry
from tests.monitoring.errors.conftest import AUTH, DSN, KEY, OTHER_KEY, Intake, sender
from tests.monitoring.errors.samples import error

PATH = "/api/1/envelope/"
ID = "0123456789abcdef0123456789abcdef"


def envelope(*items: tuple[str, Any], header: dict[str, Any] | None = None) -> bytes:
    lines = [json.dumps(header or {})]
    for kind, payload in items:
        text = json.dumps(payload)
        lines += [json.dumps({"type": kind, "length": len(text.encode())}), text]
    return "\n".join(lines).encode() + b"\n"


def events(records: list[Record]) -> list[Event]:
    return [read(expand(p.data), Event) for r in records for p in r.pieces if p.kind == "event"]


async def test_an_error_is_acknowledged_when_it_is_safe_and_clean(intake: Intake) -> None:
    sent = error("ValueError", "at 52.5219, 13.4132", user={"ip_address": "10.1.2.3"})
    answer = await intake.post(PATH, envelope(("event", sent)))
    assert (answer.status_code, answer.json()) == (200, {"id": ID})
    (found,) = await intake.kept()
    assert (found.project_id, found.pieces[0].key) == (1, ID)
    assert b"52.5" not in expand(found.pieces[0].data)
    everything = b"".join(path.read_bytes() for path in intake.directory.iterdir())
    assert b"10.1.2.3" not in everything


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [
        ("gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("br", brotli.compress),
        ("zstd", zstandard.compress),
        ("", bytes),
        ("UTF-8", bytes),
    ],
)
@pytest.mark.parametrize("breadcrumbs", [1, 90])
async def test_every_encoding_small_and_large(intake: Intake, encoding: str, pack: Any, breadcrumbs: int) -> None:
    sent = error(breadcrumbs=[{"message": os.urandom(1500).hex()} for _ in range(breadcrumbs)])
    answer = await intake.post(PATH, pack(envelope(("event", sent))), {"Content-Encoding": encoding})
    assert answer.status_code == 200
    assert [e.event_id for e in events(await intake.kept())] == [ID]


@pytest.mark.parametrize("path", ["/api/1/envelope/", "/api/1/envelope"])
@pytest.mark.parametrize("how", ["header", "query", "dsn", "all"])
async def test_a_key_may_be_said_in_three_places(intake: Intake, path: str, how: str) -> None:
    headers = AUTH if how in ("header", "all") else {}
    query = f"?sentry_key={KEY}&sentry_version=7" if how in ("query", "all") else ""
    body = envelope(("event", error()), header={"dsn": DSN} if how in ("dsn", "all") else {})
    assert (await intake.http.post(path + query, content=body, headers=headers)).status_code == 200


@pytest.mark.parametrize(
    ("path", "headers", "dsn"),
    [
        (PATH, {}, None),
        (PATH, {"X-Sentry-Auth": f"Sentry sentry_key={OTHER_KEY}"}, None),
        ("/api/2/envelope/", AUTH, None),
        ("/api/99/envelope/", AUTH, None),
        (f"{PATH}?sentry_key={OTHER_KEY}", AUTH, None),
        (PATH, AUTH, DSN.replace("icebreaker", "evil")),
        (PATH, AUTH, DSN.replace("/1", "/2")),
        ("/api/tunnel", {}, None),
        ("/api/tunnel", {}, DSN.replace("icebreaker", "evil")),
        ("/api/1/store/", {}, None),
        ("/api/1/security/", {}, None),
    ],
)
async def test_without_the_right_key_the_door_stays_shut(
    intake: Intake, path: str, headers: dict[str, str], dsn: str | None
) -> None:
    body = envelope(("event", error()), header={"dsn": dsn} if dsn else {})
    answer = await intake.http.post(path, content=body, headers=headers)
    assert answer.status_code == 403
    assert answer.headers["x-sentry-error"]
    assert sum(intake.ingest.refused.values()) == 1
    assert await intake.kept() == []


async def test_a_page_sends_through_our_own_origin(intake: Intake) -> None:
    body = envelope(("event", error()), header={"dsn": DSN.replace(KEY, OTHER_KEY).replace("/1", "/2")})
    assert (await intake.http.post("/api/tunnel", content=body)).status_code == 200
    (found,) = await intake.kept()
    assert found.project_id == 2


@pytest.mark.parametrize(
    ("body", "headers", "status", "reason"),
    [
        (b"", {}, 400, "malformed"),
        (b"{}\n" + b"[" * 200_000, {}, 400, "malformed"),
        (b'{}\n{"type":"event","length":999}\n{}', {}, 400, "malformed"),
        (b'{}\n{"type":"event"}\nnot json\n', {}, 400, "malformed"),
        (b'{}\n{"type":"event"}\n' + b'{"extra":' * 50_000 + b"\n", {}, 400, "malformed"),
        (b"not packed", {"Content-Encoding": "gzip"}, 400, "encoding"),
        (gzip.compress(b"{}\n" * 1000)[:-10], {"Content-Encoding": "gzip"}, 400, "encoding"),
        (b"{}", {"Content-Encoding": "lzma"}, 400, "encoding"),
        (gzip.compress(bytes(30_000_000)), {"Content-Encoding": "gzip"}, 413, "too_large"),
        (brotli.compress(bytes(30_000_000)), {"Content-Encoding": "br"}, 413, "too_large"),
        (zstandard.compress(bytes(30_000_000)), {"Content-Encoding": "zstd"}, 413, "too_large"),
        (envelope(("event", {"message": "x" * 1_100_000})), {}, 413, "too_large"),
        (b"x" * (20 * 1024 * 1024 + 1), {}, 413, "too_large"),
    ],
    ids=[  # a packed body says when it was packed: as a name it would differ between two workers
        "empty",
        "an-endless-list",
        "shorter-than-it-says",
        "no-json",
        "too-deep",
        "not-packed",
        "packed-and-cut",
        "packed-by-nobody",
        "a-gzip-bomb",
        "a-brotli-bomb",
        "a-zstd-bomb",
        "an-event-over-1-mib",
        "an-envelope-over-20-mib",
    ],
)
async def test_what_is_wrong_is_refused_counted_and_answered_across_origins(
    intake: Intake, body: bytes, headers: dict[str, str], status: int, reason: str
) -> None:
    answer = await intake.post(PATH, body, headers)
    assert answer.status_code == status
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "x-sentry-error" in answer.headers["access-control-expose-headers"]
    assert answer.headers["x-sentry-error"]
    assert dict(intake.ingest.refused) == {(1, reason): 1}
    assert await intake.kept() == []
    assert intake.door._held == 0


async def test_a_body_announced_too_large_is_not_even_read(intake: Intake) -> None:
    answer = await intake.post(PATH, b"{}", {"Content-Length": "99999999"})
    assert answer.status_code == 413


async def test_refusals_reach_the_spool(intake: Intake) -> None:
    await intake.post(PATH, b"nonsense")
    await intake.post(PATH, b"nonsense")
    await intake.ingest.flush()
    (found,) = await intake.kept()
    assert [(r.project_id, r.reason, r.count) for r in found.refusals] == [(1, "malformed", 2)]


async def test_unknown_items_are_skipped_and_known_ones_kept(intake: Intake) -> None:
    items = [
        ("from_tomorrow", {"a": 1}),
        ("transaction", {"transaction": "ws", "start_timestamp": 1.0, "timestamp": 2.0, "event_id": "f" * 32}),
        ("span", {"items": [{"name": "a", "trace_id": "t", "span_id": "1"}, {"name": "b"}]}),
        ("session", {"sid": "x", "status": "ok", "did": "ada", "attrs": {"release": "1"}}),
        ("sessions", {"aggregates": [{"started": "2026-03-01T12:00:00Z", "exited": 3}]}),
        ("client_report", {"discarded_events": [{"reason": "queue_overflow", "category": "error", "quantity": 2}]}),
        ("check_in", {"check_in_id": "c", "monitor_slug": "nightly", "status": "ok"}),
        ("user_report", {"event_id": ID, "email": "ada@example.org", "comments": "it broke, call +49 176 12345678"}),
        ("feedback", {"contexts": {"feedback": {"message": "hm", "contact_email": "ada@example.org"}}}),
    ]
    answer = await intake.post(PATH, envelope(*items, header={"event_id": ID}))
    assert answer.status_code == 200
    (found,) = await intake.kept()
    kinds = [piece.kind for piece in found.pieces]
    assert kinds == ["transaction", "span", "span", *(kind for kind, _ in items[3:])]
    everything = b"".join(expand(piece.data) for piece in found.pieces)
    assert b"ada" not in everything
    assert b"176" not in everything
    assert b"it broke" in everything


async def test_a_single_event_may_come_without_an_envelope(intake: Intake) -> None:
    assert (await intake.post("/api/1/store/", json.dumps(error()).encode())).json() == {"id": ID}


@pytest.mark.parametrize(
    "report",
    [
        {"csp-report": {"effective-directive": "script-src", "blocked-uri": "https://evil.org/x?who=ada"}},
        [{"type": "csp-violation", "body": {"effectiveDirective": "script-src", "blockedURL": "https://evil.org/x?a"}}],
    ],
)
async def test_a_browsers_policy_report_becomes_a_warning(intake: Intake, report: Any) -> None:
    answer = await intake.http.post(f"/api/1/security/?sentry_key={KEY}", content=json.dumps(report).encode())
    assert answer.status_code == 200
    (found,) = events(await intake.kept())
    assert (found.message, found.level) == ("Blocked script-src from https://evil.org", "warning")


async def test_over_quota_is_said_by_category_and_counted(intake: Intake) -> None:
    intake.ingest.book.senders = {1: sender(1, KEY, "backend", errors=2, others=0)}
    answers = [await intake.post(PATH, envelope(("event", error()))) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    seconds = int(answers[2].headers["retry-after"])
    assert 1 <= seconds <= 61
    assert answers[2].headers["x-sentry-rate-limits"] == f"{seconds}:error:project"
    mixed = await intake.post(PATH, envelope(("event", error()), ("session", {"sid": "x"})))
    assert mixed.status_code == 200
    assert ":error:project" in mixed.headers["x-sentry-rate-limits"]
    assert intake.ingest.refused[1, "quota"] == 2


async def test_when_the_spool_is_full_the_answer_is_503(intake: Intake) -> None:
    intake.ingest.spool.max_bytes = 10
    answer = await intake.post(PATH, envelope(("event", error())))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")
    assert intake.ingest.refused[1, "spool_full"] == 1


async def test_when_the_disk_refuses_the_answer_is_503(intake: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(spool.os, "fdatasync", refuse)
    assert (await intake.post(PATH, envelope(("event", error())))).status_code == 503
    assert intake.ingest.refused[1, "spool_failed"] == 1


async def test_while_nobody_is_known_the_answer_is_503(intake: Intake) -> None:
    intake.ingest.book.is_known, intake.ingest.book.senders = False, {}
    answer = await intake.post(PATH, envelope(("event", error())))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert dict(intake.ingest.refused) == {(0, "projects_unknown"): 1}


@pytest.mark.parametrize(
    ("path", "headers", "project_id", "reason"),
    [
        ("/api/99/envelope/", AUTH, 0, "unknown_project"),
        (PATH, {}, 1, "no_key"),
        (PATH, {"X-Sentry-Auth": f"Sentry sentry_key={OTHER_KEY}"}, 1, "wrong_key"),
        ("/api/tunnel", {}, 0, "wrong_key"),
    ],
)
async def test_why_somebody_was_not_let_in_is_counted(
    intake: Intake, path: str, headers: dict[str, str], project_id: int, reason: str
) -> None:
    answer = await intake.http.post(path, content=envelope(("event", error())), headers=headers)
    assert answer.status_code == 403
    assert dict(intake.ingest.refused) == {(project_id, reason): 1}


async def test_what_all_bodies_under_way_may_hold_together_is_bounded(
    intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest_app, "HELD_MAX_BYTES", 100)
    answer = await intake.post(PATH, b"x" * 101)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert dict(intake.ingest.refused) == {(1, "busy"): 1}
    assert intake.door._held == 0
    assert (await intake.post(PATH, b"{}")).status_code == 200


async def test_a_body_that_does_not_come_in_time_is_given_up(intake: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest_app, "BODY_WITHIN_S", 0.01)
    pieces, sent = [{"type": "http.request", "body": b"x" * 100, "more_body": True}], []

    async def receive() -> Any:
        return pieces.pop() if pieces else await asyncio.Event().wait()

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(name.lower().encode(), value.encode()) for name, value in AUTH.items()]
    scope = {"type": "http", "method": "POST", "path": PATH, "headers": headers, "query_string": b""}
    await intake.door(scope, receive, send)
    assert sent[0]["status"] == 408
    assert (b"connection", b"close") in sent[0]["headers"]
    assert dict(intake.ingest.refused) == {(1, "timeout"): 1}
    assert intake.door._held == 0


async def test_what_breaks_in_the_door_itself_is_a_number_and_a_line_and_never_a_report_of_itself(
    intake: Intake, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[Any] = []
    monkeypatch.setattr(telemetry, "capture", lambda *error, **tags: told.append(error))
    monkeypatch.setattr(telemetry, "count", lambda metric, label="", n=1: told.append((metric, label, n)))
    monkeypatch.setattr(intake.ingest, "take", lambda *_: 1 / 0)
    answer = await intake.post(PATH, envelope(("event", error())))
    assert answer.status_code == 500
    assert told == [("errors", "ingest", 1)]
    assert [record.getMessage() for record in caplog.records] == ["ingest failed: ZeroDivisionError"]
    assert dict(intake.ingest.refused) == {(0, "failed"): 1}
    assert intake.door._held == 0


async def test_what_we_forwarded_ourselves_is_not_taken_again(intake: Intake) -> None:
    answer = await intake.post(PATH, envelope(("event", error())), {"X-Icebreaker-Forwarded": "1"})
    assert answer.status_code == 403
    assert intake.ingest.refused[0, "loop"] == 1


async def test_a_browser_may_ask_first(intake: Intake) -> None:
    answer = await intake.http.options(PATH, headers={"Origin": "https://elsewhere.org"})
    assert answer.status_code == 200
    assert "x-sentry-auth" in answer.headers["access-control-allow-headers"]
    assert (await intake.http.get(PATH)).status_code == 405


async def test_the_tunnel_tells_our_own_pages_where_they_belong(intake: Intake) -> None:
    answer = await intake.http.get("/api/tunnel")
    assert answer.json() == {"dsn": f"https://{OTHER_KEY}@icebreaker.example/2"}
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", ["/", "/api/onboarding", "/api/1/envelope/x", "/api/x/envelope/", "/api/1/minidump/"])
async def test_everything_else_goes_on_to_django(intake: Intake, path: str) -> None:
    assert (await intake.http.post(path)).status_code == 418


async def test_an_error_from_outside_counts_as_one_and_a_warning_does_not(
    intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[tuple[str, str, int]] = []
    monkeypatch.setattr(telemetry, "count", lambda metric, label="", n=1: counted.append((metric, label, n)))
    await intake.post(PATH, envelope(("event", error()), ("event", error(level="warning"))))
    assert counted == [("errors", "backend", 1)]


async def test_a_clock_a_year_off_is_noticed(intake: Intake) -> None:
    await intake.post(PATH, envelope(("event", error()), header={"sent_at": "2001-01-01T00:00:00Z"}))
    (found,) = await intake.kept()
    assert found.skew_s > 3600 * 24 * 365


async def test_a_sender_that_leaves_halfway_is_counted_and_holds_nothing(intake: Intake) -> None:
    messages = [{"type": "http.request", "body": b"x" * 100, "more_body": True}, {"type": "http.disconnect"}]

    async def receive() -> Any:
        return messages.pop(0)

    async def send(message: Any) -> None:
        raise AssertionError("nobody is there to be answered")

    headers = [(name.lower().encode(), value.encode()) for name, value in AUTH.items()]
    scope = {"type": "http", "method": "POST", "path": PATH, "headers": headers, "query_string": b""}
    await intake.door(scope, receive, send)
    assert (intake.ingest.refused[1, "left"], intake.door._held) == (1, 0)


async def test_many_bombs_at_once_do_not_stand_in_memory_together(intake: Intake) -> None:
    import tracemalloc

    bomb = gzip.compress(b'{}\n{"type":"x"}\n' + bytes(19_000_000))
    tracemalloc.start()
    try:
        answers = await asyncio.gather(*(intake.post(PATH, bomb, {"Content-Encoding": "gzip"}) for _ in range(12)))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert {answer.status_code for answer in answers} == {200}
    assert peak < 100_000_000


async def test_ids_have_one_spelling_and_a_missing_one_is_made(intake: Intake) -> None:
    dashed = "01234567-89AB-CDEF-0123-456789abcdef"
    assert (await intake.post(PATH, envelope(("event", error(event_id=dashed))))).json() == {"id": ID}
    made = (await intake.post(PATH, envelope(("event", error(event_id="nonsense"))))).json()["id"]
    assert len(made) == 32
    assert made != ID


async def test_any_body_gets_an_answer(intake: Intake) -> None:
    from hypothesis import given
    from hypothesis import strategies as st

    loop = asyncio.get_running_loop()

    @given(st.binary(max_size=200), st.sampled_from(["", "gzip", "deflate", "br", "zstd"]))
    def any_body(body: bytes, encoding: str) -> None:
        answer = intake.post(PATH, body, {"Content-Encoding": encoding})
        assert asyncio.run_coroutine_threadsafe(answer, loop).result(20).status_code in (200, 400)

    await asyncio.to_thread(any_body)


def test_msgspec_keeps_the_shape_of_a_record() -> None:
    record = Record(1, 2.0)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(record), type=Record) == record
