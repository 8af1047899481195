"""What probes ask: does it live, and may people be sent here."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from monitoring import liveness
from monitoring.checks import readiness

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
    """The same as `liveness.Liveness` says in front of Django: its name is what `manage.py health_check` asks for."""
    status, said = liveness.answer()
    return JsonResponse(said, status=status)


@_probed
async def ready(request: HttpRequest) -> HttpResponse:
    """Every dependency answers; if not, which one, without its internals."""
    results = await readiness()
    failed = {result.name: result.sentence for result in results if not result.ok}
    if not failed:
        return JsonResponse({"status": "ready", "websocket": "connected"})
    return JsonResponse({"status": "not ready", "websocket": "connected", "failed": failed}, status=503)
