"""An error on purpose, followed through the whole chain until it stands in the admin."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from typing import Any, Final

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.urls import reverse

from monitoring.errors import digest, reporting, trial
from monitoring.models import Issue

LOOK_EVERY_S: Final = 0.25


class Command(BaseCommand):
    help = "Raise an error on purpose and follow it: reported, kept, digested, and to be seen in the admin."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--wait", type=float, default=20.0, metavar="S", help="seconds at most (%(default)s)")

    def handle(self, *args: Any, **options: Any) -> None:
        started = time.monotonic()
        store = reporting.start("command")
        event_id = trial.raise_one()
        if not event_id:
            raise CommandError("The error was not reported: the SDK gave it no id.")
        self.stdout.write(f"Raised and reported: event {event_id}.")
        store.flush(options["wait"])
        reporting.stop()  # hands the file over to the digest
        if settings.SENTRY_DSN:
            self.stdout.write("SENTRY_DSN is set: look for it there too.")
        issue = _found(event_id, started + options["wait"])
        if issue is None:
            waiting = sum(1 for _ in digest.waiting())
            raise CommandError(
                f"It is not in the database after {options['wait']:g} s; {waiting} files wait in the spool. "
                "Does `manage.py watch` run? A line of JSON above would say that it was not kept."
            )
        took_s = time.monotonic() - started
        place = reverse("admin:monitoring_issue_change", args=[issue.pk])
        self.stdout.write(f"Filed under issue {issue.pk} after {took_s:.1f} s, which now counts {issue.count}.")
        self.stdout.write(f"Look at {settings.PUBLIC_URL}{place}")


def _found(event_id: str, until: float) -> Issue | None:
    while (issue := trial.issue_of(event_id)) is None and time.monotonic() < until:
        time.sleep(LOOK_EVERY_S)
    return issue
