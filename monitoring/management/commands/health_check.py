"""What a container runs to learn whether its server is ready; takes the place of the library's command of this name."""

from __future__ import annotations

import http.client
import os
import sys
from argparse import ArgumentParser
from typing import Any, NoReturn

import msgspec
from django.conf import settings
from django.core.management.base import BaseCommand
from django.urls import NoReverseMatch, reverse

EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - where a server listens, we ask here


class Command(BaseCommand):
    help = "Ask the server on this machine whether it is ready. Exit code: 0 ready, 1 not ready, 2 no answer."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("endpoint", nargs="?", default="monitoring:ready", help="the URL's name (%(default)s)")
        parser.add_argument("place", nargs="?", help="host:port (HOST and PORT of the environment)")
        parser.add_argument("--timeout", type=float, default=3.0, help="seconds (%(default)s)")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            path = reverse(options["endpoint"])
        except NoReverseMatch:
            self._end(2, f"No URL has the name {options['endpoint']}.")
        place = options["place"] or f"{os.environ.get('HOST', '')}:{os.environ.get('PORT', '8000')}"
        host, _, port = place.rpartition(":")
        try:
            asked = http.client.HTTPConnection(EVERYWHERE.get(host, host), int(port), timeout=options["timeout"])
            asked.request("GET", path, headers={"Host": _host()})
            answer = asked.getresponse()
            body = answer.read(65536)
        except (OSError, ValueError, http.client.HTTPException) as error:
            self._end(2, f"No answer from {place}: {type(error).__name__}.")
        if answer.status == 200:
            self._end(0, _sentence(body))
        self._end(1, f"{answer.status}: {_sentence(body)}")

    def _end(self, code: int, sentence: str) -> NoReturn:
        (self.stderr if code else self.stdout).write(sentence)
        sys.exit(code)


def _host() -> str:
    """A host that the server accepts, whatever it is called from here."""
    first = next(iter(settings.ALLOWED_HOSTS), "*").lstrip(".")
    return "localhost" if first == "*" else str(first)


def _sentence(body: bytes) -> str:
    """What the answer says, in one line."""
    try:
        known = msgspec.json.decode(body, type=dict[str, Any])
    except msgspec.DecodeError:
        return "an answer that is none of ours"
    failed = known.get("failed") or {}
    return " ".join([f"{known.get('status')}.", *(f"{name}: {why}" for name, why in failed.items())])
