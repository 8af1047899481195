"""The HTTP calls, under both servers."""

import asyncio
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.flows.server import PLACE, Client, Server

WHOLE = {"vibe": "thinking", "visibility": True, "tags": ["Builder brain", "Builder brain"], "location": PLACE}
CALLS = [
    ("POST", "/api/onboarding"),
    ("PUT", "/api/profile/visibility"),
    ("PUT", "/api/profile/emergency-contact"),
    ("POST", "/api/safety/block"),
    ("POST", "/api/safety/report"),
]


def http(server: Server, **headers: str) -> httpx.Client:
    return httpx.Client(base_url=server.url, trust_env=False, verify=False, headers=headers)


def refused(answer: httpx.Response, status: int, code: str) -> str:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    error = answer.json()["error"]
    assert error["code"] == code
    assert error["message"].endswith(".")
    return str(error["message"])


def test_onboarding_gives_a_session_a_handle_and_a_token(server: Server) -> None:
    with http(server) as client:
        answer = client.post("/api/onboarding", json=WHOLE)
    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    given = answer.json()
    assert set(given) == {"sessionId", "token", "handle", "expiresAt"}
    assert given["handle"][-2:].isdigit()
    assert isinstance(given["expiresAt"], int)


@pytest.mark.parametrize(
    ("wrong", "word"),
    [({"vibe": "grumpy"}, "vibe"), ({"tags": ["Nope"]}, "Nope"), ({"visibility": 1}, "visibility")],
)
def test_a_wrong_onboarding_says_what_is_wrong(server: Server, wrong: dict[str, Any], word: str) -> None:
    with http(server) as client:
        message = refused(client.post("/api/onboarding", json={**WHOLE, **wrong}), 400, "VALIDATION_ERROR")
    assert word in message


@pytest.mark.parametrize("body", [b"", b"[]", b"nonsense", b"\xff\xfe", b"null"])
def test_a_body_that_is_no_object_is_refused(server: Server, body: bytes) -> None:
    with http(server) as client:
        refused(client.post("/api/onboarding", content=body), 400, "VALIDATION_ERROR")


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_a_wrong_method_is_told_the_right_one(server: Server, method: str, path: str) -> None:
    with http(server) as client:
        for other in {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} - {method}:
            answer = client.request(other, path)
            assert answer.status_code == 405
            assert answer.headers["allow"] == method
            if other != "HEAD":
                refused(answer, 405, "METHOD_NOT_ALLOWED")


