"""The replay scenarios as a table: what each is about, and what was false, missed or mailed twice.

`python -m bench scenarios`; with names as SCENARIOS=a,b only these.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management import call_command
from django.db import transaction

from bench.table import Row


def rows() -> list[Row]:
    from tests.monitoring.alerts.world import play, scenarios

    call_command("migrate", verbosity=0)
    chosen = [name for name in os.environ.get("SCENARIOS", "").split(",") if name]
    false = missed = twice = played = 0
    for scenario in scenarios():
        if chosen and not any(name in scenario.name for name in chosen):
            continue
        with undone():
            verdict = play(scenario)
        played += 1
        false, missed, twice = false + len(verdict.false), missed + len(verdict.missed), twice + len(verdict.twice)
        counts = f"{len(verdict.false)} false, {len(verdict.missed)} missed, {len(verdict.twice)} twice"
        sys.stdout.write(f"  {scenario.name:<50} {counts}\n")
        for line in (*verdict.false, *verdict.missed, *verdict.twice):
            sys.stdout.write(f"    {line}\n")
        sys.stdout.flush()
    ours = f"{false} and {missed} ({twice} twice)"
    return [Row(f"false and missed alerts and mails over {played} replay scenarios", ours, "0 and 0")]


@contextmanager
def undone() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)
