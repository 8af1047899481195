"""Staff pages: the server's time for each, with 30 days of history behind it."""

from __future__ import annotations

import os
from functools import partial

from bench.table import Row, middle_and_p95, times_ms

DAYS = 30
RUNS, WARM = int(os.environ.get("BENCH_RUNS", "30")), 3


def pages() -> dict[str, str]:
    """What is opened, by what it is called."""
    from monitoring.boards.shelf import BOARDS
    from monitoring.models import Issue

    busiest = Issue.objects.order_by("-count")[0].pk
    return {
        **{f"board {name}": f"/admin/{name}/?range=30d" for name in BOARDS},
        **{f"board {name}, refreshed": f"/admin/boards/{name}/data?range=30d" for name in BOARDS},
        "list of issues": "/admin/monitoring/issue/?status=all",
        "one issue": f"/admin/monitoring/issue/{busiest}/change/",
        "list of outages": "/admin/monitoring/outage/",
        "health": "/monitoring/health/",
        "public status page, drawn anew": "/status",
    }


def rows() -> list[Row]:
    from django.conf import settings
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.test import Client
    from django.utils import timezone

    from monitoring.seeding import history
    from monitoring.views.status import copy

    settings.DEBUG = False  # or every query is remembered
    call_command("migrate", verbosity=0)
    history.write(timezone.now(), days=DAYS, seed=1, replace=True)
    client = Client(SERVER_NAME="127.0.0.1")
    client.force_login(User.objects.create_superuser("bench"))

    def opened(n: int, path: str) -> None:
        copy.forget()
        answer = client.get(path)
        if answer.status_code != 200:
            raise RuntimeError(f"{path} answered {answer.status_code}")

    return [
        Row(
            f"{name}, {DAYS} days of history",
            middle_and_p95(times_ms(partial(opened, path=path), RUNS, WARM)),
            "p95 300 ms",
        )
        for name, path in pages().items()
    ]
