"""What probes ask: does it live, and may people be sent here."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from monitoring.checks import readiness
from monitoring.drills.live import drilling
from signals import presence

View = Callable[[HttpRequest], Coroutine[Any, Any, HttpResponse]]


def _probed(view: View) -> View:
    """GET and HEAD alone, and no answer is ever kept."""

    @csrf_exempt
    @wraps(view)
    async def answer(request: HttpRequest) -> HttpResponse:
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        response = await view(request)
        response["Cache-Control"] = "no-store"
        return response

    return answer


@_probed
async def live(request: HttpRequest) -> HttpResponse:
    """The event loop answers, and the process that answers is the one that accepts sockets: no database, no network."""
    if drill := drilling.health_fails():
        return JsonResponse({"status": "drill", "websocket": "connected", "message": drill}, status=503)
    counts = presence.current().known()
    return JsonResponse({"status": "ok", "websocket": "connected", "sessions": counts.sessions})


@_probed
async def ready(request: HttpRequest) -> HttpResponse:
    """Every dependency answers; if not, which one, without its internals."""
    results = await readiness()
    failed = {result.name: result.sentence for result in results if not result.ok}
    if not failed:
        return JsonResponse({"status": "ready", "websocket": "connected"})
    return JsonResponse({"status": "not ready", "websocket": "connected", "failed": failed}, status=503)
