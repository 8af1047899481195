"""The consumer by itself: what it tells the watcher, and that it cleans up however it ends."""

import asyncio
import json
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pytest
from django.conf import settings

from signals import consumers, presence, telemetry, tokens
from signals.presence.memory import MemoryPresence
from signals.protocol import encode
from signals.routing import sockets
from signals.services import chats, notices, radar, sessions
from tests.signals.world import HERE


class Recorder:
    """Keeps what was said through the seam."""

    def __init__(self) -> None:
        self.observed: list[tuple[str, str]] = []
        self.counted: list[tuple[str, str]] = []
        self.levels: dict[str, float] = {}
        self.traced: list[tuple[str, str]] = []
        self.captured: list[tuple[BaseException, dict[str, str]]] = []

    def observe(self, metric: str, value_ms: float, label: str) -> None:
        assert value_ms >= 0
        self.observed.append((metric, label))

    def count(self, metric: str, label: str, n: int) -> None:
        self.counted.append((metric, label))

    def level(self, metric: str, value: float, label: str) -> None:
        self.levels[metric] = value

    def span(self, op: str, name: str) -> AbstractContextManager[object]:
        return nullcontext()

    def transaction(self, op: str, name: str) -> AbstractContextManager[object]:
        self.traced.append((op, name))
        return nullcontext()

    def capture(self, error: BaseException, tags: dict[str, str]) -> None:
        self.captured.append((error, tags))


class Wire:
    """A socket without a server: what goes in and what comes out."""

    def __init__(self, token: str = "", path: str = "/ws", **scope: Any) -> None:
        query = f"token={token}".encode()
        self.scope = {"type": "websocket", "path": path, "query_string": query, "headers": [], **scope}
        self.inbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.outbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.free = asyncio.Event()
        self.free.set()
        self.inbox.put_nowait({"type": "websocket.connect"})
        self.task = asyncio.create_task(sockets(self.scope, self.inbox.get, self._send))

    async def _send(self, message: dict[str, Any]) -> None:
        await self.free.wait()
        self.outbox.put_nowait(message)

    async def next(self) -> dict[str, Any]:
        async with asyncio.timeout(5):
            return await self.outbox.get()

    async def hear(self) -> tuple[str, dict[str, Any]]:
        frame = json.loads((await self.next())["text"])
        return frame["type"], frame["payload"]

    def say(self, type_: str, **payload: Any) -> None:
        self.inbox.put_nowait({"type": "websocket.receive", "text": json.dumps({"type": type_, "payload": payload})})

    async def leave(self, code: int = 1001) -> None:
        self.inbox.put_nowait({"type": "websocket.disconnect", "code": code})
        async with asyncio.timeout(5):
            await self.task

    @classmethod
    async def of_somebody(cls) -> tuple["Wire", str]:
        person = await sessions.arrive("banter", (), True, HERE, consumers.time())
        wire = cls(tokens.issue(person.session_id))
        assert (await wire.next())["type"] == "websocket.accept"
        assert (await wire.hear())[0] == "connected"
        return wire, person.session_id


@pytest.fixture
def recorder(store: MemoryPresence) -> Any:
    mine = Recorder()
    before = telemetry._recorder
    telemetry.install(mine)
    yield mine
    telemetry.install(before)


async def test_a_visit_is_counted_from_open_to_close_and_each_frame_by_its_type(recorder: Recorder) -> None:
    wire, _ = await Wire.of_somebody()
    assert recorder.levels["ws.connections"] == 1
    wire.say("radar:subscribe")
    assert (await wire.hear())[0] == "radar:update"
    wire.say("chat:end")
    assert (await wire.hear())[1]["code"] == "no_active_chat"
    wire.say("what?")
    assert (await wire.hear())[1]["code"] == "unknown_type"
    await wire.leave(1001)
    assert [label for metric, label in recorder.observed if metric == "ws.message"] == [
        "radar:subscribe",
        "chat:end",
        "refused",
    ]
    assert recorder.traced == [("websocket.message", "radar:subscribe"), ("websocket.message", "chat:end")]
    assert ("ws.opened", "accepted") in recorder.counted
    assert ("ws.closed", "1001") in recorder.counted
    assert ("refused", "no_active_chat") in recorder.counted
    assert recorder.levels["ws.connections"] == 0


