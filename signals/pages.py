"""The pages that people open: the app itself, its words, and what makes it installable."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Coroutine
from functools import wraps
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles import finders
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe

from signals.domain.people import TAGS_MAX, VIBES
from signals.protocol import TEXT_MAX
from signals.services import catalogue

Page = Callable[[HttpRequest], Coroutine[Any, Any, HttpResponse]]
STATIC = Path(__file__).parent / "static/signals"
MODULES = sorted(
    f"signals/{path.relative_to(STATIC).as_posix()}"
    for path in STATIC.rglob("*.js")
    if path.name not in ("main.js", "offline.js", "again.js") and "vendor" not in path.parts
)
ERRORS_BUNDLE = "signals/vendor/errors.js"  # made by bin/page-tools; the page works without it


def policy(request: HttpRequest) -> str:
    """What people's pages may load: our own files and our own socket, nothing inline, no eval."""
    socket = f"{'wss' if request.is_secure() else 'ws'}://{request.get_host()}"  # older Safari: 'self' has no sockets
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self'",
            "manifest-src 'self'",
            "worker-src 'self'",
            f"connect-src 'self' {socket}",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )


def error_bundle() -> str:
    """Where the error SDK is, if it was bundled; it asks at the tunnel whether somebody takes what it sends."""
    return ERRORS_BUNDLE if finders.find(ERRORS_BUNDLE) else ""


def shrunk(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Compress where the client can. Safe, since a page holds no secret and nothing that the request said."""
    patch_vary_headers(response, ("Accept-Encoding",))
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        response.content = gzip.compress(response.content, 6, mtime=0)
        response.headers["Content-Encoding"] = "gzip"
        response.headers["Content-Length"] = str(len(response.content))
    return response


def for_people(page: Page) -> Page:
    """Give a page the strict policy of people's pages; it is never kept by a cache."""

    @require_safe
    @wraps(page)
    async def guarded(request: HttpRequest) -> HttpResponse:
        response = await page(request)
        response.headers["Content-Security-Policy"] = policy(request)
        response.headers["Permissions-Policy"] = "geolocation=(self), camera=(), microphone=(), payment=(), usb=()"
        response.headers["Cache-Control"] = "no-store"
        return shrunk(request, response)

    return guarded


@for_people
async def home(request: HttpRequest) -> HttpResponse:
    return render(
        request,
        "signals/home.html",
        {
            "vibes": VIBES.items(),
            "tags": sorted(await catalogue.tags()),
            "modules": MODULES,
            "errors": error_bundle(),
            "lines_a_minute": settings.CHAT_MESSAGES_PER_MINUTE,
            "text_max": TEXT_MAX,
            "tags_max": TAGS_MAX,
            "mail_leaves": settings.MAIL_LEAVES,
            "release": settings.RELEASE,
            "environment": settings.ENVIRONMENT,
        },
    )


def spoken(seconds: int) -> str:
    """A length of time as a person says it."""
    size, unit = (3600, "hour") if seconds % 3600 == 0 else (60, "minute") if seconds % 60 == 0 else (1, "second")
    n = seconds // size
    return f"{n} {unit}" if n == 1 else f"{n} {unit}s"


@for_people
async def privacy(request: HttpRequest) -> HttpResponse:
    """What is kept and for how long, from the settings that decide it."""
    said = {
        "idle": spoken(settings.SESSION_IDLE_S),
        "longest": spoken(settings.SESSION_MAX_S),
        "reports_days": settings.REPORTS_KEPT_DAYS,
        "mail_leaves": settings.MAIL_LEAVES,
        "forwards": bool(settings.SENTRY_DSN_FORWARD_FRONTEND),
    }
    return render(request, "signals/privacy.html", said)


@for_people
async def conduct(request: HttpRequest) -> HttpResponse:
    return render(request, "signals/conduct.html", {"mail_leaves": settings.MAIL_LEAVES})


@for_people
async def offline(request: HttpRequest) -> HttpResponse:
    return render(request, "signals/offline.html")


@for_people
async def service_worker(request: HttpRequest) -> HttpResponse:
    """At the root, since a worker only sees the paths below its own."""
    return render(request, "signals/sw.js", {"release": settings.RELEASE}, content_type="text/javascript")


@for_people
async def manifest(request: HttpRequest) -> HttpResponse:
    icons = [
        {"src": static(f"signals/icons/icon-{size}.png"), "sizes": f"{size}x{size}", "type": "image/png"}
        for size in (192, 512)
    ]
    icons.append({"src": static("signals/icons/icon.svg"), "sizes": "any", "type": "image/svg+xml"})
    round_off = {"sizes": "520x520", "type": "image/png", "purpose": "maskable"}  # a phone may cut the corners off
    icons.append({"src": static("signals/icons/maskable-520.png"), **round_off})
    said = {
        "name": "Icebreaker",
        "short_name": "Icebreaker",
        "description": "Find somebody near you who is open to a short talk.",
        "start_url": "/",
        "scope": "/",
        "display": "standalone",
        "background_color": "#0a0f1f",
        "theme_color": "#0a0f1f",
        "icons": icons,
    }
    return JsonResponse(said, content_type="application/manifest+json")
