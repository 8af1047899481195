"""Events on their way to a real Sentry, from a queue: tried again for a day, and never in a circle."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import perf_counter
from typing import Final
from urllib.parse import urlsplit

import httpx
from django.conf import settings

from monitoring.errors.record import expand
from monitoring.models import ForwardItem

FORWARDED: Final = "X-Icebreaker-Forwarded"
GIVE_UP: Final = timedelta(hours=24)
FIRST_WAIT: Final = timedelta(seconds=30)
LONGEST_WAIT: Final = timedelta(hours=1)
TIMEOUT_S: Final = 10.0
BUDGET_S: Final = 30.0

Answer = tuple[int, int]  # status, seconds to wait (0: not said)
Post = Callable[[str, dict[str, str], bytes], Answer]


@dataclass(frozen=True, slots=True)
class Target:
    """Where a DSN points to."""

    url: str
    key: str


def target(slug: str) -> Target | None:
    """Where this project's events are sent on to; nowhere when nothing is set, or when it would be ourselves."""
    dsns = {"backend": settings.SENTRY_DSN_FORWARD_BACKEND, "frontend": settings.SENTRY_DSN_FORWARD_FRONTEND}
    parts = urlsplit(dsns.get(slug, ""))
    if not parts.hostname or not parts.username:
        return None
    host = parts.netloc.rpartition("@")[2]
    if host == urlsplit(settings.PUBLIC_URL).netloc:
        return None
    path, _, project = parts.path.rpartition("/")
    return Target(f"{parts.scheme}://{host}{path}/api/{project}/envelope/", parts.username)


def post(url: str, headers: dict[str, str], body: bytes) -> Answer:
    """Raises httpx.HTTPError."""
    answer = httpx.post(url, headers=headers, content=body, timeout=TIMEOUT_S)
    wait = answer.headers.get("retry-after", "")
    return answer.status_code, int(wait[:6]) if wait.isdigit() else 0


def run(now: datetime, *, limit: int = 100, post: Post = post) -> int:
    """Send on what is due; gives how many arrived. The first one that can't be sent ends the run."""
    due = ForwardItem.objects.filter(state=ForwardItem.State.WAITING, next_attempt_at__lte=now)
    sent, started = 0, perf_counter()
    for item in due.select_related("project")[:limit]:
        if perf_counter() - started > BUDGET_S:
            break
        where = target(item.project.slug)
        if where is None:  # nobody wants it any more
            item.delete()
            continue
        try:
            status, wait_s = post(where.url, _headers(where), _envelope(item))
        except httpx.HTTPError as error:
            _again(item, type(error).__name__, 0, now)
            break
        if 200 <= status < 300:
            item.delete()
            sent += 1
        elif status == 429 or status >= 500:
            _again(item, f"HTTP {status}", wait_s, now)
            break
        else:  # it will never be taken
            _settle(item, f"HTTP {status}", dead=True)
    return sent


def _headers(where: Target) -> dict[str, str]:
    said = f"Sentry sentry_version=7, sentry_client=icebreaker/{settings.RELEASE}, sentry_key={where.key}"
    return {"X-Sentry-Auth": said, "Content-Type": "application/x-sentry-envelope", FORWARDED: "1"}


def _envelope(item: ForwardItem) -> bytes:
    payload = expand(bytes(item.data))
    head = json.dumps({"event_id": item.event_id}).encode()
    return b"\n".join((head, json.dumps({"type": "event", "length": len(payload)}).encode(), payload, b""))


def _again(item: ForwardItem, error: str, wait_s: int, now: datetime) -> None:
    wait = max(min(FIRST_WAIT * 2 ** min(item.attempts, 10), LONGEST_WAIT), timedelta(seconds=min(wait_s, 3600)))
    item.attempts += 1
    item.next_attempt_at = now + wait
    _settle(item, error, dead=item.next_attempt_at - item.created_at > GIVE_UP)


def _settle(item: ForwardItem, error: str, *, dead: bool) -> None:
    item.state = ForwardItem.State.DEAD if dead else ForwardItem.State.WAITING
    item.last_error = error[:200]
    item.save()
