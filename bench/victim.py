"""A watch process to be killed: it judges rules and carries mails, with short leases so that a campaign takes minutes.

`python -m bench.victim LEASE_S` in an environment of its own.
"""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import timedelta

import django


async def main(lease_s: float) -> None:
    from django.utils import timezone

    from monitoring.alerts import evaluate, outbox, story
    from monitoring.watch import Job, Watch

    outbox.LEASE = timedelta(seconds=2 * lease_s)  # type: ignore[misc]
    second, minute = timedelta(seconds=1), timedelta(minutes=1)
    jobs = [
        Job("evaluate", 15 * second, minute, evaluate.run, vital=True),
        Job("outbox", second / 2, minute, outbox.run, vital=True),
        Job("incidents", 15 * second, minute, story.run),
    ]
    watch = Watch(jobs, lease=timedelta(seconds=lease_s))
    while True:
        await watch.tick(timezone.now())
        await asyncio.sleep(0.1)


if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "icebreaker.settings"
    django.setup()
    asyncio.run(main(float(sys.argv[1])))
