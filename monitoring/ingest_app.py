"""The door of error SDKs, in front of Django and its middleware: POST /api/<project>/envelope/ and its kin."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from time import time
from typing import Any, Final

import msgspec

from monitoring.errors.auth import header_key, query_key
from monitoring.errors.envelope import ENVELOPE_MAX_BYTES
from monitoring.errors.ingest import Answer, Call, Ingest, Refused, current
from signals import telemetry

Message = dict[str, Any]
Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

BODY_WITHIN_S: Final = 30.0
HELD_MAX_BYTES: Final = 64 * 1024 * 1024  # of all bodies under way together
FORWARDED: Final = b"x-icebreaker-forwarded"  # what we send on ourselves; coming back it would go round for ever
_PATH: Final = re.compile(r"/api/(?:(\d{1,9})/(envelope|store|security)|tunnel)/?", re.ASCII)
_SENT_BACK: Final = b"x-sentry-auth, x-requested-with, authorization, authentication, content-type, content-encoding, accept, origin, referer, baggage, sentry-trace"  # noqa: E501
_CORS: Final = (
    (b"access-control-allow-origin", b"*"),
    (b"access-control-allow-methods", b"POST, OPTIONS"),
    (b"access-control-allow-headers", _SENT_BACK),
    (b"access-control-expose-headers", b"x-sentry-error, x-sentry-rate-limits, retry-after"),
    (b"access-control-max-age", b"86400"),
    (b"cross-origin-resource-policy", b"cross-origin"),
    (b"cache-control", b"no-store"),
)


class ErrorDoor:
    """Answers what SDKs ask for, and hands everything else on."""

    def __init__(self, app: App, ingest: Callable[[], Ingest] = current) -> None:
        self.app, self.ingest = app, ingest
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = _PATH.fullmatch(scope["path"]) if scope["type"] == "http" else None
        if found is None:
            await self.app(scope, receive, send)
        elif scope["method"] == "OPTIONS":
            await _reply(send, 200, b"", ())
        elif scope["method"] == "GET" and found[1] is None:
            await self._tell(send)
        elif scope["method"] != "POST":
            await _reply(send, 405, b'{"detail":"only POST is understood here"}', (("Allow", "POST, OPTIONS"),))
        else:
            await self._answer(scope, receive, send, found[1], found[2])

    async def _tell(self, send: Send) -> None:
        """Which project our own pages send to, for who asks at the tunnel; empty as long as that is not known."""
        ingest = self.ingest()
        await ingest.book.look(None, None)
        await _reply(send, 200, msgspec.json.encode({"dsn": ingest.book.browser_dsn()}), ())

    async def _answer(self, scope: Scope, receive: Receive, send: Send, project: str | None, kind: str | None) -> None:
        ingest = self.ingest()
        try:
            answer = await self._take(ingest, scope, receive, int(project) if project else None, kind or "envelope")
        except Refused as refused:
            if refused.reason:
                ingest.count(refused.project_id, refused.reason)
            words = msgspec.json.encode({"detail": refused.words})
            await _reply(send, refused.status, words, (*refused.headers, ("X-Sentry-Error", refused.words)))
        except Exception as error:  # told as a number and a log line: a report of it would come to this same door
            telemetry.log.error("ingest failed: %s", type(error).__name__)
            telemetry.count(telemetry.ERRORS, "ingest")
            ingest.count(0, "failed")
            await _reply(send, 500, b'{"detail":"something went wrong on our side"}', ())
        else:
            if answer is not None:
                await _reply(send, answer.status, msgspec.json.encode(answer.body), answer.headers)

    async def _take(
        self, ingest: Ingest, scope: Scope, receive: Receive, project_id: int | None, kind: str
    ) -> Answer | None:
        """Gives None when the sender left before everything was there."""
        headers = dict(scope["headers"])
        if FORWARDED in headers:
            raise Refused(403, "loop", "this came from here")
        call = Call(
            kind,
            project_id,
            header_key(headers.get(b"x-sentry-auth", b"").decode("latin-1")),
            query_key(scope.get("query_string", b"").decode("latin-1")),
            headers.get(b"content-encoding", b"").decode("latin-1"),
        )
        sender = await ingest.admit(call)
        number = sender.door.project_id if sender else 0
        announced = headers.get(b"content-length", b"0")
        if announced.isdigit() and int(announced[:12]) > ENVELOPE_MAX_BYTES:
            raise Refused(413, "too_large", "the envelope is larger than 20 MiB", project_id=number)
        held = _Held(self)
        try:
            body = await self._body(receive, held, number)
            if body is None:
                ingest.count(number, "left")
                return None
            return await ingest.take(call, sender, body, time())
        finally:
            held.release()

    async def _body(self, receive: Receive, held: _Held, project_id: int) -> bytes | None:
        message = await receive()  # most bodies come in one piece, and need no clock
        if message["type"] == "http.request" and not message.get("more_body", False):
            body: bytes = message.get("body", b"")
            held.add(len(body), project_id)
            return body
        try:
            async with asyncio.timeout(BODY_WITHIN_S):
                return await _rest(message, receive, held, project_id)
        except TimeoutError:
            raise Refused(408, "timeout", "the body did not come in time", project_id=project_id) from None


class _Held:
    """What one request holds of the memory that all share."""

    def __init__(self, door: ErrorDoor) -> None:
        self.door, self.size = door, 0

    def add(self, size: int, project_id: int) -> None:
        self.size += size
        self.door._held += size
        if self.size > ENVELOPE_MAX_BYTES:
            raise Refused(413, "too_large", "the envelope is larger than 20 MiB", project_id=project_id)
        if self.door._held > HELD_MAX_BYTES:
            raise Refused(503, "busy", "too much at once", project_id=project_id, retry_after_s=5)

    def release(self) -> None:
        self.door._held -= self.size


async def _rest(message: Message, receive: Receive, held: _Held, project_id: int) -> bytes | None:
    chunks: list[bytes] = []
    while message["type"] == "http.request":
        chunks.append(message.get("body", b""))
        held.add(len(chunks[-1]), project_id)
        if not message.get("more_body", False):
            return b"".join(chunks)
        message = await receive()
    return None


async def _reply(send: Send, status: int, body: bytes, more: tuple[tuple[str, str], ...]) -> None:
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        *_CORS,
        *((name.lower().encode(), value.encode("latin-1", "replace")) for name, value in more),
    ]
    if status in (408, 413):  # the rest of the body was not read
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
