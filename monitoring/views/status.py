"""The public status page, as a page, JSON, a badge and a feed; and the two files that robots and researchers look for.

A figure is at most 15 seconds old. When the database can't be read, the last good copy is shown, with its age.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import msgspec
from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from monitoring.uptime.page import PERIODS, Picture, picture
from monitoring.views.badge import drawn
from monitoring.watch import in_thread
from signals import telemetry

log = logging.getLogger("icebreaker")

FRESH: Final = timedelta(seconds=15)
READ_WITHIN_S: Final = 2.0
OLD: Final = timedelta(minutes=2)  # from this age on the page says so loudly
POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
EXPIRES_AFTER: Final = timedelta(days=180)


class Copy:
    """The last good picture, in memory and in a file."""

    def __init__(self) -> None:
        self._kept: Picture | None = None

    @property
    def file(self) -> Path:
        return Path(settings.DATA_DIR) / "status.json"

    async def get(self, now: datetime) -> Picture | None:
        """A fresh picture, or the last good one; None: there never was one."""
        if self._kept and timedelta(0) <= now - self._kept.at < FRESH:
            return self._kept
        try:
            async with asyncio.timeout(READ_WITHIN_S):
                self._kept = await in_thread(lambda: self._read(now))
        except TimeoutError:
            log.warning("the status page could not be read in time; the last good copy is shown")
        except Exception as error:  # whatever is broken, people are to be told what was known last
            if not isinstance(error, DatabaseError):
                telemetry.capture(error, component="status")
            log.warning("the status page can't be read (%s); the last good copy is shown", type(error).__name__)
        return self._kept or self.kept()

    def forget(self) -> None:
        self._kept = None

    def _read(self, now: datetime) -> Picture:
        found = picture(now)
        new = self.file.with_suffix(".new")
        try:
            new.write_bytes(msgspec.json.encode(found))
            new.replace(self.file)
        except OSError as error:
            log.warning("the last good copy of the status page can't be kept: %s", type(error).__name__)
        return found

    def kept(self) -> Picture | None:
        """The last good one in the file, however old; None: there is none."""
        try:
            return msgspec.json.decode(self.file.read_bytes(), type=Picture)
        except (OSError, msgspec.MsgspecError):
            return None


copy = Copy()


def _headed(response: HttpResponse, age: timedelta) -> HttpResponse:
    response.headers["Cache-Control"] = "public, max-age=15"
    response.headers["Age"] = str(max(0, int(age.total_seconds())))
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["Access-Control-Allow-Origin"] = "*"
    return response


def _nothing() -> HttpResponse:
    return HttpResponse("There are no figures yet.\n", status=503, content_type="text/plain; charset=utf-8")


@require_safe
async def page(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    found = await copy.get(now)
    if found is None:
        return _nothing()
    age = now - found.at
    context = {"picture": found, "age": age if age >= OLD else None, "periods": list(PERIODS)}
    return _headed(render(request, "monitoring/status.html", context), age)


@require_safe
async def as_json(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    found = await copy.get(now)
    if found is None:
        return _nothing()
    age = now - found.at
    said: dict[str, Any] = {"ageSeconds": int(age.total_seconds()), **msgspec.to_builtins(found)}
    return _headed(HttpResponse(msgspec.json.encode(said), content_type="application/json"), age)


@require_safe
async def badge(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    found = await copy.get(now)
    age = now - found.at if found else timedelta(0)
    state = found.state if found and age < OLD else "unknown"
    share = found.uptime["30d"] if found else None
    return _headed(HttpResponse(drawn(state, share), content_type="image/svg+xml"), age)


@require_safe
async def feed(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    found = await copy.get(now)
    if found is None:
        return _nothing()
    changed = [note.changed_at for note in found.notes] + [work.from_at for work in found.maintenance if work.under_way]
    context = {"picture": found, "root": settings.PUBLIC_URL, "updated_at": max(changed, default=found.at)}
    return _headed(
        render(request, "monitoring/status.atom", context, content_type="application/atom+xml; charset=utf-8"),
        now - found.at,
    )


@require_safe
async def robots(request: HttpRequest) -> HttpResponse:
    lines = ("User-agent: *", "Disallow: /admin/", "Disallow: /api/", "Disallow: /hooks/", "Disallow: /monitoring/")
    return HttpResponse("\n".join(lines) + "\n", content_type="text/plain; charset=utf-8")


@require_safe
async def security(request: HttpRequest) -> HttpResponse:
    """RFC 9116. Without somebody to write to there is no such file."""
    contact = settings.SECURITY_CONTACT
    if not contact:
        return HttpResponse("Nobody is named here.\n", status=404, content_type="text/plain; charset=utf-8")
    if "://" not in contact and not contact.startswith("mailto:"):
        contact = f"mailto:{contact}"
    expires_at = (timezone.now() + EXPIRES_AFTER).replace(hour=0, minute=0, second=0, microsecond=0)
    lines = (
        f"Contact: {contact}",
        f"Expires: {expires_at:%Y-%m-%dT%H:%M:%SZ}",
        "Preferred-Languages: en",
        f"Canonical: {settings.PUBLIC_URL}/.well-known/security.txt",
    )
    return HttpResponse("\n".join(lines) + "\n", content_type="text/plain; charset=utf-8")
