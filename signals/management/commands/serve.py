"""Only the server: what production starts, once the database is migrated and static files are collected."""

from __future__ import annotations

import os
import signal
import sys
from argparse import ArgumentParser
from contextlib import suppress
from typing import Any, NoReturn

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from signals import checks
from signals.serving import SERVERS, is_free, serve


def add_place(parser: ArgumentParser) -> None:
    """Where to listen, and with which server; the environment gives the defaults."""
    parser.add_argument("--host", default=os.environ.get("HOST", "127.0.0.1"), help="or HOST (%(default)s)")
    parser.add_argument("--port", type=int, default=os.environ.get("PORT", "8000"), help="or PORT (%(default)s)")
    parser.add_argument("--server", choices=SERVERS, default=os.environ.get("SERVER", "uvicorn"), help="or SERVER")


def check_place(options: dict[str, Any]) -> None:
    """Refuse in words what would end in a traceback."""
    if options["server"] not in SERVERS:
        raise CommandError(f"SERVER has to be one of {', '.join(SERVERS)}.")
    if not 1 <= options["port"] <= 65535:
        raise CommandError("PORT has to be a number from 1 to 65535.")
    if not is_free(options["host"], options["port"]):
        raise CommandError(f"{options['host']}:{options['port']} is taken or not ours: choose another with PORT=.")


def stop_quietly() -> None:
    """SIGTERM ends the process as Ctrl-C does: in order, and with what stands in `finally`."""

    def stop(*_: object) -> NoReturn:
        sys.exit(0)

    signal.signal(signal.SIGTERM, stop)


class Command(BaseCommand):
    help = "Serve HTTP and WebSockets; nothing else is set up or started."

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_place(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        check_place(options)
        stop_quietly()
        if settings.ENVIRONMENT == "production":
            for missing in checks.check_place():
                self.stderr.write(f"WARNING: {missing.msg}")
        with suppress(KeyboardInterrupt):
            serve(options["server"], options["host"], options["port"], self._ready)

    def _ready(self) -> None:
        self.stdout.write("listening")
        self.stdout.flush()
