"""On PostgreSQL with enough rows: what runs by the clock and on every page reads by index. Run by test_subset.py."""

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import connection
from django.db.models import Model
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from monitoring import watch
from monitoring.alerts import evaluate
from monitoring.alerts.outbox import Carrier
from monitoring.errors import digest, forward
from monitoring.metrics import retention, store
from monitoring.models import (
    AlertTransition,
    Event,
    Issue,
    JobSlot,
    Measure,
    Monitor,
    OutboxMail,
    ProbeResult,
    Project,
    Sent,
)
from monitoring.uptime import record
from signals import telemetry
from signals.models import Order, Report
from signals.services import catalogue, orders
from signals.services import retention as reports

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(300)]
ROWS = 8_000
S = timedelta(seconds=1)


def fill(model: type[Model], row: Callable[[int], Model]) -> None:
    model._default_manager.bulk_create((row(n) for n in range(ROWS)), batch_size=2000)


def filled(now: datetime) -> None:
    """Two days of history, newest last."""
    epoch, project = int(now.timestamp()), Project.objects.order_by("pk")[0]
    monitor = Monitor.objects.order_by("pk")[0]
    metrics = (telemetry.HTTP_REQUEST, telemetry.WS_MESSAGE, telemetry.ERRORS, telemetry.SESSIONS)
    fill(
        Measure,
        lambda n: Measure(
            tier_s=(10, 60, 3600)[n % 3], start_s=(epoch - n // 12 * 3600) // 3600 * 3600,
            metric=metrics[n // 3 % 4], label="x", source=f"s{n}", count=1,
        ),
    )  # fmt: skip
    fill(ProbeResult, lambda n: ProbeResult(monitor=monitor, at=now - 14 * n * S, answer="ok"))
    fill(
        Issue,
        lambda n: Issue(project=project, type="E", first_seen_at=now - 600 * n * S, last_seen_at=now - 14 * n * S),
    )
    issue = Issue.objects.order_by("pk")[0]
    fill(
        Event,
        lambda n: Event(
            project=project, event_id=f"{n:032x}", issue_id=issue.pk + n % 6000,
            occurred_at=now, received_at=now - 14 * n * S, data=b"",
        ),
    )  # fmt: skip
    fill(Sent, lambda n: Sent(project=project, key=str(n), kind="transaction", at=now - 14 * n * S, data=b""))
    fill(
        OutboxMail,
        lambda n: OutboxMail(
            kind="fired", state="sent", address="a@b.example", message_id=str(n), created_at=now - 60 * n * S,
            due_at=now, next_attempt_at=now - 60 * n * S, sent_at=now - 60 * n * S,
        ),
    )  # fmt: skip
    fill(
        AlertTransition,
        lambda n: AlertTransition(rule=f"rule-{n % 40}", before="ok", after="pending", at=now - 60 * n * S),
    )
    fill(JobSlot, lambda n: JobSlot(job=f"job-{n % 20}", slot=n, taken_at=now - n * S / 4, holder="h"))
    fill(
        Report, lambda n: Report(category="spam", reported_at=now - 60 * n * S, reporter_hash=str(n), reported_hash="x")
    )
    fill(Order, lambda n: Order(reported_hash="x", action="end", ordered_at=now - 60 * n * S, done_at=now))


@pytest.fixture
def history() -> Iterator[datetime]:
    assert connection.vendor == "postgresql"
    now = timezone.now()
    filled(now)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    yield now


def whole_table_reads(plan: dict[str, Any]) -> Iterator[tuple[str, int]]:
    """Tables of a plan that are read from end to end, and how many rows that gives."""
    if plan["Node Type"] == "Seq Scan" and plan.get("Parent Relationship") != "SubPlan":
        yield plan["Relation Name"], plan["Plan Rows"]
    for inner in plan.get("Plans", ()):
        yield from whole_table_reads(inner)


JOBS: dict[str, Callable[[datetime], Any]] = {
    "rules": evaluate.run,
    "outbox": lambda now: Carrier().run(now),
    "digest": digest.run,
    "forward": forward.run,
    "measures merged": retention.compact,
    "probes due": record.due,
    "probes forgotten": record.prune,
    "slots forgotten": watch.prune,
    "orders": lambda now: async_to_sync(orders.run)(now.timestamp()),
    "reports forgotten": lambda now: async_to_sync(reports.forget)(now.timestamp()),
    "catalogue": lambda now: async_to_sync(catalogue.refresh)(),
    "a board's hour": lambda now: store.count_series(telemetry.HTTP_REQUEST, None, now - 3600 * S, now, 60 * S),
    "newest issues": lambda now: list(Issue.objects.filter(status="unresolved").order_by("-last_seen_at")[:50]),
    "events of an issue": lambda now: list(
        Event.objects.filter(issue=Issue.objects.first()).order_by("-received_at")[:50]
    ),
}


# Not here: forgetting what is old reads a large share of a table on purpose, in steps.
def test_what_runs_by_the_clock_reads_by_index(history: datetime) -> None:
    slow: list[str] = []
    for name, job in JOBS.items():
        with CaptureQueriesContext(connection) as asked:
            job(history)
        for query in asked:
            if not query["sql"].startswith(("SELECT", "UPDATE", "DELETE")):
                continue
            with connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN (FORMAT JSON) {query['sql'].replace('%', '%%')}")
                plan = cursor.fetchone()[0]
            plan = json.loads(plan) if isinstance(plan, str) else plan
            slow += [
                f"{name}: {table} ({rows}): {query['sql'][:300]}" for table, rows in whole_table_reads(plan[0]["Plan"])
            ]
    tables = {
        m._meta.db_table
        for m in (Measure, ProbeResult, Issue, Event, Sent, OutboxMail, AlertTransition, JobSlot, Report, Order)
    }
    slow = [line for line in slow if line.split(": ")[1].split(" ")[0] in tables]
    assert not slow, "\n".join(slow)
