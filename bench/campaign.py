"""`python -m bench.campaign --kills 100`: kill -9 of web and watch processes at random moments under load; every
envelope that was acknowledged has to be found afterwards, once.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from bench.envelopes import Sender, address, event, packed, rest_of
from tests.flows import kept
from tests.flows.server import ROOT, Server

SENDERS, KINDS = 8, 5
PAUSE_S = (0.2, 1.5)  # between two kills
EMPTY_WITHIN_S = 300.0  # a killed digest keeps its lease for a minute


class Counts(NamedTuple):
    """What the campaign found."""

    web_kills: int
    watch_kills: int
    acknowledged: int
    unanswered: int
    lost: int
    twice: int

    @property
    def is_clean(self) -> bool:
        return self.acknowledged > 0 and not self.lost and not self.twice


class Campaign:
    """A server, a watch process, senders, and somebody who kills."""

    def __init__(self, data: Path, kills: int, seed: int = 0) -> None:
        self.server = Server("uvicorn", data, SPOOL_MAX_BYTES=str(4 * 1024**3), SENTRY_TRACES_SAMPLE_RATE="0")
        self.kills, self.draw = kills, random.Random(seed)
        self.acknowledged: set[str] = set()
        self.unanswered = 0
        self.over = False
        self.rests = [rest_of(json.dumps(event(kind)).encode()) for kind in range(KINDS)]

    def start_watch(self) -> None:
        with (self.server.data / "watch.log").open("a") as log:
            command = [sys.executable, "manage.py", "watch"]
            self.watch = subprocess.Popen(command, cwd=ROOT, env=self.server.env, stdout=log, stderr=log)

    async def send(self, path: str, key: str) -> None:
        """Send without a pause; when the server is gone, wait until it is back."""
        while not self.over:
            with suppress(OSError, EOFError):
                async with Sender(self.server, path, key) as post:
                    while not self.over:
                        event_id = secrets.token_hex(16)
                        self.unanswered += 1
                        if await post(packed(event_id, self.draw.choice(self.rests))) == 200:
                            self.acknowledged.add(event_id)
                            self.unanswered -= 1
            await asyncio.sleep(0.05)

    async def kill(self) -> tuple[int, int]:
        web = watch = 0
        for n in range(self.kills):
            await asyncio.sleep(self.draw.uniform(*PAUSE_S))
            if n % 2:
                self.watch.send_signal(signal.SIGKILL)
                await asyncio.to_thread(self.watch.wait, 20)
                self.start_watch()
                watch += 1
            else:
                await asyncio.to_thread(self.server.stop, signal.SIGKILL)
                await asyncio.to_thread(self.server.run)
                web += 1
        await asyncio.sleep(PAUSE_S[1])
        return web, watch

    async def under_load(self) -> tuple[int, int]:
        path, key = address(self.server)
        senders = [asyncio.create_task(self.send(path, key)) for _ in range(SENDERS)]
        killed = await self.kill()
        self.over = True
        await asyncio.gather(*senders)
        return killed

    def run(self, *, hurry: bool = False) -> Counts:
        """The whole of it; `hurry` lets the leases of the dead run out at once."""
        self.server.start()
        self.start_watch()
        try:
            web, watch = asyncio.run(self.under_load())
            self._empty(hurry=hurry)
        finally:
            self.server.stop()
            self.watch.terminate()
            self.watch.wait(30)
        found = [row[0] for row in kept.rows(self.server, "SELECT event_id FROM monitoring_event")]
        lost = self.acknowledged - set(found)
        twice = len(found) - len(set(found))
        return Counts(web, watch, len(self.acknowledged), self.unanswered, len(lost), twice)

    def _empty(self, *, hurry: bool) -> None:
        """Wait until the watch has digested everything."""
        self.server.stop()  # hands its file over
        spool = self.server.data / "spool"
        until = time.monotonic() + EMPTY_WITHIN_S
        while any(path.suffix in (".open", ".ready") for path in spool.iterdir()):
            assert time.monotonic() < until, "the digest does not come to an end"
            if hurry:
                kept.change(self.server, "UPDATE monitoring_spoolfile SET leased_until = '2000-01-01'")
                kept.change(self.server, "UPDATE monitoring_lease SET until_at = '2000-01-01'")
            time.sleep(0.5)


def main() -> None:
    said = argparse.ArgumentParser(description=__doc__)
    said.add_argument("--kills", type=int, default=100)
    said.add_argument("--seed", type=int, default=0)
    options = said.parse_args()
    with tempfile.TemporaryDirectory(prefix="icebreaker-campaign-") as data:
        counts = Campaign(Path(data), options.kills, options.seed).run()
    sys.stdout.write("".join(f"{name.replace('_', ' '):14} {n:>9,}\n" for name, n in counts._asdict().items()))
    sys.exit(0 if counts.is_clean else 1)


if __name__ == "__main__":
    main()
