"""Look at a service from outside: an HTTP GET, or a real WebSocket handshake up to `connected`.

The prober doubts itself first: before a bad answer counts, its own canary has to answer well, and its own event loop
must not have been held up. Else the answer is unknown.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import perf_counter
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import msgspec
import websockets

from monitoring.drills import effects
from monitoring.uptime.outage import Answer, Policy, judge

BODY_MAX_BYTES: Final = 64 * 1024
FRAME_MAX_BYTES: Final = 64 * 1024
HELD_UP_S: Final = 0.5  # our own loop late by more than this: the figure is ours, not the service's
LAP_S: Final = 0.05
LIMIT_S: Final = 30
PROTOCOL: Final = "icebreaker.v1"
AGENT: Final = "icebreaker-probe"


class Target(msgspec.Struct, frozen=True):
    """What to look at, as a prober anywhere needs it."""

    id: int
    name: str
    way: str  # http | websocket
    url: str
    expects: str
    interval_s: int
    timeout_s: int
    slow_ms: int

    @property
    def policy(self) -> Policy:
        return Policy(interval=timedelta(seconds=self.interval_s), slow_after=timedelta(milliseconds=self.slow_ms))


class Seen(msgspec.Struct, frozen=True):
    """What one probe saw."""

    target: int
    at: datetime
    answer: Answer
    took_ms: float | None = None
    reason: str = ""
    certificate_expires_at: datetime | None = None


class Wrong(Exception):
    """The service answered, or failed to, in a way that a person would call broken; the text says how."""


@dataclass(slots=True)
class _Loop:
    """How late our own event loop was at worst, in seconds."""

    late_s: float = 0.0


@contextlib.asynccontextmanager
async def _lateness() -> AsyncIterator[_Loop]:
    loop = _Loop()

    async def laps() -> None:
        while True:
            started = perf_counter()
            await asyncio.sleep(LAP_S)
            loop.late_s = max(loop.late_s, perf_counter() - started - LAP_S)

    task = asyncio.create_task(laps())
    try:
        yield loop
        await asyncio.sleep(0)
    finally:
        task.cancel()


class Prober:
    """Probes, with what it keeps between two probes: the token of its one invisible session a service."""

    def __init__(self, canary_url: str = "", trust: ssl.SSLContext | None = None) -> None:
        self._canary_url = canary_url
        self._trust = trust or ssl.create_default_context()
        self._tokens: dict[str, str] = {}

    async def probe(self, target: Target, at: datetime) -> Seen:
        """Look once. Never raises but for cancellation."""
        policy = target.policy
        async with _lateness() as loop:
            started, seen = perf_counter(), await self._look(target, at)
            took = timedelta(seconds=perf_counter() - started)
        answer = judge(None if seen.reason else took, policy)
        seen = msgspec.structs.replace(
            seen, answer=answer, took_ms=None if seen.reason else took / timedelta(milliseconds=1)
        )
        if answer is Answer.GOOD:
            return seen
        if loop.late_s > HELD_UP_S:
            return msgspec.structs.replace(seen, answer=Answer.UNKNOWN, reason="The prober itself was held up.")
        if not await self._sees(policy.slow_after if answer is Answer.SLOW else timedelta(seconds=target.timeout_s)):
            return msgspec.structs.replace(seen, answer=Answer.UNKNOWN, reason="The prober itself is cut off.")
        return seen

    async def _look(self, target: Target, at: datetime) -> Seen:
        reason, expires_at = "", None
        try:
            async with asyncio.timeout(target.timeout_s):
                if target.way == "websocket":
                    expires_at = await self._shake_hands(target)
                else:
                    expires_at = await self._get(target.url, target.expects)
        except TimeoutError:
            reason = f"No answer within {target.timeout_s} s."
        except Wrong as wrong:
            reason = str(wrong)
        except ssl.SSLCertVerificationError as error:
            reason = f"The certificate is not valid: {error.verify_message}"
        except (httpx.HTTPError, OSError, websockets.WebSocketException, ValueError) as error:
            reason = _named(error)
        return Seen(target.id, at, Answer.FAILED, reason=reason[:160], certificate_expires_at=expires_at)

    async def _get(self, url: str, expects: str) -> datetime | None:
        async with self._client() as client, client.stream("GET", url) as answer:
            expires_at = _expiry(answer.extensions.get("network_stream"))
            body = b""
            async for chunk in answer.aiter_bytes():
                body += chunk
                if len(body) > BODY_MAX_BYTES:
                    raise Wrong("The answer is longer than 64 KiB.")
        if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE and _practises(body):
            raise Wrong(effects.PROBED)
        if answer.status_code != httpx.codes.OK:
            raise Wrong(f"The answer was {answer.status_code}.")
        if expects and expects.encode() not in body:
            raise Wrong("The answer lacks the expected text.")
        return expires_at

    async def _shake_hands(self, target: Target) -> datetime | None:
        token = self._tokens.get(target.url) or await self._onboard(target.url)
        code, expires_at = await self._connected(target.url, token)
        if code in {"token_expired", "session_not_found", "invalid_token"}:  # our session is over: a new one, once
            self._tokens.pop(target.url, None)
            code, expires_at = await self._connected(target.url, await self._onboard(target.url))
        if code:
            raise Wrong(f"The socket was refused: {code}.")
        return expires_at

    async def _onboard(self, url: str) -> str:
        parts = urlsplit(url)
        body = {"vibe": "surprise", "visibility": False}
        async with self._client() as client:
            answer = await client.post(f"{parts.scheme}://{parts.netloc}/api/onboarding", json=body)
        if answer.status_code != httpx.codes.CREATED:
            raise Wrong(f"Onboarding was answered with {answer.status_code}.")
        token = answer.json().get("token")
        if not isinstance(token, str):
            raise Wrong("Onboarding gave no token.")
        self._tokens[url] = token
        return token

    async def _connected(self, url: str, token: str) -> tuple[str, datetime | None]:
        """Open, read the first frame, leave. Answers with the code of the refusal, or nothing."""
        async with websockets.connect(
            "ws" + url.removeprefix("http"),
            ssl=self._trust if url.startswith("https") else None,
            subprotocols=[websockets.Subprotocol(PROTOCOL), websockets.Subprotocol(token)],
            user_agent_header=AGENT,
            proxy=None,
            compression=None,
            open_timeout=None,
            close_timeout=1,
            max_size=FRAME_MAX_BYTES,
        ) as socket:
            frame: Any = msgspec.json.decode(await socket.recv())
            expires_at = _certificate_end(socket.transport.get_extra_info("ssl_object"))
        if not isinstance(frame, dict):
            raise Wrong("The first frame was not an object.")
        if frame.get("type") == "connected":
            return "", expires_at
        payload = frame.get("payload")
        code = payload.get("code") if isinstance(payload, dict) else None
        return str(code or "the first frame was not connected")[:60], expires_at

    async def _sees(self, within: timedelta) -> bool:
        """Whether the prober can reach anything at all: its canary address, or without one a socket of its own."""
        try:
            async with asyncio.timeout(within.total_seconds()):
                if self._canary_url:
                    async with self._client() as client:
                        return (await client.get(self._canary_url)).status_code < 500
                await _own_socket()
        except (TimeoutError, httpx.HTTPError, OSError):
            return False
        return True

    def _client(self) -> httpx.AsyncClient:
        """Its time limit is that of the whole probe, around it."""
        return httpx.AsyncClient(verify=self._trust, trust_env=False, timeout=LIMIT_S, headers={"User-Agent": AGENT})


async def _own_socket() -> None:
    answered = asyncio.Event()

    async def accept(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answered.set()
        writer.close()

    async with await asyncio.start_server(accept, "127.0.0.1", 0) as server:
        _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        await answered.wait()
        writer.close()
        await writer.wait_closed()


def _practises(body: bytes) -> bool:
    """Whether a bad answer says of itself that it is a drill's."""
    try:
        said = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return False
    return isinstance(said, dict) and said.get("status") == effects.ANSWER


def _named(error: Exception) -> str:
    """In words, without an address: these may stand in a mail."""
    cause: BaseException = error
    while cause.__cause__ or cause.__context__:
        cause = cause.__cause__ or cause.__context__ or cause
    match cause:
        case ssl.SSLCertVerificationError():
            return f"The certificate is not valid: {cause.verify_message}."
        case ConnectionRefusedError():
            return "The connection was refused."
        case websockets.ConnectionClosed() | ConnectionResetError() | EOFError():
            return "The connection was cut."
        case websockets.InvalidStatus():
            return f"The handshake was answered with {cause.response.status_code}."
        case _:
            return f"The answer could not be had ({type(cause).__name__})."


def _expiry(stream: Any) -> datetime | None:
    return _certificate_end(stream.get_extra_info("ssl_object")) if stream else None


def _certificate_end(tls: ssl.SSLObject | None) -> datetime | None:
    certificate = tls.getpeercert() if tls else None
    ends = certificate.get("notAfter") if certificate else None
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(ends), UTC) if isinstance(ends, str) else None
