"""Probe, judge, mail and tidy up, by the clock, until told to stop. Several may run; one of them leads."""

from __future__ import annotations

import asyncio
import logging
import signal
from argparse import ArgumentParser
from typing import Any, Final

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from monitoring.errors import reporting
from monitoring.metrics import flusher
from monitoring.uptime.probe import Prober
from monitoring.uptime.remote import RemoteProber
from monitoring.watch import Watch, jobs

log = logging.getLogger("icebreaker.watch")
TICK_S: Final = 1.0


class Command(BaseCommand):
    help = "Watch over the service: probes, rules, mail, roll-ups and retention, each by its own clock."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="do everything that is due once, then leave")
        parser.add_argument("--probe-only", action="store_true", help="only look from here, and report to another host")
        parser.add_argument("--report-to", metavar="URL", help="the Icebreaker that is told what was seen")
        parser.add_argument("--prober", default="remote", help="the name of this prober there (%(default)s)")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["probe_only"] != bool(options["report_to"]):
            raise CommandError("--probe-only and --report-to URL go together.")
        if options["probe_only"] and not settings.PROBE_SECRET:
            raise CommandError("Set PROBE_SECRET, here and there, to the same random text: reports are signed with it.")
        if not options["probe_only"]:  # on another host there is no store of ours
            reporting.start("watch")
        asyncio.run(self._main(options))

    async def _main(self, options: dict[str, Any]) -> None:
        prober = Prober(settings.PROBE_CANARY_URL)
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        if options["probe_only"]:
            await _report(RemoteProber(prober, options["report_to"], options["prober"]), stop, once=options["once"])
        elif options["once"]:
            await self._once(Watch(jobs(prober)))
        else:
            flusher.start("watch")
            await _watch(Watch(jobs(prober)), stop)

    async def _once(self, watch: Watch) -> None:
        runs = await watch.tick(timezone.now())
        if runs:
            await asyncio.wait(runs)
        led = watch.leads
        await watch.stop(timezone.now())
        self.stdout.write(f"Ran {', '.join(run.get_name() for run in runs) or 'nothing'}.")
        if not led:
            self.stdout.write("Another watch process leads.")


async def _watch(watch: Watch, stop: asyncio.Event) -> None:
    log.info("watches as %s", watch.holder)
    troubled = ""
    while not stop.is_set():
        try:
            await watch.tick(timezone.now())
            troubled = ""
        except Exception as error:
            # The database, most likely: say so once, and go on trying; the missing heartbeat tells everybody else.
            if troubled != (name := type(error).__name__):
                log.error("can't keep the watch for now: %s: %s", name, error)  # noqa: TRY400 - one line is enough
            troubled = name
        await _pause(stop, TICK_S)
    await watch.stop(timezone.now())
    log.info("stopped")


async def _report(remote: RemoteProber, stop: asyncio.Event, *, once: bool) -> None:
    while not stop.is_set():
        await remote.tick(timezone.now())
        if once:
            return
        await _pause(stop, TICK_S)


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        pass
