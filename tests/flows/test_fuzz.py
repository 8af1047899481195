"""Whatever is sent: no 5xx, no traceback, no dropped socket, and what is refused changes nothing."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.sync.client import ClientConnection, connect

from signals.errors import SignalsError
from signals.protocol import NOTICES, REQUESTS, parse
from tests.flows.server import PLACE, Server

CALM = [type_ for type_ in REQUESTS if type_ != "panic:trigger"]  # which would end the session
TOO_LONG = json.dumps({"type": "chat:message", "payload": {"text": "x" * 1001}})
PATHS = [
    "/api/onboarding",
    "/api/profile/visibility",
    "/api/profile/emergency-contact",
    "/api/safety/block",
    "/api/safety/report",
    "/api/other",
]
FIELDS = [
    *("vibe", "tags", "visibility", "location", "lat", "lng", "emergencyContact", "targetSessionId", "category"),
    *("requesterSessionId", "text", "limit", "vibeOnly", "type", "payload"),
]
TEXT = st.text(max_size=40) | st.sampled_from(["banter", "Builder brain", "spam", "\x00", "../..", "+4915112", "'--"])
NUMBERS = st.integers() | st.floats() | st.sampled_from([0, -0.0, 90, 180.0, 1e308, 2**63, -(2**64)])
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(FIELDS) | TEXT, inner, max_size=4),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=6)
SOME = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


class Talk:
    """A socket that is asked something and answers."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    def heard(self) -> dict[str, Any]:
        frame: dict[str, Any] = json.loads(self.socket.recv(timeout=10))
        return frame

    def until_quiet(self) -> list[dict[str, Any]]:
        """Everything said so far: until the answer to a frame that no example sends."""
        self.socket.send(TOO_LONG)
        frames = [self.heard()]
        while not (frames[-1]["type"] == "error" and frames[-1]["payload"]["code"] == "message_too_long"):
            frames.append(self.heard())
        return frames[:-1]


class World:
    """One caller, one talker and one bystander at a server, for all examples."""

    def __init__(self, server: Server, stack: ExitStack) -> None:
        self.server, self.stack = server, stack
        self.caller = stack.enter_context(httpx.Client(base_url=server.url, trust_env=False, verify=False))
        self.caller.headers["Authorization"] = f"Bearer {self.arrive()}"
        self.talker, self.watcher = self.connect(), self.connect()

    def arrive(self) -> str:
        body = {"vibe": "surprise", "visibility": True, "location": PLACE}
        return str(self.caller.post("/api/onboarding", json=body).json()["token"])

    def connect(self) -> Talk:
        url = f"{self.server.ws_url}?token={self.arrive()}"
        talk = Talk(
            self.stack.enter_context(
                connect(url, compression=None, proxy=None, max_size=None, close_timeout=1, ping_interval=None)
            )
        )
        talk.until_quiet()
        return talk

    def seen(self) -> list[str]:
        """The people as the bystander sees them."""
        self.watcher.socket.send('{"type":"radar:subscribe","payload":{"limit":500}}')
        people = self.watcher.until_quiet()[-1]["payload"]["people"]
        return sorted(json.dumps(p) for p in people)


@pytest.fixture(scope="module")
def world(open_server: Server) -> Iterator[World]:
    with ExitStack() as stack:
        yield World(open_server, stack)


@SOME
@given(method=st.sampled_from(["POST", "PUT", "GET", "DELETE"]), path=st.sampled_from(PATHS), body=OBJECTS | VALUES)
def test_no_body_makes_a_call_fail_on_our_side(world: World, method: str, path: str, body: Any) -> None:
    answer = world.caller.request(method, path, content=json.dumps(body))
    _is_well_formed(answer)


@SOME
@given(path=st.sampled_from(PATHS), body=st.binary(max_size=200), header=st.text("abcXYZ09._~- =\t/", max_size=60))
def test_no_bytes_and_no_header_make_a_call_fail_on_our_side(world: World, path: str, body: bytes, header: str) -> None:
    caller = world.caller
    _is_well_formed(caller.post(path, content=body))
    _is_well_formed(caller.put(path, content=body, headers={"Authorization": header.strip()}))


@SOME
@given(path=st.text(max_size=30), query=st.text(max_size=30))
def test_no_path_makes_a_call_fail_on_our_side(world: World, path: str, query: str) -> None:
    raw = f"/api/{quote(path, errors='replace')}?{quote(query, errors='replace')}"
    url = httpx.URL(world.server.url).copy_with(raw_path=raw.encode())
    answer = world.caller.get(url)
    assert answer.status_code < 500, url


@SOME
@given(frames=st.lists(st.tuples(st.sampled_from([*CALM, "x"]), OBJECTS | VALUES).map(json.dumps), max_size=5))
def test_frames_that_are_nearly_right_leave_the_socket_alive(world: World, frames: list[str]) -> None:
    for frame in frames:
        type_, payload = json.loads(frame)
        world.talker.socket.send(json.dumps({"type": type_, "payload": payload}))
    assert {frame["type"] for frame in world.talker.until_quiet()} <= set(NOTICES)


@SOME
@given(frame=st.text(max_size=100) | st.binary(max_size=100) | VALUES.map(json.dumps))
def test_any_frame_leaves_the_socket_alive(world: World, frame: str | bytes) -> None:
    if isinstance(frame, str):
        frame = frame.encode(errors="replace").decode()
    world.talker.socket.send(frame)
    assert {said["type"] for said in world.talker.until_quiet()} <= set(NOTICES)


@SOME
@given(type_=st.sampled_from(CALM), payload=OBJECTS | VALUES)
def test_what_is_refused_changes_nothing_that_others_see(world: World, type_: str, payload: Any) -> None:
    frame = json.dumps({"type": type_, "payload": payload})
    try:
        parse(frame)
    except SignalsError as refused:
        before = world.seen()
        world.talker.socket.send(frame)
        assert [f["payload"]["code"] for f in world.talker.until_quiet() if f["type"] == "error"] == [refused.code]
        assert world.seen() == before


def _is_well_formed(answer: httpx.Response) -> None:
    assert answer.status_code < 500
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert isinstance(answer.json(), dict)
