"""What judging costs: every rule on a month of measures, the back-test over that month, and a breach until SMTP has it.

`BREACHES` says how many breaches are timed, `DAYS` how much history is invented, `PHASES` at how many moments of the
watch's cycles trouble begins when the clock is told instead of waited for (bench/waits.py).
"""

from __future__ import annotations

import os
import threading
import time
from datetime import timedelta
from statistics import median, quantiles

from django.core.management import call_command
from django.db import connections
from django.utils import timezone

from bench import waits
from bench.table import Row, times_ms
from tests.monitoring.alerts.mailserver import MailServer

DAYS = float(os.environ.get("DAYS", "30"))
PHASES = int(os.environ.get("PHASES", "40"))
BREACHES = int(os.environ.get("BREACHES", "3"))
RUNS = 40


def rows() -> list[Row]:
    call_command("migrate", verbosity=0)
    call_command("seed_history", days=round(DAYS), replace=True, verbosity=0)
    return [_evaluation(), _backtest(), _delivery(), *waits.waited(PHASES)]


def _evaluation() -> Row:
    from monitoring.alerts import evaluate
    from monitoring.alerts.rules import SHIPPED

    now = timezone.now() - timedelta(minutes=20)
    took = times_ms(lambda n: evaluate.run(now + n * timedelta(seconds=15)), RUNS, warm=5)
    said = f"{median(took):.1f} ms (p95 {quantiles(took, n=20)[-1]:.1f})"
    return Row(f"all {len(SHIPPED)} rules evaluated and written, {DAYS:.0f} days of roll-ups", said, "50 ms")


def _backtest() -> Row:
    from monitoring.alerts import backtest, book

    started = time.perf_counter()
    outcome = backtest.run(book.current(), days=DAYS, now=timezone.now())
    took = time.perf_counter() - started
    fired = sum(len(fires) for fires in outcome.fires.values())
    return Row(f"back-test of all rules over {DAYS:.0f} days ({fired} alerts)", f"{took:.1f} s", "5 s")


def _delivery() -> Row:
    """Errors go over the critical threshold at a moment of chance; everything runs as `manage.py watch` runs it."""
    from monitoring.models import Alert, OutboxMail, Recipient

    Alert.objects.all().delete()
    now = timezone.now()
    Recipient.objects.create(name="ann", address="ann@example.org", verified_at=now, created_at=now)
    took: list[float] = []
    with MailServer() as server:
        stop = threading.Event()
        watch = threading.Thread(target=_watched, args=(server.port, stop))
        watch.start()
        try:
            for number in range(BREACHES):
                took.append(_timed(number, server))
                OutboxMail.objects.all().delete()
                Alert.objects.all().delete()
        finally:
            stop.set()
            watch.join()
    worst = max(took)
    return Row(f"a breach until SMTP took its mail, worst of {BREACHES}", f"{worst:.1f} s", "60 s")


def _timed(number: int, server: MailServer) -> float:
    from monitoring.models import Alert, RuleState

    RuleState.objects.all().delete()
    Alert.objects.all().delete()
    time.sleep(number * 3.7 % 15)  # breaches keep no step with evaluations
    before, breached_at = len(server.taken), time.time()
    while time.time() - breached_at < 120:
        for mail, at in list(zip(server.taken, server.taken_at, strict=False))[before:]:
            if "Errors: over" in mail.as_string():  # what the invented history may still set off is not meant
                return at - breached_at
        _measure(f"breach-{number}")
        time.sleep(1)
    return float("inf")


def _measure(label: str) -> None:
    """What a web process would flush now: twenty errors in this slot."""
    from monitoring.metrics import store
    from monitoring.metrics.ledger import Row as Measured
    from signals import telemetry

    start_s = int(time.time()) // 10 * 10
    rows = [
        Measured("bench-0", 10, start_s, store.FLUSH, store.WEB, 2, None, None, None),
        Measured("bench-0", 10, start_s, telemetry.ERRORS, label, 20, None, None, None),
    ]
    store.write(rows, store.WEB, "bench", timezone.now())


def _watched(port: int, stop: threading.Event) -> None:
    """The jobs of the watch process that alerts need, as often as it runs them."""
    from django.core.mail import get_connection

    from monitoring.alerts import evaluate, outbox

    backend = "django.core.mail.backends.smtp.EmailBackend"
    carrier = outbox.Carrier("bench", lambda: get_connection(backend, host="127.0.0.1", port=port, timeout=5))
    while not stop.wait(1 - time.time() % 1):
        second = int(time.time())
        if second % 15 == 0:
            evaluate.run(timezone.now())
        if second % 5 == 0:
            carrier.run(timezone.now())
    connections.close_all()
