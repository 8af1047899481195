"""The overview on a terminal, for when no page can be had."""

from __future__ import annotations

import json
import sys
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from monitoring.overview import Overview, State, look


class Command(BaseCommand):
    help = "Say whether all is well. Exit code: 0 well, 1 warning, 2 critical, 3 unknown."
    requires_system_checks = ()  # it has to answer when something else is broken

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="one line of JSON")
        parser.add_argument("--watch", type=float, metavar="SECONDS", help="again and again, until Ctrl-C")

    def handle(self, *args: Any, **options: Any) -> None:
        now = self._say(as_json=options["json"])
        try:
            while options["watch"] is not None:
                time.sleep(max(1.0, options["watch"]))
                now = self._say(as_json=options["json"])
        except KeyboardInterrupt:
            pass  # that is how watching ends
        sys.exit(now.state.value)

    def _say(self, *, as_json: bool) -> Overview:
        now = look(timezone.now())
        self.stdout.write(json.dumps(now.plain()) if as_json else self._lines(now))
        self.stdout.flush()
        return now

    def _lines(self, now: Overview) -> str:
        paint = {State.WELL: self.style.SUCCESS, State.CRITICAL: self.style.ERROR}.get(now.state, self.style.WARNING)
        incidents = [
            f"  {i.number}  {i.severity}  {i.stage}  {i.detected_at:%Y-%m-%d %H:%M:%S}  {i.title}"
            + (" (drill)" if i.drill else "")
            + (" (quiet)" if i.quiet else "")
            for i in now.incidents
        ]
        figures = [f"  {name:<20}{value}" for name, value in now.figures.items()]
        return "\n".join([paint(now.sentence), *incidents, *figures])
