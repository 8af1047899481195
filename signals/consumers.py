"""The door of sockets: parse a frame, call one service, answer.

A plain ASGI application instead of Channels' consumer: its dispatch goes through one thread of the whole process on
each event. Nothing here touches the database, suspends without need, or lets one frame end the socket.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from math import ceil
from time import perf_counter, time
from typing import Any, Final, cast

from django.conf import settings

from signals import faults, handshake, presence, starts, telemetry
from signals.errors import (
    ConnectionLimitExceeded,
    InvalidToken,
    MissingToken,
    RateLimitExceeded,
    SessionNotFound,
    SignalsError,
    TokenExpired,
    Unavailable,
)
from signals.limits import Bucket, Refusals
from signals.protocol import (
    AcceptChat,
    DeclineChat,
    EndChat,
    ErrorNotice,
    Frame,
    RequestChat,
    SendMessage,
    SubscribeRadar,
    TriggerPanic,
    UpdateLocation,
    encode,
    parse,
    refusal,
)
from signals.services import chats, notices, radar, safety, sessions

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

CLOSE_BY_REFUSAL: Final[dict[type[SignalsError], int]] = {
    MissingToken: 4401,
    InvalidToken: 4401,
    TokenExpired: 4404,
    SessionNotFound: 4404,
    ConnectionLimitExceeded: 4429,
}
CLOSE_FLOOD: Final = 4429
CLOSE_BROKEN: Final = 4500
BROKEN: Final = ErrorNotice(code="internal_error", message="Something went wrong on our side. We have been told.")

_open: set[Consumer] = set()


async def socket(scope: handshake.Scope, receive: Receive, send: Send) -> None:
    """One WebSocket from handshake to close."""
    await receive()  # websocket.connect
    if not handshake.welcome(scope):
        telemetry.count(telemetry.WS_OPENED, "foreign_origin")
        await send({"type": "websocket.close"})
        return
    offer = handshake.offer(scope)
    handshake.forget(scope)
    consumer = Consumer(send)
    await consumer.send({"type": "websocket.accept", "subprotocol": offer.subprotocol})
    try:
        consumer.session_id = handshake.session_of(offer.token)
        del offer  # nobody holds the token while the socket is open
        await consumer(receive)
    except Unavailable as refused:
        telemetry.count(telemetry.WS_OPENED, refused.code)
        await consumer.turn_away(encode(refusal(refused)), notices.CLOSE_RESTART)
    except tuple(CLOSE_BY_REFUSAL) as refused:
        telemetry.count(telemetry.WS_OPENED, refused.code)
        await consumer.turn_away(encode(refusal(refused)), CLOSE_BY_REFUSAL[type(refused)])
    except Exception as error:
        telemetry.capture(error, component="websocket", sessionId=consumer.session_id, connectionCount=str(len(_open)))
        await consumer.turn_away(encode(BROKEN), CLOSE_BROKEN)


class Consumer:
    """One open socket of a session."""

    __slots__ = (
        "_send",
        "bucket",
        "ending",
        "gone",
        "greeted",
        "refusals",
        "session_id",
        "touched_at",
        "waiting",
        "writer",
    )

    def __init__(self, send: Send) -> None:
        self._send = send
        self.session_id = ""
        self.bucket = Bucket(settings.FRAMES_PER_SECOND, settings.FRAMES_BURST, perf_counter())
        self.refusals = Refusals(settings.FRAMES_REFUSED_PER_MINUTE)
        self.waiting: list[bytes] = []  # an empty deque takes ten times as much, and nearly all are empty
        self.writer: asyncio.Task[None] | None = None
        self.ending: int | None = None  # the close code to send when everything waiting was sent
        self.gone = self.greeted = False
        self.touched_at = 0.0

    async def __call__(self, receive: Receive) -> None:
        """Greet, then serve until the socket ends, and clean up however that happens."""
        home, code = await presence.current().home(), 1006
        await self._enter(home)
        _open.add(self)
        telemetry.count(telemetry.WS_OPENED, "accepted")
        telemetry.level(telemetry.WS_CONNECTIONS, len(_open))
        try:
            code = await self._serve(receive)
        finally:
            _open.discard(self)
            notices.unsubscribe(self.session_id, self.push)  # before the store may keep us waiting
            radar.unwatch(self.session_id, self.push)
            if self.writer:
                self.writer.cancel()
            telemetry.count(telemetry.WS_CLOSED, str(self.ending or code))
            telemetry.level(telemetry.WS_CONNECTIONS, len(_open))
            with suppress(Unavailable):  # the name of this process is buried then, and this socket with it
                await sessions.close_socket(self.session_id, time(), home)

    async def _enter(self, home: str) -> None:
        notices.subscribe(self.session_id, self.push, self.close)  # what is told meanwhile waits behind the greeting
        try:
            self._greet(await sessions.open_socket(self.session_id, time(), home))
        finally:
            if not self.greeted:
                notices.unsubscribe(self.session_id, self.push)

    def _greet(self, greeting: tuple[Frame, ...]) -> None:
        self.waiting[:0] = [encode(notice) for notice in greeting]
        self.greeted = True
        self.writer = asyncio.create_task(self._write())

    # --- out ---

    async def send(self, message: Message) -> None:
        try:
            await self._send(message)
        except OSError:  # the client is gone; the server says so in `receive` as well
            self.gone = True

    def push(self, frame: bytes) -> None:
        """Send soon, in order. A client that leaves too much unread is given up."""
        if self.ending is not None:
            return
        if len(self.waiting) >= settings.SOCKET_WAITING_MAX:
            self.waiting.clear()
            self.waiting.append(encode(refusal(RateLimitExceeded(1000, "This connection reads too slowly."))))
            telemetry.count(telemetry.REFUSED, "slow_reader")
            self.close(CLOSE_FLOOD)
            return
        self.waiting.append(frame)
        self._wake()

    def close(self, code: int) -> None:
        """End the socket once everything that waits was sent."""
        if self.ending is None:
            self.ending = code
            self._wake()

    def _wake(self) -> None:
        if self.writer is None and self.greeted:
            self.writer = asyncio.create_task(self._write())

    async def turn_away(self, frame: bytes, code: int) -> None:
        await self.send({"type": "websocket.send", "text": frame.decode()})
        await self.send({"type": "websocket.close", "code": code})

    async def answer(self, frame: bytes) -> None:
        """Send at once, unless something else waits to be sent before."""
        if self.writer is None and self.ending is None:
            await self.send({"type": "websocket.send", "text": frame.decode()})
        else:
            self.push(frame)

    async def _write(self) -> None:
        while self.waiting and not self.gone:
            await self.send({"type": "websocket.send", "text": self.waiting.pop(0).decode()})
        if self.ending is not None:
            await self.send({"type": "websocket.close", "code": self.ending})
        self.writer = None

    # --- in ---

    async def _serve(self, receive: Receive) -> int:
        """Frames until the socket is gone; gives the close code."""
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                return cast("int", message.get("code") or 1005)
            if self.ending is None and not self.gone:
                text = message.get("text")
                await self._frame(message.get("bytes") if text is None else text)

    async def _frame(self, data: str | bytes | None) -> None:
        """Serve one frame, or say why not; whatever happens, the socket lives."""
        started, label = perf_counter(), "refused"
        try:
            self._admit(started)
            request = parse(data)
            label = request.type_
            with telemetry.transaction("websocket.message", label):
                if faults.fault is not None and label not in faults.SPARED_FRAMES:
                    await faults.fault.strike()
                await self._handle(request)
        except SignalsError as refused:
            await self._refuse(refused)
        except Exception as error:
            await self._broken(error, label)
        telemetry.observe(telemetry.WS_MESSAGE, (perf_counter() - started) * 1000, label)

    def _admit(self, at: float) -> None:
        wait_s = self.bucket.take(at)
        if wait_s:
            raise RateLimitExceeded(ceil(wait_s * 1000))

    async def _handle(self, request: Frame) -> None:
        now = time()
        frame = await _HANDLERS[type(request)](self, request, now)
        if frame is not None:
            await self.answer(frame)
        if now - self.touched_at >= sessions.TOUCH_EVERY_S:  # what was asked for is never late for it
            self.touched_at = now
            with suppress(SessionNotFound):  # the frame itself ended the session
                await sessions.touch(self.session_id, now)

    async def _refuse(self, refused: SignalsError) -> None:
        telemetry.count(telemetry.REFUSED, refused.code)
        await self.answer(encode(refusal(refused)))
        if isinstance(refused, SessionNotFound):
            self.close(CLOSE_BY_REFUSAL[SessionNotFound])
        elif self.refusals.add(perf_counter()):
            self.close(CLOSE_FLOOD)
        await asyncio.sleep(0)  # a flood in one packet must not keep everybody else waiting

    async def _broken(self, error: Exception, label: str) -> None:
        tags = {"sessionId": self.session_id, "connectionCount": str(len(_open)), "message.type": label}
        telemetry.capture(error, component="websocket", **tags)
        await self.answer(encode(BROKEN))

    # --- one branch for each frame ---

    async def _subscribe(self, request: SubscribeRadar, now: float) -> bytes:
        return await radar.watch(self.session_id, self.push, request.limit, request.vibe_only, now)

    async def _move(self, request: UpdateLocation, now: float) -> bytes:
        await sessions.move(self.session_id, request.lat, request.lng, now)
        return await radar.answer(self.session_id, self.push, now)

    async def _ask(self, request: RequestChat, now: float) -> None:
        started, other = perf_counter(), request.target_session_id
        await chats.request(self.session_id, other, now)
        took_ms = (perf_counter() - started) * 1000
        await asyncio.sleep(0)  # both sides hear of it before it is written down how long it took
        await starts.asked(self.session_id, other, took_ms, now)

    async def _accept(self, request: AcceptChat, now: float) -> None:
        started, other = perf_counter(), request.requester_session_id
        await chats.accept(self.session_id, other, now)
        took_ms = (perf_counter() - started) * 1000
        await asyncio.sleep(0)
        await starts.accepted(other, self.session_id, took_ms, now)

    async def _decline(self, request: DeclineChat, now: float) -> None:
        await chats.decline(self.session_id, request.requester_session_id, now)

    async def _say(self, request: SendMessage, now: float) -> None:
        await chats.message(self.session_id, request.text, now)

    async def _end(self, _: EndChat, now: float) -> None:
        await chats.end(self.session_id, now)

    async def _panic(self, _: TriggerPanic, now: float) -> None:
        await safety.panic(self.session_id, now)


_HANDLERS: Final[dict[type[Frame], Callable[[Consumer, Any, float], Awaitable[bytes | None]]]] = {
    SubscribeRadar: Consumer._subscribe,
    UpdateLocation: Consumer._move,
    RequestChat: Consumer._ask,
    AcceptChat: Consumer._accept,
    DeclineChat: Consumer._decline,
    SendMessage: Consumer._say,
    EndChat: Consumer._end,
    TriggerPanic: Consumer._panic,
}
