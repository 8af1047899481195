"""Invent a history, for demonstrations, pictures, benches and tests."""

from __future__ import annotations

from argparse import ArgumentParser
from time import perf_counter
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from monitoring.seeding import history


class Command(BaseCommand):
    help = (
        "Write an invented history of measures, probes, outages, errors and incidents. Never in production, and only "
        "where there is none yet: --replace throws away what is there first."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--days", type=int, default=30, help="1 to 400; 30 when not said")
        parser.add_argument("--seed", type=int, default=1, help="the same number gives the same history")
        parser.add_argument("--replace", action="store_true", help="throw away all history that is there")

    def handle(self, *args: Any, **options: Any) -> None:
        started = perf_counter()
        try:
            written = history.write(
                timezone.now(), days=options["days"], seed=options["seed"], replace=options["replace"]
            )
        except history.Unwilling as refusal:
            raise CommandError(str(refusal)) from None
        told = ", ".join(f"{what} {n:,}" for what, n in written.items() if n)
        self.stdout.write(f"Invented {options['days']} days in {perf_counter() - started:.0f} s: {told}.")
