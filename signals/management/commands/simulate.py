"""Let simulated people meet on a server."""

from __future__ import annotations

import asyncio
import sys
from argparse import ArgumentParser
from collections import Counter
from contextlib import suppress
from time import perf_counter
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from signals.simulation.crowd import PEOPLE_MAX, Make, gather, reachable
from signals.simulation.plan import Plan
from signals.simulation.tally import Tally

TAGS = ("Quietly Curious", "Creative Energy", "Builder brain", "Tech curious", "Lo-fi head")
YEAR_S = 365 * 24 * 3600.0


class Command(BaseCommand):
    help = "Simulated people who walk, ask, accept, chat, leave and come back, over real sockets to any server."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--url", default="http://127.0.0.1:8000", help="the server (%(default)s)")
        parser.add_argument("--people", type=int, default=40, help=f"how many, 1 to {PEOPLE_MAX} (%(default)s)")
        parser.add_argument("--seconds", type=float, default=60, help="how long; 0 until stopped (%(default)s)")
        parser.add_argument("--seed", type=int, default=1, help="the same seed draws the same crowd (%(default)s)")
        parser.add_argument("--lat", type=float, default=52.5219, help="where: degrees (%(default)s)")
        parser.add_argument("--lng", type=float, default=13.4132, help="where: degrees (%(default)s)")
        parser.add_argument("--radius", type=float, default=200, help="metres around it (%(default)s)")
        parser.add_argument("--unplaced", type=float, default=0, help="the share who give no position (%(default)s)")
        parser.add_argument("--hosts", type=int, default=0, help="how many of them are there for visitors to ask")
        parser.add_argument("--wait", type=float, default=10, help="seconds to wait for the server (%(default)s)")
        parser.add_argument("--quiet", action="store_true", help="only the summary")

    def handle(self, *args: Any, **options: Any) -> None:
        if not 1 <= options["people"] <= PEOPLE_MAX:
            raise CommandError(f"--people has to be from 1 to {PEOPLE_MAX}.")
        if not 0 <= options["hosts"] <= options["people"]:
            raise CommandError("--hosts has to be from 0 to the number of people.")
        if not 0 <= options["unplaced"] <= 1:
            raise CommandError("--unplaced has to be from 0 to 1.")
        if not options["url"].startswith(("http://", "https://")):
            raise CommandError("--url has to begin with http:// or https://.")
        tally = Tally()
        with suppress(KeyboardInterrupt):
            asyncio.run(self._run(tally, options))
        self.stdout.write(tally.summary())
        if tally.errors:
            sys.exit(1)

    async def _run(self, tally: Tally, options: dict[str, Any]) -> None:
        if not await reachable(options["url"], options["wait"]):
            raise CommandError(f"No server answers at {options['url']}.")
        plan = Plan(
            url=options["url"].rstrip("/"),
            lat=options["lat"],
            lng=options["lng"],
            radius_m=options["radius"],
            until=perf_counter() + (options["seconds"] or YEAR_S),
            tags=TAGS,
        )
        make = Make(options["people"], options["hosts"], options["unplaced"])
        await gather(make, options["seed"], plan, tally, self._speaker(tally, quiet=options["quiet"]))
        if self.stderr.isatty():
            self.stderr.write("")

    def _speaker(self, tally: Tally, *, quiet: bool) -> Any:
        """Draws one line anew each second on a terminal; elsewhere writes one every ten seconds."""
        state: dict[str, Any] = {"counts": Counter[str](), "at": 0.0}
        on_terminal = self.stderr.isatty()

        def say(elapsed_s: float) -> None:
            if quiet or (not on_terminal and round(elapsed_s) % 10):
                return
            line = tally.line(elapsed_s, state["counts"], elapsed_s - state["at"])
            state["counts"], state["at"] = tally.counts.copy(), elapsed_s
            self.stderr.write(f"\r{line}\x1b[K" if on_terminal else line, ending="" if on_terminal else "\n")
            self.stderr.flush()

        return say