async def test_a_refused_handshake_is_counted_by_its_reason(recorder: Recorder) -> None:
    wire = Wire()
    await wire.task
    foreign = Wire(headers=[(b"origin", b"null"), (b"host", b"localhost")])
    await foreign.task
    assert (await foreign.next())["type"] == "websocket.close"
    assert recorder.counted == [("ws.opened", "missing_token"), ("ws.opened", "foreign_origin")]


async def test_the_start_of_a_chat_is_the_server_time_of_asking_and_accepting(recorder: Recorder) -> None:
    (a, a_id), (b, b_id) = await Wire.of_somebody(), await Wire.of_somebody()
    a.say("chat:request", targetSessionId=b_id)
    assert (await b.hear())[0] == "chat:request"
    b.say("chat:accept", requesterSessionId=a_id)
    assert (await b.hear())[0] == "chat:accepted"
    await a.leave()
    await b.leave()
    assert [metric for metric, _ in recorder.observed if metric == "chat.start"] == ["chat.start"]


async def test_two_who_ask_each_other_start_a_chat_too(recorder: Recorder) -> None:
    (a, a_id), (b, b_id) = await Wire.of_somebody(), await Wire.of_somebody()
    a.say("chat:request", targetSessionId=b_id)
    assert (await b.hear())[0] == "chat:request"
    b.say("chat:request", targetSessionId=a_id)
    assert (await b.hear())[0] == "chat:accepted"
    await a.leave()
    await b.leave()
    assert [metric for metric, _ in recorder.observed if metric == "chat.start"] == ["chat.start"]


async def test_an_exception_is_captured_once_with_its_tags_and_the_socket_lives(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    wire, session_id = await Wire.of_somebody()

    async def broken(*args: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(chats, "end", broken)
    wire.say("chat:end")
    assert (await wire.hear())[1]["code"] == "internal_error"
    wire.say("radar:subscribe")
    assert (await wire.hear())[0] == "radar:update"
    await wire.leave()
    ((error, tags),) = recorder.captured
    assert isinstance(error, RuntimeError)
    assert tags == {
        "component": "websocket",
        "sessionId": session_id,
        "connectionCount": "1",
        "message.type": "chat:end",
    }


@pytest.mark.parametrize("end", ["leave", "cancel"])
async def test_nothing_is_left_of_a_socket_however_it_ends(recorder: Recorder, end: str) -> None:
    wire, session_id = await Wire.of_somebody()
    wire.say("radar:subscribe")
    await wire.hear()
    if end == "leave":
        await wire.leave()
    else:
        wire.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await wire.task
    session = await presence.current().get(session_id)
    assert session is not None
    assert session.sockets == 0
    assert notices.sockets() == 0
    assert set(radar.sizes().values()) == {0}
    assert not consumers._open


async def test_a_client_that_reads_nothing_is_given_up(recorder: Recorder) -> None:
    wire, session_id = await Wire.of_somebody()
    wire.free.clear()
    for _ in range(settings.SOCKET_WAITING_MAX + 10):
        notices.deliver(session_id, encode(consumers.BROKEN))
    wire.free.set()
    messages = [await wire.next()]
    while messages[-1]["type"] != "websocket.close":
        messages.append(await wire.next())
    assert len(messages) <= 3
    assert json.loads(messages[-2]["text"])["payload"]["code"] == "rate_limit_exceeded"
    assert messages[-1]["code"] == 4429
    await wire.leave(4429)
    assert ("refused", "slow_reader") in recorder.counted


async def test_a_session_that_ended_elsewhere_is_told_and_closed(recorder: Recorder) -> None:
    wire, session_id = await Wire.of_somebody()
    await sessions.end(session_id, "panic", consumers.time())
    assert await wire.next() == {"type": "websocket.close", "code": 1000}
    await wire.leave(1000)


async def test_a_frame_after_the_session_is_gone_says_so_and_closes(recorder: Recorder) -> None:
    wire, session_id = await Wire.of_somebody()
    await presence.current().transact((session_id,), lambda found: ((None,), None))
    wire.say("radar:subscribe")
    assert (await wire.hear())[1]["code"] == "session_not_found"
    assert await wire.next() == {"type": "websocket.close", "code": 4404}
    await wire.leave(4404)


async def test_a_client_that_vanished_while_it_was_written_to_ends_quietly(recorder: Recorder) -> None:
    wire, session_id = await Wire.of_somebody()

    async def gone(message: dict[str, Any]) -> None:
        raise OSError

    (consumer,) = consumers._open
    consumer._send = gone
    wire.say("radar:subscribe")
    notices.deliver(session_id, encode(consumers.BROKEN))
    await wire.leave(1006)
    assert not recorder.captured
