"""Windows wait while the database is away, are given up only after long, and what is given up is said."""

import logging
import sqlite3
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection

from monitoring.metrics import store
from monitoring.metrics.flusher import Flusher
from monitoring.metrics.ledger import LOST, WAITING_MAX, Ledger
from monitoring.metrics.recorder import MetricsRecorder, Window
from monitoring.models import Measure

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
S = timedelta(seconds=1)


@pytest.fixture
def flusher() -> Flusher:
    return Flusher(MetricsRecorder(), "web")


@pytest.mark.django_db(transaction=True)
def test_a_database_locked_by_somebody_else_delays_and_nothing_is_lost_or_counted_twice(
    flusher: Flusher, caplog: pytest.LogCaptureFixture
) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("ONLY SQLite locks the whole database; elsewhere a writer waits for a row")
    flusher.tick(NOON)
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout = 1")
    other = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        for n in range(1, 7):
            flusher._recorder.observe("ws.message", 30.0, "")
            flusher.tick(NOON + n * 5 * S)
            assert not flusher.write(NOON + n * 5 * S)
        other.execute("ROLLBACK")
    finally:
        other.close()
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA busy_timeout = 5000")
    assert flusher.write(NOON + 31 * S)
    points = store.series("ws.message", None, NOON, NOON + 30 * S, 10 * S)
    assert [p.histogram.count for p in points if p.histogram] == [2, 2, 2]
    said = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert len(said) == 2 and "wait in memory" in said[0] and "written again" in said[1]


@pytest.mark.django_db
def test_a_write_whose_answer_was_lost_is_repeated_and_counts_once(
    flusher: Flusher, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = store.write

    def lost(*args: Any, **kwargs: Any) -> frozenset[str]:
        written(*args, **kwargs)
        raise OperationalError("server closed the connection unexpectedly")

    flusher.tick(NOON)
    flusher._recorder.count("errors", "http", 3)
    flusher.tick(NOON + 5 * S)
    monkeypatch.setattr(store, "write", lost)
    assert not flusher.write(NOON + 5 * S)
    monkeypatch.setattr(store, "write", written)
    assert flusher.write(NOON + 10 * S)
    assert store.count_sum("errors", None, NOON, NOON + 10 * S) == 3


@pytest.mark.django_db
def test_an_outage_of_an_hour_keeps_the_hours_whole_and_says_which_slots_are_missing(flusher: Flusher) -> None:
    for n in range(0, 3600, 5):
        flusher._recorder.count("errors", "http", 1)
        flusher.tick(NOON + n * S)
    end = NOON + 3600 * S
    flusher.tick(end)
    assert flusher.write(end)
    flusher.tick(end + 5 * S)
    flusher.write(end + 5 * S)
    assert store.count_sum("errors", None, NOON, end) == 720
    kept = store.count_series("errors", None, NOON, end, 10 * S)
    given_up = [p.at for p in kept if p.n is None]
    assert len(given_up) == 360 - WAITING_MAX[10] - 1
    assert max(given_up) < end - 890 * S
    assert store.losses(NOON, end + 3600 * S, end + 10 * S).slots == {10: len(given_up)}


def test_the_windows_that_wait_are_bounded() -> None:
    ledger = Ledger("a")
    for n in range(3000):
        ledger.add(Window({}, {("errors", "http"): 1}, {}), 1_800_000_000 + n * 60)
    slots = {row[:3] for row in ledger.pending().rows}
    assert len(slots) <= sum(WAITING_MAX.values()) + 3
    lost = sum(row.n for row in ledger.pending().rows if row.metric == LOST and row.tier_s == 3600)
    assert lost > 0
    assert ledger.totals().counts == {("errors", "http"): 3000}


def test_what_was_confirmed_is_not_written_again_and_the_open_slots_grow() -> None:
    ledger = Ledger("a")
    window = Window({}, {("errors", "http"): 1}, {})
    ledger.add(window, 1_800_000_000)
    first = ledger.pending()
    ledger.add(window, 1_800_000_001)  # between handing out and confirming
    ledger.confirm(first)
    again = ledger.pending()
    assert [row.n for row in first.rows] == [1, 1, 1]
    assert [row.n for row in again.rows] == [2, 2, 2]
    ledger.confirm(again)
    assert not ledger.pending().rows


@pytest.mark.django_db
def test_a_run_taken_for_dead_goes_on_under_another_name(flusher: Flusher) -> None:
    flusher.tick(NOON)
    flusher.write(NOON)
    before = flusher.ledger.source
    store.Source.objects.update(closed_at=NOON)
    flusher._recorder.count("errors", "http", 1)
    flusher.tick(NOON + 5 * S)
    assert flusher.write(NOON + 5 * S)
    assert flusher.ledger.source != before
    flusher._recorder.count("errors", "http", 1)
    flusher.tick(NOON + 10 * S)
    assert flusher.write(NOON + 10 * S)
    assert store.count_sum("errors", None, NOON, NOON + 60 * S) == 1
    assert Measure.objects.filter(metric=LOST, tier_s=10, count__gt=0).exists(), "what it lost is counted"
