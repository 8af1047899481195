"""A watch process with jobs that only write down that they ran: `python -m tests.monitoring.counting FILE LEASE_S`."""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import datetime, timedelta
from pathlib import Path

import django
from django.utils import timezone

EVERY = timedelta(milliseconds=200)


async def main(path: str, lease_s: float) -> None:
    from monitoring.watch import Job, Watch

    def run(name: str) -> Job:
        def write(now: datetime) -> None:
            with Path(path).open("ab", buffering=0) as file:
                file.write(f"{name} {int(now.timestamp() // EVERY.total_seconds())} {os.getpid()}\n".encode())

        return Job(name, EVERY, timedelta(seconds=5), write)

    watch = Watch([run("one"), run("two")], lease=timedelta(seconds=lease_s))
    while True:
        await watch.tick(timezone.now())
        await asyncio.sleep(0.05)


if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "icebreaker.settings"
    django.setup()
    asyncio.run(main(sys.argv[1], float(sys.argv[2])))
