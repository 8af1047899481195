"""Every statement that writes is timed under its table, and what only reads is not."""

import threading
from collections.abc import Iterator

import pytest
from django.db import connection, transaction
from django.db.models import F

from monitoring.metrics.recorder import MetricsRecorder
from monitoring.metrics.writes import WAIT, written
from monitoring.models import Project
from signals import telemetry


@pytest.fixture
def mine() -> Iterator[MetricsRecorder]:
    before, own = telemetry._recorder, MetricsRecorder()
    telemetry.install(own)
    yield own
    telemetry.install(before)


def observed(recorder: MetricsRecorder) -> dict[str, int]:
    """How many writes were timed, by label."""
    timings = recorder.drain().timings
    return {label: histogram.count for (metric, label), histogram in timings.items() if metric == telemetry.DB_WRITE}


@pytest.mark.parametrize(
    ("statement", "label"),
    [
        ('INSERT INTO "signals_report" ("at") VALUES (%s)', "report"),
        ('INSERT OR IGNORE INTO "monitoring_issueperson" ("mark") VALUES (%s)', "issueperson"),
        ('UPDATE "auth_user" SET "last_login" = %s', "user"),
        ("UPDATE `django_session` SET expire_date = %s", "session"),
        ('DELETE FROM "monitoring_measure" WHERE 1 = 1', "measure"),
        ("BEGIN IMMEDIATE", WAIT),
        ('SELECT "monitoring_measure"."id" FROM "monitoring_measure"', ""),
        ("BEGIN", ""),
        ("DROP TABLE x", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_a_statement_is_named_by_the_table_that_it_writes_to(statement: object, label: str) -> None:
    assert written(statement) == label


@pytest.mark.django_db
def test_what_is_written_through_the_orm_is_timed_and_what_is_read_is_not(mine: MetricsRecorder) -> None:
    project = Project.objects.create(slug="measured", name="Measured")
    Project.objects.filter(pk=project.pk).update(errors_per_minute=F("errors_per_minute") + 1)
    assert Project.objects.filter(slug="measured").exists()
    assert observed(mine) == {"project": 2}
    project.delete()
    assert observed(mine)["project"] == 1


@pytest.mark.django_db(transaction=True)
def test_a_connection_of_any_thread_is_watched_and_the_wait_for_other_writers_is_told_apart(
    mine: MetricsRecorder,
) -> None:
    def work() -> None:
        with transaction.atomic():
            Project.objects.create(slug="of-a-thread", name="Of a thread")
        connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert observed(mine) == {"project": 1} | ({WAIT: 1} if connection.vendor == "sqlite" else {})
