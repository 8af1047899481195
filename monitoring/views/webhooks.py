"""The doors for other machines: remote probers, UptimeRobot, Sentry."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any, Final

import msgspec
from django.core.exceptions import RequestDataTooBig
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from monitoring.uptime import hooks
from monitoring.uptime.signing import Forged

BODY_MAX_BYTES: Final = 1024 * 1024
Take = Callable[[bytes, Any, datetime], object]
View = Callable[[HttpRequest], HttpResponse]


def _refusal(status: int, message: str) -> HttpResponse:
    return JsonResponse({"error": {"message": message}}, status=status, headers={"Cache-Control": "no-store"})


def _door(take: Take) -> View:
    """POST alone; what is refused says why, in one sentence."""

    @csrf_exempt
    @require_POST
    @wraps(take)
    def answer(request: HttpRequest) -> HttpResponse:
        try:
            body = request.body if int(request.headers.get("Content-Length") or 0) <= BODY_MAX_BYTES else None
        except (RequestDataTooBig, ValueError):
            body = None
        if body is None or len(body) > BODY_MAX_BYTES:
            return _refusal(413, "A body may hold at most 1 MiB.")
        try:
            said = take(body, request.headers, timezone.now())
        except Forged as error:
            return _refusal(403, str(error))
        except hooks.Malformed as error:
            return _refusal(400, str(error))
        except hooks.Replayed as error:
            return _refusal(409, str(error))
        except DatabaseError:
            return _refusal(503, "It can't be kept just now. Send it again.")
        return HttpResponse(
            msgspec.json.encode(said), content_type="application/json", headers={"Cache-Control": "no-store"}
        )

    return answer


@_door
def probes(body: bytes, headers: Any, now: datetime) -> object:
    return hooks.take_report(body, headers, now)


@_door
def sentry(body: bytes, headers: Any, now: datetime) -> object:
    return {"taken": str(hooks.take_sentry(body, headers, now).pk)}


@_door
def uptimerobot(body: bytes, headers: Any, now: datetime) -> object:
    return {"taken": str(hooks.take_uptimerobot(body, headers, now).pk)}
