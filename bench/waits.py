"""How long a mail takes, over every phase of the cycles that it waits for. The clock is told: nobody waits here.

Probes are kept, rules judged and mails carried as the watch process would, tick by tick, each job in its own slots.
Only the service, its measures and the mail server are made up. What SMTP itself takes, `bench.alerting` measures.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from statistics import quantiles
from typing import Any, Final

from django.core.mail.backends.base import BaseEmailBackend

from bench.scenarios import undone
from bench.table import Row

BASE: Final = datetime(2031, 1, 6, 12, tzinfo=UTC)  # far from whatever history there is
TICK_S: Final = 1.02  # the watch pauses for a second, and works
AT_MOST_S: Final = 300.0
FLUSH_S: Final = 5.0
GOLDEN: Final = 0.618034  # steps of it fill a cycle evenly


class Mailbox(BaseEmailBackend):
    """Takes every mail at once, and tells that it did."""

    def __init__(self, took: Callable[[], None]) -> None:
        super().__init__()
        self._took = took

    def send_messages(self, email_messages: Sequence[Any]) -> int:
        self._took()
        return len(email_messages)


class Ticking:
    """The three jobs between trouble and mail, with the times that they have in the watch process."""

    def __init__(self, start: datetime) -> None:
        from monitoring.alerts import outbox
        from monitoring.uptime.probe import Prober
        from monitoring.watch import jobs

        self.now = start
        self.mailed_at: datetime | None = None
        self._jobs = {job.name: job for job in jobs(Prober())}
        self._slots: dict[str, int] = {}
        self._carrier = outbox.Carrier("bench", lambda: Mailbox(self._took))

    def due(self, name: str) -> bool:
        """Whether a job starts at this tick, as the watch would decide."""
        slot = self._jobs[name].slot(self.now)
        if self._slots.get(name) == slot:
            return False
        self._slots[name] = slot
        return True

    def judge_and_mail(self) -> None:
        from monitoring.alerts import evaluate

        if self.due("evaluate"):
            evaluate.run(self.now)
        if self.due("outbox"):
            self._carrier.run(self.now, clock=lambda: 0.0)

    def tick(self) -> None:
        self.now += timedelta(seconds=TICK_S)

    def _took(self) -> None:
        self.mailed_at = self.mailed_at or self.now


def waited(phases: int) -> list[Row]:
    """Downtime with refused connections and with time-outs, and errors over their threshold."""
    kinds: tuple[tuple[str, Callable[[int], float], str], ...] = (
        ("downtime, connections refused: first failed request to mail", lambda n: downtime(n, 0.0), "100 s"),
        ("downtime, requests time out: first failed request to mail", lambda n: downtime(n, None), "100 s"),
        ("errors over the threshold: breach to mail", breach, "60 s"),
    )
    found = []
    for what, wait_s, goal in kinds:
        waits = [wait_s(n) for n in range(phases)]
        said = f"{quantiles(waits, n=100)[-1]:.0f} s (least {min(waits):.0f}, most {max(waits):.0f})"
        found.append(Row(f"{what}, p99 over {phases} phases", said, goal))
    return found


def downtime(phase: int, answer_s: float | None) -> float:
    """Seconds from the first request that failed to the mail; None: each takes all of its time limit."""
    from monitoring.models import Monitor
    from monitoring.uptime import record
    from monitoring.uptime.outage import Answer
    from monitoring.uptime.probe import Seen

    with undone():
        monitor = _alone(Monitor)
        takes = timedelta(seconds=monitor.timeout_s if answer_s is None else answer_s)
        watch = Ticking(_start(phase))
        first_at, asked_at = None, None
        while watch.mailed_at is None and watch.now - BASE < timedelta(seconds=AT_MOST_S):
            if asked_at and watch.now - asked_at >= takes:
                record.keep([Seen(monitor.pk, asked_at, Answer.FAILED, None, "No answer")], now=asked_at)
                asked_at = None
            if asked_at is None and watch.due("probe") and record.due(watch.now):
                asked_at, first_at = watch.now, first_at or watch.now
                continue  # refused at once: the answer belongs to this same tick
            watch.judge_and_mail()
            watch.tick()
        return _between(first_at, watch.mailed_at)


def breach(phase: int) -> float:
    """Seconds from twenty errors within a moment to the mail."""
    from monitoring.models import Monitor

    with undone():
        _alone(Monitor).delete()
        watch = Ticking(_start(phase))
        breached_at, told = watch.now, False
        flush_at = datetime.fromtimestamp(math.floor(breached_at.timestamp() / FLUSH_S + 1) * FLUSH_S, UTC)
        _flush(watch.now - timedelta(seconds=10), 0)
        while watch.mailed_at is None and watch.now - BASE < timedelta(seconds=AT_MOST_S):
            if watch.now >= flush_at:
                _flush(flush_at, 0 if told else 20)
                told, flush_at = True, flush_at + timedelta(seconds=FLUSH_S)
            watch.judge_and_mail()
            watch.tick()
        return _between(breached_at, watch.mailed_at)


def _start(phase: int) -> datetime:
    """A moment in the cycle of a minute, which all three jobs fit into."""
    return BASE + timedelta(seconds=math.modf(phase * GOLDEN)[0] * 60)


def _between(first_at: datetime | None, mailed_at: datetime | None) -> float:
    return (mailed_at - first_at).total_seconds() if first_at and mailed_at else math.inf


def _alone(monitors: Any) -> Any:
    """Nothing is known but one monitor, and one person listens."""
    from monitoring.models import Alert, Evaluation, Outage, OutboxMail, Recipient, RuleState

    for model in (Alert, RuleState, Evaluation, Outage, OutboxMail, Recipient):
        model.objects.all().delete()
    Recipient.objects.create(name="ann", address="ann@example.org", verified_at=BASE, created_at=BASE)
    monitor = monitors.objects.order_by("pk").first()
    monitors.objects.exclude(pk=monitor.pk).delete()
    monitors.objects.filter(pk=monitor.pk).update(attempted_at=None, state={})
    return monitors.objects.get(pk=monitor.pk)


def _flush(now: datetime, errors: int) -> None:
    """What a web process writes every five seconds, into the slot of their middle."""
    from monitoring.metrics import store
    from monitoring.metrics.ledger import Row as Measured
    from monitoring.metrics.tiers import FINEST_S, slot_of
    from signals import telemetry

    start_s = slot_of(now.timestamp() - FLUSH_S / 2, FINEST_S)
    source = f"bench-{now.timestamp():.0f}"
    found = [Measured(source, FINEST_S, start_s, store.FLUSH, store.WEB, 1, None, None, None)]
    if errors:
        found.append(Measured(source, FINEST_S, start_s, telemetry.ERRORS, "bench", errors, None, None, None))
    store.write(found, store.WEB, "bench", now)
