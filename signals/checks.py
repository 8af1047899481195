"""What a place for real people needs beyond secrets: `manage.py check --deploy` says it, and so does `serve` there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Warning, register
from django.http.request import validate_host


@register("signals", deploy=True)
def check_place(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    return [Warning(sentence, id=f"signals.{name}") for name, sentence in _missing()]


def _missing() -> Iterator[tuple[str, str]]:
    ours = urlsplit(settings.PUBLIC_URL)
    if ours.scheme != "https":
        yield "W001", "PUBLIC_URL has to be the https:// address that people use: phones share their place only there."
    if not validate_host(ours.hostname or "", settings.ALLOWED_HOSTS):
        yield "W002", f"ALLOWED_HOSTS does not name {ours.hostname}, the host of PUBLIC_URL."
    if not settings.MAIL_LEAVES:
        yield "W003", "EMAIL_URL names no mail server: no emergency contact and nobody on call would be mailed."
    if settings.HTTPS and not settings.TRUSTED_PROXIES:
        yield "W004", "TRUSTED_PROXIES is empty: behind a proxy, everybody would count as one address."
