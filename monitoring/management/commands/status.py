"""The overview on a terminal, for when no page can be had."""

from __future__ import annotations

import json
import signal
import sys
import threading
from argparse import ArgumentParser
from datetime import datetime
from typing import Any, Final

from django.core.management.base import BaseCommand
from django.utils import timezone

from monitoring import glance
from monitoring.glance import Figure, ago, sparkline
from monitoring.overview import Overview, State, look
from monitoring.views.status import copy

CLEAR: Final = "\x1b[H\x1b[J"
SAYS_WIDE: Final = 48


class Command(BaseCommand):
    help = "Say whether all is well. Exit code: 0 well, 1 warning, 2 critical, 3 unknown."
    requires_system_checks = ()  # it has to answer when something else is broken

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="one line of JSON")
        parser.add_argument("--watch", type=float, metavar="SECONDS", help="again and again, until Ctrl-C")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["watch"] is None:
            sys.exit(self._say(as_json=options["json"]).state.value)
        over = threading.Event()

        def end(*_: object) -> None:
            if over.is_set():  # a second Ctrl-C does not wait for a database that hangs
                sys.exit(State.UNKNOWN.value)
            over.set()

        signal.signal(signal.SIGINT, end)
        now = self._say(as_json=options["json"])
        while not over.wait(max(1.0, options["watch"])):
            now = self._say(as_json=options["json"], again=True)
        sys.exit(now.state.value)

    def _say(self, *, as_json: bool, again: bool = False) -> Overview:
        at = timezone.now()
        now = look(at)
        figures = glance.read(at) if now.readable else {}
        if as_json:
            self.stdout.write(json.dumps({**now.plain(), "now": {name: f._asdict() for name, f in figures.items()}}))
        else:
            self.stdout.write((CLEAR if again and self.stdout.isatty() else "") + self._lines(now, figures, at))
        self.stdout.flush()
        return now

    def _lines(self, now: Overview, figures: dict[str, Figure], at: datetime) -> str:
        paint = {State.WELL: self.style.SUCCESS, State.CRITICAL: self.style.ERROR}.get(now.state, self.style.WARNING)
        lines = [f"{paint(now.sentence)}  {at:%Y-%m-%d %H:%M:%S} UTC"]
        lines += [
            f"  {i.number}  {i.severity}  {i.stage}  {i.detected_at:%Y-%m-%d %H:%M:%S}  {i.title}"
            + (" (drill)" if i.drill else "")
            + (" (quiet)" if i.quiet else "")
            for i in now.incidents
        ]
        lines += [self._figure(name, figure) for name, figure in figures.items()]
        lines += [f"  {name:<20}{value}" for name, value in now.figures.items()]
        if not now.readable and (known := copy.kept()):
            lines.append(f"  the status page      {known.sentence} ({ago(at - known.at)})")
        return "\n".join(lines)

    def _figure(self, name: str, figure: Figure) -> str:
        if not figure.trail or not self.stdout.isatty():
            return f"  {name:<20}{figure.says}"
        return f"  {name:<20}{figure.says:<{SAYS_WIDE}}  {sparkline(figure.trail)}"
