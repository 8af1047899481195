"""An exception in our own processes is one event in our own store, under both servers, and tells nothing of anybody."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from monitoring.errors.unpack import unpack
from tests.flows.kept import digested, dsn, rows, sent
from tests.flows.server import Client, Server

TEXT = "see you at the window"
CONTACT, ADDRESS = "very.private@example.org", "198.51.100.23"
TOKEN = "0penSesame-0penSesame"
BROWSERS = "\n".join(
    json.dumps(part)
    for part in (
        {},
        {"type": "event"},
        {
            "event_id": "5" * 32,
            "release": "1",
            "environment": "test",
            "tags": {"component": "browser"},
            "exception": {"values": [{"type": "Mistake", "value": "of a page"}]},
        },
    )
)


class Faulty(Server):
    program = ("-m", "tests.flows.faulty")


async def until(there: Callable[[], bool], what: str) -> None:
    for _ in range(200):
        if there():
            return
        await asyncio.sleep(0.1)
    raise AssertionError(what)


@pytest.mark.parametrize("kind", ["uvicorn", "daphne"])
async def test_one_exception_is_one_event_wherever_it_happens(kind: str, tmp_path: Path) -> None:
    server = Faulty(kind, tmp_path).start()
    try:
        key, number = re.findall(r"//(\w+)@.*/(\d+)$", dsn(server, "frontend"))[0]
        a, b = await Client.arrive(server), await Client.arrive(server)
        async with a, b:
            await a.say("chat:message", {"text": TEXT})
            assert (await a.hear("error"))["code"] == "internal_error"
            await b.say("chat:end")  # leaves a task behind that breaks
            async with httpx.AsyncClient(base_url=server.url, trust_env=False) as http:
                page = await http.get("/robots.txt", params={"token": TOKEN})
                outside = await http.get("/api/outside")
                from_page = await http.post(f"/api/{number}/envelope/", params={"sentry_key": key}, content=BROWSERS)
            assert (page.status_code, outside.status_code, from_page.status_code) == (500, 500, 200)
            assert outside.json()["error"]["code"] == "INTERNAL_ERROR"
            await b.ask("radar:subscribe", {}, "radar:update")
    finally:
        server.stop()
    events = digested(server)
    assert Counter(event["tags"]["component"] for event in events) == Counter(
        ["websocket", "task", "http", "http", "browser"]
    )
    counted = rows(
        server,
        "SELECT label, SUM(count) FROM monitoring_measure WHERE metric = 'errors' AND tier_s = 10 GROUP BY label",
    )
    assert dict(counted) == {"websocket": 1, "task": 1, "http": 2, "frontend": 1}, "each is counted once"
    assert {event["exception"]["values"][-1]["type"] for event in events} == {"Mistake"}
    assert all(event["release"] and event["environment"] == "test" for event in events)
    of_socket = next(event for event in events if event["tags"]["component"] == "websocket")
    assert of_socket["tags"] == {
        "component": "websocket",
        "sessionId": a.session_id,
        "connectionCount": "2",
        "message.type": "chat:message",
    }
    assert of_socket["exception"]["values"][-1]["value"] == "can't say [...]"
    told = json.dumps(events) + server.log()
    for private in (TEXT, "window", TOKEN, a.token, b.token, "127.0.0.1:"):
        assert private not in told, f"{private} was told"


@pytest.mark.parametrize("kind", ["uvicorn", "daphne"])
async def test_a_sampled_message_is_one_trace_with_the_engine_inside(kind: str, tmp_path: Path) -> None:
    server = Server(kind, tmp_path, SENTRY_TRACES_SAMPLE_RATE="1").start()
    try:
        async with await Client.arrive(server) as one:
            for _ in range(3):
                await one.ask("radar:subscribe", {}, "radar:update")
            await one.ask("chat:end", {}, "error")
        async with httpx.AsyncClient(base_url=server.url, trust_env=False) as http:
            await http.get("/api/health")
    finally:
        assert server.stop() == 0
    assert digested(server) == [], "neither a start, a stop nor a refusal is an error"
    found = sent(server, "transaction")
    names = Counter((one["contexts"]["trace"]["op"], one["transaction"]) for one in found)
    assert names["websocket.message", "radar:subscribe"] == 3
    assert names["websocket.message", "chat:end"] == 1
    assert not any(op == "websocket.server" or "health" in name for op, name in names), names
    assert ("http.server", "/api/onboarding") in names
    ranked = [one for one in found if one["transaction"] == "radar:subscribe"]
    assert all([span["op"] for span in one["spans"]] == ["signal.engine"] for one in ranked)
    assert all(one["spans"][0]["trace_id"] == one["contexts"]["trace"]["trace_id"] for one in ranked)


class Sentry:
    """Somebody else's Sentry: takes every envelope and keeps it unpacked."""

    def __init__(self) -> None:
        taken: list[bytes] = []

        class Door(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                taken.append(unpack(body, self.headers.get("Content-Encoding", "")))
                self.send_response(200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, format: str, *args: object) -> None:
                """Says nothing."""

        self.taken = taken
        self.httpd = ThreadingHTTPServer(("127.0.0.1", 0), Door)
        self.dsn = f"http://{'c' * 32}@127.0.0.1:{self.httpd.server_port}/7"
        threading.Thread(target=self.httpd.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self.httpd.shutdown()
        self.httpd.server_close()


async def test_with_a_dsn_everything_goes_there_as_well_and_no_envelope_tells_of_anybody(tmp_path: Path) -> None:
    sentry = Sentry()
    server = Faulty("uvicorn", tmp_path, SENTRY_DSN=sentry.dsn, SENTRY_TRACES_SAMPLE_RATE="1").start()
    try:
        place = {"lat": 47.318257, "lng": 8.791346}
        async with await Client.arrive(server, location=place) as one:
            await one.ask("location:update", place, "radar:update")
            await one.call("PUT", "/api/profile/emergency-contact", {"emergencyContact": CONTACT})
            for _ in range(3):
                await one.ask("chat:message", {"text": TEXT}, "error")
            headers = {"X-Forwarded-For": ADDRESS, "Authorization": f"Bearer {one.token}", "Cookie": f"a={TOKEN}"}
            async with httpx.AsyncClient(base_url=server.url, trust_env=False, headers=headers) as http:
                await http.get("/robots.txt", params={"token": TOKEN})
    finally:
        assert server.stop() == 0
        sentry.stop()
    there, here = b"\n".join(sentry.taken).decode(), digested(server)
    assert len(here) == 4
    assert {event["event_id"] for event in here} <= set(re.findall(r'"event_id":"(\w{32})"', there.replace(" ", "")))
    assert "websocket.message" in there
    assert "http.server" in there
    told = there + json.dumps([here, sent(server, "transaction")]) + server.log()
    for private in (TEXT, "window", TOKEN, CONTACT, one.token, ADDRESS, "47.31", "8.79"):
        assert private not in told, f"{private} was told"


async def test_a_sentry_that_cannot_be_reached_changes_nothing_for_people(tmp_path: Path) -> None:
    server = Faulty("uvicorn", tmp_path, SENTRY_DSN="http://0123456789abcdef0123456789abcdef@127.0.0.1:9/4").start()
    try:
        async with await Client.arrive(server) as one:
            for _ in range(20):
                await one.say("chat:message", {"text": TEXT})
                assert (await one.hear("error"))["code"] == "internal_error"
            await one.ask("radar:subscribe", {}, "radar:update")
    finally:
        assert server.stop() == 0
    assert len(digested(server)) == 20


async def test_with_no_store_to_be_had_an_error_is_one_line_of_json(tmp_path: Path) -> None:
    server = Faulty("uvicorn", tmp_path).start()
    (server.data / "spool").write_text("a file where the directory should be")
    try:
        async with await Client.arrive(server) as one:
            await one.say("chat:message", {"text": TEXT})
            assert (await one.hear("error"))["code"] == "internal_error"
            await until(lambda: '"Mistake"' in server.log(), "no line came")
            await one.ask("radar:subscribe", {}, "radar:update")
    finally:
        assert server.stop() == 0
    (line,) = [json.loads(line) for line in server.log().splitlines() if line.startswith("{")]
    assert line["type"] == "Mistake"
    assert line["where"][-1].startswith("faulty.py:")
    assert line["tags"]["message.type"] == "chat:message"
    assert len(line["event"]) == 32
    assert line["release"]
    assert TEXT not in server.log()
