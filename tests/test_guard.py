"""Around everything: what nobody caught is told once, and not to a server's log."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from icebreaker.guard import BrokeOff, Guard
from monitoring.metrics.recorder import recorder
from signals import telemetry

Message = dict[str, Any]


@pytest.fixture
def captured() -> Iterator[list[tuple[BaseException, dict[str, str]]]]:
    found: list[tuple[BaseException, dict[str, str]]] = []

    class Tracer:
        def capture(self, error: BaseException, tags: dict[str, str]) -> None:
            found.append((error, tags))

    before, recorder.tracer = recorder.tracer, Tracer()  # type: ignore[assignment]
    recorder.drain()
    yield found
    recorder.tracer = before


async def through(kind: str, *first: Message) -> list[Message]:
    """What is sent by an application that sends `first`, and breaks."""
    sent: list[Message] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        for message in first:
            await send(message)
        raise RuntimeError("see you at the window")

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request"}

    await Guard(app)({"type": kind}, receive, send)
    return sent


async def test_a_call_that_breaks_is_answered_in_json_and_told_once(captured: list[Any]) -> None:
    start, body = await through("http")
    assert (start["status"], body["type"]) == (500, "http.response.body")
    assert b"INTERNAL_ERROR" in body["body"]
    ((error, tags),) = captured
    assert (type(error), tags) == (RuntimeError, {"component": "http"})
    assert recorder.drain().counts == {(telemetry.ERRORS, "http"): 1}


async def test_a_socket_that_breaks_before_it_opened_is_closed(captured: list[Any]) -> None:
    assert await through("websocket") == [{"type": "websocket.close"}]
    assert len(captured) == 1


async def test_an_answer_that_had_begun_breaks_off_and_quotes_nobody(captured: list[Any]) -> None:
    with pytest.raises(BrokeOff) as broken:
        await through("http", {"type": "http.response.start", "status": 200, "headers": []})
    assert broken.value.__cause__ is broken.value.__context__ is None
    assert len(captured) == 1
