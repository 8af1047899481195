"""What was measured is read back exactly, by window and by step; gaps are said; nothing counts twice."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from monitoring.metrics import store
from monitoring.metrics.flusher import Flusher
from monitoring.metrics.histogram import Histogram
from monitoring.metrics.recorder import MetricsRecorder
from monitoring.models import Measure, Source

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
S = timedelta(seconds=1)


class Process:
    """A process that measures, with its clock in our hand."""

    def __init__(self, role: str = "web", at: datetime = NOON) -> None:
        self.recorder = MetricsRecorder()
        self.flusher = Flusher(self.recorder, role)
        self.flusher.tick(at)

    def flush(self, at: datetime, *, stopped: bool = False) -> None:
        self.flusher.tick(at)
        assert self.flusher.write(at, stopped=stopped)


def test_a_window_holds_what_fell_into_it_and_thresholds_are_exact() -> None:
    web = Process()
    for second in range(5, 305, 5):
        web.recorder.observe("ws.message", 1500.0 if second > 200 else 50.0, "chat:message")
        web.recorder.observe("ws.message", 10.0, "radar:subscribe")
        web.flush(NOON + second * S)
    whole = store.window("ws.message", None, NOON, NOON + 300 * S)
    assert (whole.count, whole.over(1000)) == (120, 20)
    assert store.window("ws.message", "chat:message", NOON, NOON + 200 * S).over(1000) == 0
    assert store.window("ws.message", "chat:message", NOON + 200 * S, NOON + 300 * S).over(1000) == 20
    assert store.count_sum("ws.message", "radar:subscribe", NOON, NOON + 300 * S) == 60
    assert store.window("ws.message", "nobody", NOON, NOON + 300 * S).count == 0
    labels = store.by_label("ws.message", NOON, NOON + 300 * S)
    assert {label: h.count for label, h in labels.items()} == {"chat:message": 60, "radar:subscribe": 60}
    assert store.counts("ws.message", NOON, NOON + 300 * S) == {"chat:message": 60, "radar:subscribe": 60}


class TestWindows(TestCase):  # type: ignore[misc]
    @settings(deadline=None, max_examples=25)
    @given(
        st.lists(st.tuples(st.integers(0, 9000), st.floats(0.01, 5000)), max_size=30),
        st.integers(-100, 9000),
        st.integers(0, 9000),
    )
    def test_any_window_holds_exactly_the_samples_of_its_time(
        self, samples: list[tuple[int, float]], start: int, length: int
    ) -> None:
        web = Process()
        for second, value in sorted(samples):
            at = NOON + (second // 10 * 10 + 5) * S
            web.flusher.tick(at)
            web.recorder.observe("ws.message", value, "")
            web.flush(at)
        low, high = -(-start // 10) * 10, -(-(start + length) // 10) * 10
        wanted = Histogram(v for s, v in samples if low <= s // 10 * 10 < high)
        assert store.window("ws.message", None, NOON + start * S, NOON + (start + length) * S) == wanted


def test_every_tier_says_the_same_at_any_moment() -> None:
    web = Process(at=NOON - 75 * S)
    for n in range(-75, 75, 5):
        web.recorder.observe("ws.message", 20.0, "")
        web.flush(NOON + n * S)
    for step in (10, 60, 3600):
        points = store.series("ws.message", None, NOON - 3600 * S, NOON + 3600 * S, step * S)
        assert sum(p.histogram.count for p in points if p.histogram) == 30


def test_a_series_tells_a_quiet_step_from_one_that_nobody_measured() -> None:
    web = Process()
    web.recorder.observe("ws.message", 30.0, "")
    web.recorder.count("errors", "http", 4)
    web.flush(NOON + 5 * S)
    web.flush(NOON + 15 * S)
    web.flush(NOON + 35 * S)
    points = store.series("ws.message", None, NOON, NOON + 40 * S, 10 * S)
    assert [p.at for p in points] == [NOON + n * S for n in (0, 10, 20, 30)]
    assert [p.histogram.count if p.histogram else None for p in points] == [1, 0, None, 0]
    assert [p.n for p in store.count_series("errors", None, NOON, NOON + 40 * S, 10 * S)] == [4, 0, None, 0]
    assert store.measured(NOON, NOON + 40 * S) == 0.75
    assert store.measured(NOON, NOON) == 0.0


def test_writing_twice_counts_once() -> None:
    web = Process()
    web.recorder.observe("ws.message", 30.0, "")
    web.flusher.tick(NOON + 5 * S)
    receipt = web.flusher.ledger.pending()
    for _ in range(3):  # the answer to the first was lost on its way
        store.write(receipt.rows, "web", "1", NOON + 5 * S)
    web.recorder.observe("ws.message", 30.0, "")
    web.flush(NOON + 9 * S)
    assert store.count_sum("ws.message", None, NOON, NOON + 10 * S) == 2


def test_two_processes_add_up_and_a_level_is_summed_or_not_by_what_it_means() -> None:
    one, two = Process(), Process()
    for process, sockets in ((one, 5), (two, 8)):
        process.recorder.observe("ws.message", 30.0, "")
        process.recorder.level("ws.connections", sockets, "")
        process.recorder.level("sessions", 11, "")
        process.flush(NOON + 5 * S)
    now = NOON + 6 * S
    assert store.window("ws.message", None, NOON, NOON + 10 * S).count == 2
    assert store.latest_level("ws.connections", now) == 13
    assert store.latest_level("sessions", now) == 11
    assert store.latest_level("chats.open", now) is None
    (point,) = store.level_series("ws.connections", NOON, NOON + 10 * S, 10 * S)
    assert (point.last, point.high) == (13, 13)
    one.flush(NOON + 8 * S, stopped=True)
    assert store.latest_level("ws.connections", now) == 8, "who stopped has no sockets"
    assert store.latest_level("ws.connections", NOON + 60 * S) is None, "an old level is not known any more"


def test_a_level_keeps_its_highest_between_two_flushes() -> None:
    web = Process()
    for value in (3, 40, 2):
        web.recorder.level("sessions", value, "")
    web.flush(NOON + 5 * S)
    web.flush(NOON + 65 * S)
    points = store.level_series("sessions", NOON, NOON + 120 * S, 60 * S)
    assert [(p.last, p.high) for p in points] == [(2, 40), (2, 2)]
    assert store.level_series("sessions", NOON - 60 * S, NOON, 60 * S)[0].last is None


def test_the_last_flush_of_a_role_is_known_and_the_future_is_no_news() -> None:
    assert store.last_flush_at(NOON) is None
    Process("web").flush(NOON + 5 * S)
    Process("watch").flush(NOON + 25 * S)
    assert store.last_flush_at(NOON + 60 * S) == NOON + 5 * S
    assert store.last_flush_at(NOON + 60 * S, "watch") == NOON + 25 * S
    assert store.last_flush_at(NOON) is None


def test_a_clock_set_back_counts_everything_once() -> None:
    web = Process()
    for n in range(12):
        web.recorder.observe("ws.message", 30.0, "")
        web.flush(NOON + n * 5 * S)
    for n in range(24):  # ten minutes back, and over the same time again
        web.recorder.observe("ws.message", 30.0, "")
        web.flush(NOON + (n * 5 - 60) * S)
    assert store.count_sum("ws.message", None, NOON - 3600 * S, NOON + 3600 * S) == 36
    assert Source.objects.count() == 2
    assert store.losses(NOON - 3600 * S, NOON + 3600 * S, NOON + 7200 * S).killed == 1, "one process, not two"


def test_a_clock_set_forward_leaves_a_gap_and_loses_nothing() -> None:
    web = Process()
    web.recorder.observe("ws.message", 30.0, "")
    web.flush(NOON + 5 * S)
    web.recorder.observe("ws.message", 30.0, "")
    web.flush(NOON + 3605 * S)
    points = store.series("ws.message", None, NOON, NOON + 7200 * S, 3600 * S)
    assert [p.histogram.count for p in points if p.histogram] == [1, 1]


def test_a_run_that_was_killed_is_told_from_one_that_stopped() -> None:
    for stopped in (True, False):
        Process().flush(NOON + 5 * S, stopped=stopped)
    assert store.losses(NOON, NOON + 60 * S, NOON + 300 * S) == store.Losses({}, 1)
    assert store.losses(NOON, NOON + 60 * S, NOON + 10 * S).killed == 0, "it may still be running"
    assert Source.objects.filter(stopped_at=None).count() == 1


def test_bytes_that_are_no_histogram_are_loud() -> None:
    Process().flush(NOON + 5 * S)
    Measure.objects.filter(metric=store.FLUSH).update(histogram=b"\xff\xff")
    with pytest.raises(ValueError, match="no histogram"):
        store.window(store.FLUSH, None, NOON, NOON + 10 * S)
