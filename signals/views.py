"""The HTTP door: each call parses, calls one service and answers in JSON."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from functools import lru_cache, wraps
from math import ceil
from time import perf_counter, time
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from signals import bodies, limits, telemetry, tokens
from signals.bodies import read
from signals.domain.chat import ms
from signals.errors import (
    RateLimitExceeded,
    SessionNotFound,
    SignalsError,
    TokenExpired,
    Unauthorized,
    Unavailable,
)
from signals.middleware import error_body
from signals.services import allowance, safety, sessions

Given = dict[str, Any]
Call = Callable[[HttpRequest], Awaitable[tuple[int, Given]]]
View = Callable[[HttpRequest], Coroutine[Any, Any, HttpResponse]]


def call(method: str) -> Callable[[Call], View]:
    """A view that answers `method` alone, in JSON, whatever happens in it."""

    def made(handler: Call) -> View:
        @csrf_exempt  # these calls carry a token, never a cookie
        @wraps(handler)
        async def view(request: HttpRequest) -> HttpResponse:
            if request.method != method:
                answer = JsonResponse(error_body(405), status=405)
                answer["Allow"] = method
                return answer
            try:
                status, given = await handler(request)
            except SignalsError as refused:
                return _refused(refused)
            except Exception as error:
                telemetry.capture(error, component="http", route=handler.__name__)
                return JsonResponse(error_body(500), status=500)
            return JsonResponse(given, status=status)

        return view

    return made


@call("POST")
async def onboarding(request: HttpRequest) -> tuple[int, Given]:
    body = read(bodies.Onboarding, request.body)
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "")
    key = limits.client_key(request.META.get("REMOTE_ADDR"), forwarded, _proxies(tuple(settings.TRUSTED_PROXIES)))
    _wait(await allowance.onboarding(key, perf_counter()), "onboarding")
    point = (body.location.lat, body.location.lng) if body.location else None
    person = await sessions.arrive(body.vibe, body.tags, body.visibility, point, time())
    return 201, {
        "sessionId": person.session_id,
        "token": tokens.issue(person.session_id),
        "handle": person.handle,
        "expiresAt": ms(person.expires_at),
    }


@call("PUT")
async def visibility(request: HttpRequest) -> tuple[int, Given]:
    me = await _me(request)
    body = read(bodies.Visibility, request.body)
    await sessions.set_visibility(me, body.visibility, time())
    return 200, {"success": True, "visibility": body.visibility}


@call("PUT")
async def emergency_contact(request: HttpRequest) -> tuple[int, Given]:
    me = await _me(request)
    body = read(bodies.EmergencyContact, request.body)
    kept = await sessions.set_contact(me, body.emergency_contact, time())
    return 200, {"success": True, "emergencyContact": kept}


@call("POST")
async def block(request: HttpRequest) -> tuple[int, Given]:
    me = await _me(request)
    await safety.block(me, read(bodies.Block, request.body).target_session_id, time())
    return 200, {"success": True}


@call("POST")
async def report(request: HttpRequest) -> tuple[int, Given]:
    me = await _me(request)
    body = read(bodies.Report, request.body)
    await safety.report(me, body.target_session_id, body.category, time())
    return 200, {"success": True}


def not_found(request: HttpRequest) -> HttpResponse:
    """Any other path below /api, by any method."""
    return JsonResponse(error_body(404), status=404)


not_found.csrf_exempt = True  # type: ignore[attr-defined]


async def _me(request: HttpRequest) -> str:
    """The session that calls. Raises Unauthorized or RateLimitExceeded."""
    words = request.headers.get("Authorization", "").split()
    if len(words) == 2 and words[0].lower() == "bearer":
        del words[0]
    session_id = tokens.session_of(words[0]) if len(words) == 1 else None
    if session_id is None:
        raise Unauthorized
    await sessions.touch(session_id, time())
    _wait(_calls(settings.REQUESTS_PER_SECOND).take(session_id, perf_counter()), "requests")
    return session_id


def _wait(seconds: float, limit: str) -> None:
    if seconds:
        telemetry.count(telemetry.REFUSED, limit)
        raise RateLimitExceeded(ceil(seconds * 1000))


def _refused(refused: SignalsError) -> HttpResponse:
    if isinstance(refused, SessionNotFound | TokenExpired):
        refused = Unauthorized()
    if isinstance(refused, Unavailable):
        telemetry.count(telemetry.REFUSED, refused.code)
        answer = JsonResponse(error_body(503, message=refused.message), status=503)
        answer["Retry-After"] = "5"
        return answer
    if not isinstance(refused, RateLimitExceeded):
        telemetry.count(telemetry.REFUSED, refused.code)
        return JsonResponse(error_body(refused.status, refused.code, refused.message), status=refused.status)
    answer = JsonResponse(error_body(429, message=refused.message), status=429)
    answer["Retry-After"] = str(ceil(refused.extra["retryAfterMs"] / 1000))
    return answer


@lru_cache(maxsize=4)
def _calls(per_second: int) -> limits.Buckets:
    return limits.Buckets(per_second, 2 * per_second)


@lru_cache(maxsize=4)
def _proxies(texts: tuple[str, ...]) -> tuple[limits.Network, ...]:
    return limits.networks(texts)
