"""What every HTTP call goes through: timing by route, and below /api nothing but JSON that nobody stores."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from inspect import iscoroutinefunction
from time import perf_counter
from typing import Any, Final, cast

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from signals import faults, telemetry

Answer = Callable[[HttpRequest], Any]
_OURS: Final = re.compile(r"/api(?:/(?!\d+/)|$)")  # /api/<number>/ is spoken by error SDKs, in their own words
_WORDS: Final = {
    400: ("VALIDATION_ERROR", "The request does not have the right form."),
    403: ("FORBIDDEN", "This is not allowed."),
    404: ("NOT_FOUND", "There is nothing here."),
    405: ("METHOD_NOT_ALLOWED", "This method is not allowed here."),
    413: ("PAYLOAD_TOO_LARGE", "A body may hold at most 16 KiB."),
    429: ("RATE_LIMITED", "Too many at once. Please wait a moment."),
    503: ("UNAVAILABLE", "We can't reach what we need. Please try again in a moment."),
}


def is_api(path: str) -> bool:
    """Whether answers on this path are those of docs/protocol.md."""
    return _OURS.match(path) is not None


def error_body(status: int, code: str = "", message: str = "") -> dict[str, dict[str, str]]:
    """The body of every error below /api."""
    usual = _WORDS.get(status, ("INTERNAL_ERROR", "Something went wrong on our side. We have been told."))
    return {"error": {"code": code or usual[0], "message": message or usual[1]}}


@sync_and_async_middleware
def api_answers(get_response: Answer) -> Answer:
    """Time every call; turn any error page below /api into JSON, whatever layer it came from."""
    if iscoroutinefunction(get_response):

        async def answer_async(request: HttpRequest) -> HttpResponseBase:
            started = perf_counter()
            if faults.fault is not None and _may_suffer(request.path_info):
                await faults.fault.strike()
            return _finished(request, await cast("Awaitable[HttpResponseBase]", get_response(request)), started)

        return answer_async

    def answer(request: HttpRequest) -> HttpResponseBase:
        started = perf_counter()
        return _finished(request, get_response(request), started)

    return answer


def _may_suffer(path: str) -> bool:
    """Whether a drill may hold this call up: what people do on the page, and never what ends a drill or harm."""
    return path == "/" or (is_api(path) and not path.startswith(faults.SPARED_CALLS))


def _finished(request: HttpRequest, response: HttpResponseBase, started: float) -> HttpResponseBase:
    route = request.resolver_match.route if request.resolver_match else "other"
    telemetry.observe(telemetry.HTTP_REQUEST, (perf_counter() - started) * 1000, route or "/")
    if not is_api(request.path_info):
        return response
    if response.status_code >= 400 and not response.get("Content-Type", "").startswith("application/json"):
        response = _as_json(response)
    response["Cache-Control"] = "no-store"
    return response


def _as_json(page: HttpResponseBase) -> HttpResponse:
    answer = JsonResponse(error_body(page.status_code), status=page.status_code)
    for name in ("Allow", "Retry-After"):
        if name in page:
            answer[name] = page[name]
    return answer
