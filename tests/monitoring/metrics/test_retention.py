"""What is past its time goes, in small steps; what short runs left is merged without changing any sum."""

from datetime import UTC, datetime, timedelta

import pytest

from monitoring.metrics import retention, store
from monitoring.models import Measure, Source
from tests.monitoring.metrics.test_store import Process

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
S, H = timedelta(seconds=1), timedelta(hours=1)


def test_each_tier_is_kept_for_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "STEP", 7)
    web = Process(at=NOON)
    web.recorder.count("errors", "http", 1)
    web.flush(NOON + 5 * S)
    for hours, tiers in ((23, {10, 60, 3600}), (25, {60, 3600}), (24 * 7 + 1, {3600}), (24 * 400 + 1, set())):
        retention.prune(NOON + hours * H)
        assert set(Measure.objects.values_list("tier_s", flat=True)) == tiers
    assert not Source.objects.exists()


def test_runs_that_ended_are_merged_and_every_figure_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "STEP", 3)
    for n in range(6):  # a process that starts again and again
        run = Process(at=NOON + n * 20 * S)
        run.recorder.observe("ws.message", 40.0 * (n + 1), "chat:message")
        run.recorder.count("errors", "http", n)
        run.recorder.level("sessions", n, "")
        run.flush(NOON + (n * 20 + 5) * S)

    def figures() -> tuple[object, ...]:
        return (
            store.window("ws.message", None, NOON, NOON + H),
            store.count_sum("errors", None, NOON, NOON + H),
            store.series("ws.message", None, NOON, NOON + H, 60 * S),
            max(p.high or 0 for p in store.level_series("sessions", NOON, NOON + H, H)),
            store.measured(NOON, NOON + H),
        )

    before, rows = figures(), Measure.objects.filter(tier_s=3600).count()
    assert retention.compact(NOON + H) == 0, "they may still be running"
    assert retention.compact(NOON + 4 * H) == 6
    assert figures() == before
    assert Measure.objects.filter(tier_s=3600).count() < rows / 3
    assert set(Measure.objects.filter(tier_s__gt=10).values_list("source", flat=True)) == {""}
    assert retention.compact(NOON + 4 * H) == 0


def test_a_run_that_only_seemed_to_be_over_loses_what_waited_and_counts_nothing_twice() -> None:
    web = Process()
    web.recorder.count("errors", "http", 5)
    web.flush(NOON + 5 * S)
    retention.compact(NOON + 4 * H)
    web.recorder.count("errors", "http", 2)
    web.flush(NOON + 10 * S)
    web.recorder.count("errors", "http", 1)
    web.flush(NOON + 15 * S)
    total = store.count_sum("errors", None, NOON, NOON + H)
    assert total == 6, "five merged, two lost and said, one under the new name"
    assert store.losses(NOON, NOON + H, NOON + H).slots