@pytest.mark.parametrize("path", ["/api", "/api/", "/api/onboarding/", "/api/nothing", "/api/%00", "/api/safety"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_an_unknown_path_is_not_found_in_json(server: Server, method: str, path: str) -> None:
    with http(server) as client:
        refused(client.request(method, path), 404, "NOT_FOUND")


@pytest.mark.parametrize(("method", "path"), CALLS[1:])
def test_a_call_needs_its_token(server: Server, method: str, path: str) -> None:
    with http(server) as client:
        for header in ("", "Bearer", "Bearer x", "Bearer a.b c", "Basic dXNlcjpwYXNz", "\xff"):
            answer = client.request(method, path, headers={"Authorization": header.encode("latin-1")}, json={})
            refused(answer, 401, "UNAUTHORIZED")
        refused(client.request(method, path, json={}), 401, "UNAUTHORIZED")


async def test_the_word_before_a_token_may_be_missing_or_in_any_case(server: Server) -> None:
    me = await Client.arrive(server)
    with http(server) as client:
        for header in (me.token, f"Bearer {me.token}", f"bearer {me.token}", f"BEARER {me.token}"):
            answer = client.put("/api/profile/visibility", json={"visibility": True}, headers={"Authorization": header})
            assert answer.json() == {"success": True, "visibility": True}


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_a_body_over_16_kib_is_too_large_announced_or_not(server: Server, method: str, path: str) -> None:
    large = json.dumps({"visibility": True, "x": "y" * 17_000}).encode()
    with http(server) as client:
        refused(client.request(method, path, content=large), 413, "PAYLOAD_TOO_LARGE")
        pieces = (large[n : n + 1000] for n in range(0, len(large), 1000))
        refused(client.request(method, path, content=pieces), 413, "PAYLOAD_TOO_LARGE")


def test_a_wrong_host_is_refused_in_json(server: Server) -> None:
    with http(server.processes[0], Host="evil.example") as client:  # a proxy may have its own word on that
        refused(client.get("/api/nothing"), 400, "VALIDATION_ERROR")


async def test_hiding_takes_somebody_off_the_radar(server: Server) -> None:
    a, b = await Client.arrive(server), await Client.arrive(server)
    async with a:
        seen = await a.ask("radar:subscribe", {"limit": 500}, "radar:update")
        assert b.session_id in {p["sessionId"] for p in seen["people"]}
        answer = await b.call("PUT", "/api/profile/visibility", {"visibility": False})
        assert answer.json() == {"success": True, "visibility": False}
        pushed = await a.hear("radar:update")
        assert b.session_id not in {p["sessionId"] for p in pushed["people"]}


async def test_an_emergency_contact_is_kept_trimmed_deleted_and_refused_in_words(server: Server) -> None:
    me, path = await Client.arrive(server), "/api/profile/emergency-contact"
    kept = await me.call("PUT", path, {"emergencyContact": "  friend@example.org "})
    assert kept.json() == {"success": True, "emergencyContact": "friend@example.org"}
    gone = await me.call("PUT", path, {"emergencyContact": None})
    assert gone.json() == {"success": True, "emergencyContact": None}
    phone = await me.call("PUT", path, {"emergencyContact": "+4915112345678"})
    assert "ext messages" in refused(phone, 400, "VALIDATION_ERROR")
    for wrong in ({}, {"emergencyContact": ""}, {"emergencyContact": 7}, {"emergencyContact": "a@b@c"}):
        refused(await me.call("PUT", path, wrong), 400, "VALIDATION_ERROR")


async def test_a_block_hides_both_and_is_not_done_twice(server: Server) -> None:
    a, b = await Client.arrive(server), await Client.arrive(server)
    async with a, b:
        assert (await a.call("POST", "/api/safety/block", {"targetSessionId": b.session_id})).json() == {
            "success": True
        }
        for client, other in ((a, b), (b, a)):
            seen = await client.ask("radar:subscribe", {"limit": 500}, "radar:update")
            assert other.session_id not in {p["sessionId"] for p in seen["people"]}
            answer = await client.ask("chat:request", {"targetSessionId": other.session_id}, "error")
            assert answer["code"] == "chat_request_failed"
    for target in (b.session_id, a.session_id, "nobody"):
        refused(await a.call("POST", "/api/safety/block", {"targetSessionId": target}), 400, "BLOCK_FAILED")
    refused(await a.call("POST", "/api/safety/block", {}), 400, "VALIDATION_ERROR")


async def test_three_reporters_exclude_somebody(server: Server) -> None:
    bad, *others = [await Client.arrive(server) for _ in range(4)]
    path = "/api/safety/report"
    report = {"targetSessionId": bad.session_id, "category": "spam"}
    async with others[0] as watcher:
        seen = await watcher.ask("radar:subscribe", {"limit": 500}, "radar:update")
        assert bad.session_id in {p["sessionId"] for p in seen["people"]}
        for other in others:
            assert (await other.call("POST", path, report)).json() == {"success": True}
        async with asyncio.timeout(5):
            while bad.session_id in {p["sessionId"] for p in (await watcher.hear("radar:update"))["people"]}:
                pass
    refused(await others[0].call("POST", path, report), 400, "REPORT_FAILED")
    refused(await bad.call("POST", path, report), 400, "REPORT_FAILED")
    refused(await bad.call("POST", path, {**report, "category": "rude"}), 400, "VALIDATION_ERROR")


async def test_too_many_calls_of_a_session_have_to_wait(server: Server) -> None:
    me = await Client.arrive(server)
    with http(server, Authorization=me.token) as client:
        tries = 60 * len(server.processes)  # each counts for itself
        answers = [client.put("/api/profile/visibility", json={"visibility": True}) for _ in range(tries)]
    late = [a for a in answers if a.status_code == 429]
    assert {a.status_code for a in answers} == {200, 429}
    refused(late[0], 429, "RATE_LIMITED")
    assert int(late[0].headers["retry-after"]) >= 1


def test_a_client_that_leaves_in_the_middle_of_a_body_harms_nobody(server: Server) -> None:
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", server.port)) as raw:
            raw.sendall(b"POST /api/onboarding HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 500\r\n\r\n{")
    with http(server) as client:
        assert client.post("/api/onboarding", json=WHOLE).status_code == 201


@pytest.fixture
def daphne(tmp_path: Path) -> Iterator[tuple[Server, socket.socket]]:
    """A server, and a connection to it on which a call has begun."""
    server = Server("daphne", tmp_path).start()
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as wire:
        wire.sendall(b"GET /status.json HTTP/1.1\r\nHost: 127.0.0.1\r\n")
        yield server, wire
    assert httpx.get(server.url + "/api/health", trust_env=False).status_code == 200
    assert server.stop() == 0
    assert server.complaints() == []


def test_daphne_refuses_a_body_that_says_that_it_is_larger_than_any_of_ours(
    daphne: tuple[Server, socket.socket],
) -> None:
    _, wire = daphne
    wire.sendall(b"Content-Length: 2000000000\r\n\r\n")
    assert wire.recv(64).startswith(b"HTTP/1.1 413 ")
    assert wire.recv(64_000).endswith(b"\r\n\r\n")
    assert wire.recv(1) == b"", "and no more is taken"


def test_daphne_cuts_off_a_body_that_grows_larger_than_any_of_ours(daphne: tuple[Server, socket.socket]) -> None:
    _, wire = daphne
    wire.sendall(b"Transfer-Encoding: chunked\r\n\r\n")
    with pytest.raises(ConnectionError):  # it is closed under what goes on being sent
        for _ in range(64):
            wire.sendall(b"100000\r\n" + b"x" * 2**20 + b"\r\n")
        pytest.fail("64 MiB were taken")
