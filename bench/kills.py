"""Two watch processes killed with kill -9, again and again, while alerts fire and SMTP refuses and drops.

Wanted: every alert once, every mail at least once, each time under its own Message-ID, none lost; and the time from a
breach to SMTP's acceptance. `KILLS=100 python -m bench kills`.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from django.core.management import call_command
from django.utils import timezone

from bench.table import Row

KILLS = int(os.environ.get("KILLS", "100"))
LEASE_S = 1.5
EACH = 2  # mails owed before each kill


@dataclass
class Campaign:
    """One run; `kills` is how many processes are killed."""

    kills: int
    chance: random.Random = field(default_factory=lambda: random.Random(5))
    victims: list[subprocess.Popen[bytes]] = field(default_factory=list)
    owed: list[str] = field(default_factory=list)

    def run(self) -> tuple[int, int, int, int]:
        """(mails owed, lost, sent more than once, alerts of the one breach)."""
        from tests.monitoring.alerts import mailserver

        moods = [mailserver.TAKE] * 6 + [mailserver.BUSY, mailserver.DROP, mailserver.TAKE_AND_DROP]
        with mailserver.MailServer([*self.chance.choices(moods, k=self.kills * EACH), mailserver.TAKE]) as server:
            environment = self._place(server.port)
            try:
                self._kill_all(environment)
                self._wait(lambda: set(self.owed) <= set(server.ids) and not _waiting(), 180)
            finally:
                for victim in self.victims:
                    victim.kill()
                    victim.wait()
            ids = server.ids
        from monitoring.models import Alert

        lost = len(set(self.owed) - set(ids))
        return len(self.owed), lost, len(ids) - len(set(ids)), Alert.objects.count()

    def _place(self, port: int) -> dict[str, str]:
        from monitoring.models import Recipient

        call_command("migrate", verbosity=0)
        now = timezone.now()
        Recipient.objects.create(name="ann", address="ann@example.org", verified_at=now, created_at=now)
        return {**os.environ, "EMAIL_URL": f"smtp://127.0.0.1:{port}"}

    def _kill_all(self, environment: dict[str, str]) -> None:
        self.victims = [self._started(environment), self._started(environment)]
        _breach()
        for number in range(self.kills):
            self._owe(number)
            before = _led()
            self._wait(lambda before=before: _led() != before or _sent() >= len(self.owed), 30)  # type: ignore[misc]
            time.sleep(self.chance.random() * 0.3)  # at any line
            at = number % 2
            os.kill(self.victims[at].pid, signal.SIGKILL)
            self.victims[at].wait()
            self.victims[at] = self._started(environment)

    def _started(self, environment: dict[str, str]) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "bench.victim", str(LEASE_S)]
        return subprocess.Popen(command, env=environment, cwd=Path(__file__).resolve().parent.parent)

    def _owe(self, number: int) -> None:
        from monitoring.alerts import post
        from monitoring.alerts.letters import Block, letter
        from monitoring.models import OutboxMail, Recipient

        said = letter(f"Mail {number}", [Block("Mail", ["There."])], "Bye.")
        for _ in range(EACH):
            ann = Recipient.objects.get()
            mail = post.put(OutboxMail.Kind.TEST, ann, now=timezone.now(), said=said)
            self.owed.append(mail.message_id)

    def _wait(self, done: Callable[[], bool], seconds: float) -> None:
        until = time.monotonic() + seconds
        while not done() and time.monotonic() < until:
            time.sleep(0.05)


def _breach() -> None:
    """Errors over the critical threshold, from now on."""
    from monitoring.metrics import store
    from monitoring.models import Measure
    from signals import telemetry

    first = int(timezone.now().timestamp()) // 10 * 10
    rows = [
        Measure(tier_s=10, start_s=start_s, metric=metric, label=label, source="web-0", count=count)
        for start_s in range(first, first + 7200, 10)
        for metric, label, count in ((store.FLUSH, store.WEB, 2), (telemetry.ERRORS, "websocket", 20))
    ]
    Measure.objects.bulk_create(rows)


def _led() -> str:
    from monitoring.models import Lease

    row = Lease.objects.filter(name="watch").first()
    return f"{row.holder} {row.until_at}" if row else ""


def _sent() -> int:
    from monitoring.models import OutboxMail

    return OutboxMail.objects.filter(state=OutboxMail.State.SENT).count()


def _waiting() -> bool:
    from monitoring.models import OutboxMail

    soon = timezone.now() + timedelta(minutes=2)
    return OutboxMail.objects.filter(state=OutboxMail.State.WAITING, next_attempt_at__lte=soon).exists()


def rows() -> list[Row]:
    owed, lost, again, alerts = Campaign(KILLS).run()
    from monitoring.models import Alert

    rules = Alert.objects.values("rule").distinct().count()
    said = f"{lost} of {owed} lost, {again} twice, {alerts} alerts of {rules} rules"
    return [Row(f"mails lost with {KILLS} watch processes killed by kill -9", said, "0 lost, as many alerts as rules")]
