"""What staff, and a scraper with our token, see of this process: every check, who measures, and what was measured."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Final

from asgiref.sync import async_to_sync
from django.conf import settings
from django.contrib import admin
from django.contrib.admin.views.decorators import staff_member_required
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from monitoring import glance
from monitoring.checks import REPORT, Result, readiness
from monitoring.metrics import exposition, flusher, store
from monitoring.metrics.recorder import Window
from monitoring.models import Heartbeat, Source
from monitoring.runbooks import figures

FIGURES: Final = frozenset({"release", "environment", "disk.used", "disk.free", "database.kind", "database.size"})
ALIVE: Final = timedelta(minutes=1)
_BEARER: Final = re.compile(r"bearer +(\S+) *", re.I)


@require_safe
@never_cache
@staff_member_required
def report(request: HttpRequest) -> HttpResponse:
    """The full report; what the database can't say is left out, and the check says so."""
    now = timezone.now()
    context = {
        **admin.site.each_context(request),
        "title": "Health",
        "results": _look(),
        "figures": figures.read(FIGURES),
        **_processes(now),
    }
    return render(request, "monitoring/health.html", context)


@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """What this process measured since it began, for staff or for a scraper that knows the token."""
    if not (_knows_token(request) or (request.user.is_active and request.user.is_staff)):
        return HttpResponse("For staff, or with the token.\n", status=403, content_type="text/plain")
    running = flusher.running()
    window = running.ledger.totals() if running else Window({}, {}, {})
    info = {"release": settings.RELEASE, "environment": settings.ENVIRONMENT}
    checks = {result.name: (result.ok, result.took_ms) for result in _look()}
    return HttpResponse(exposition.text(window, info, checks), content_type=exposition.CONTENT_TYPE)


def _look() -> tuple[Result, ...]:
    return async_to_sync(readiness)(REPORT)


def _knows_token(request: HttpRequest) -> bool:
    found = _BEARER.fullmatch(request.headers.get("Authorization", ""))
    return bool(settings.METRICS_TOKEN and found and constant_time_compare(found[1], settings.METRICS_TOKEN))


def _processes(now: datetime) -> dict[str, object]:
    try:
        return {
            "sources": list(Source.objects.filter(flushed_at__gte=now - ALIVE, stopped_at=None)),
            "beats": [(beat, glance.ago(now - beat.beat_at)) for beat in Heartbeat.objects.order_by("name")],
            "losses": store.losses(now - timedelta(days=1), now, now),
        }
    except DatabaseError:
        return {}
