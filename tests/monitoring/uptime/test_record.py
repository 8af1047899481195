"""What probes saw becomes results, outages and uptime, in the database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitoring.drills import record as drills
from monitoring.drills.effects import PROBED
from monitoring.drills.effects import Kind as DrillKind
from monitoring.models import Heartbeat, Maintenance, Monitor, Outage, ProbeResult, Watched
from monitoring.uptime import record
from monitoring.uptime.outage import Answer, Policy, Sample, Span, unknown
from monitoring.uptime.probe import Seen

pytestmark = pytest.mark.django_db
T0 = datetime(2026, 1, 5, 12, tzinfo=UTC)
SECOND, MINUTE, HOUR, DAY = (timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1))
GOOD, SLOW, FAILED, BLIND = Answer.GOOD, Answer.SLOW, Answer.FAILED, Answer.UNKNOWN


@pytest.fixture
def monitor() -> Monitor:
    Monitor.objects.all().delete()
    return Monitor.objects.create(name="It", address="/api/health")


def tell(
    monitor: Monitor,
    answers: list[Answer],
    start: datetime = T0,
    every: timedelta = 20 * SECOND,
    reason: str = "It broke.",
) -> datetime:
    at = start
    for n, answer in enumerate(answers):
        at = start + n * every
        took = None if answer is FAILED else 5.0
        record.keep([Seen(monitor.pk, at, answer, took, reason if answer is FAILED else "")], now=at)
    return at


def test_two_monitors_are_there_from_the_start() -> None:
    assert [(t.way, t.url) for t in record.targets()] == [
        ("http", "http://127.0.0.1:8000/api/health"),
        ("websocket", "http://127.0.0.1:8000/ws"),
    ]


def test_three_failures_open_an_outage_and_two_answers_close_it(monitor: Monitor) -> None:
    tell(monitor, [GOOD, FAILED, FAILED])
    assert not Outage.objects.exists()
    tell(monitor, [FAILED], T0 + 60 * SECOND)
    outage = Outage.objects.get()
    assert (outage.kind, outage.opened_at, outage.confirmed_at) == ("down", T0 + 20 * SECOND, T0 + 60 * SECOND)
    assert (outage.closed_at, outage.reason) == (None, "It broke.")
    tell(monitor, [GOOD, GOOD], T0 + 80 * SECOND)
    outage.refresh_from_db()
    assert outage.closed_at == T0 + 80 * SECOND


def test_what_is_down_now_is_a_level_and_unknown_without_probes(monitor: Monitor) -> None:
    assert record.levels(T0) == {}
    last = tell(monitor, [FAILED] * 3)
    assert record.levels(last) == {"outages.down": 1, "outages.slow": 0}
    assert record.levels(last + HOUR) == {}, "nobody has looked for an hour"
    last = tell(monitor, [SLOW] * 3, last + 20 * SECOND)
    assert record.levels(last) == {"outages.down": 0, "outages.slow": 1}


def test_what_is_down_under_maintenance_is_not_called_down(monitor: Monitor) -> None:
    last = tell(monitor, [FAILED] * 3)
    Maintenance.objects.create(from_at=T0 - HOUR, to_at=T0 + HOUR, reason="New disks")
    assert record.levels(last)["outages.down"] == 0
    assert record.levels(T0 + HOUR) == {}


def test_the_days_to_the_end_of_the_first_certificate_are_a_level(monitor: Monitor) -> None:
    seen = Seen(monitor.pk, T0, GOOD, 5.0, certificate_expires_at=T0 + 10 * DAY)
    record.keep([seen], now=T0)
    assert record.levels(T0)["certificate.days"] == 10


def test_a_probe_is_due_after_its_interval_and_every_20_seconds_after_a_failure(monitor: Monitor) -> None:
    def due(at: datetime) -> bool:
        return bool(record.due(at))

    assert due(T0)
    tell(monitor, [GOOD])
    assert not due(T0 + 5 * MINUTE - SECOND) and due(T0 + 5 * MINUTE)
    at = tell(monitor, [FAILED], T0 + 5 * MINUTE)
    assert not due(at + 19 * SECOND) and due(at + 20 * SECOND)
    at = tell(monitor, [GOOD], at + 20 * SECOND)
    assert not due(at + 20 * SECOND) and due(at + 5 * MINUTE)


def test_a_blind_probe_is_repeated_after_20_seconds_and_not_at_once(monitor: Monitor) -> None:
    at = tell(monitor, [BLIND])
    assert not record.due(at + SECOND) and record.due(at + 20 * SECOND)
    assert not Watched.objects.exists()


def test_a_monitor_that_is_off_or_of_another_prober_is_not_due_here(monitor: Monitor) -> None:
    Monitor.objects.create(name="Off", address="/", enabled=False)
    other = Monitor.objects.create(name="There", address="/", prober="berlin")
    assert [t.id for t in record.due(T0)] == [monitor.pk]
    assert [t.id for t in record.targets("berlin")] == [other.pk]


def test_the_clock_set_back_does_not_stop_probing(monitor: Monitor) -> None:
    tell(monitor, [GOOD])
    assert record.due(T0 - DAY)


def test_a_report_twice_counts_once_and_nobody_reports_for_another(monitor: Monitor) -> None:
    seen = [Seen(monitor.pk, T0, FAILED), Seen(monitor.pk, T0, FAILED), Seen(9999, T0, FAILED)]
    record.keep(seen * 3, now=T0)
    record.keep([Seen(monitor.pk, T0 + SECOND, FAILED)], prober="berlin", now=T0)
    record.keep([Seen(monitor.pk, T0 + HOUR, FAILED)], now=T0)
    assert ProbeResult.objects.count() == 1
    assert set(Heartbeat.objects.values_list("name", flat=True)) == {"prober:here", "prober:berlin"}


def test_uptime_is_confirmed_outages_over_watched_time(monitor: Monitor) -> None:
    tell(monitor, [GOOD] * 10, T0, 5 * MINUTE)
    tell(monitor, [FAILED] * 30 + [GOOD, GOOD], T0 + 50 * MINUTE)  # ten minutes
    tell(monitor, [GOOD] * 9, T0 + HOUR + 2 * MINUTE, 5 * MINUTE)
    hours = Span(T0 - HOUR, T0 + 100 * MINUTE)  # the first of them unwatched
    found = record.uptime_of([monitor], hours)
    assert (found.observed, found.down) == (100 * MINUTE, 10 * MINUTE)
    assert found.share == 0.9
    Maintenance.objects.create(from_at=T0 + 50 * MINUTE, to_at=T0 + 55 * MINUTE, reason="New disks")
    found = record.uptime_of([monitor], hours)
    assert (found.observed, found.down) == (95 * MINUTE, 5 * MINUTE)


def test_time_in_which_nobody_looked_counts_as_nothing_even_within_an_outage(monitor: Monitor) -> None:
    last = tell(monitor, [FAILED] * 3)
    tell(monitor, [GOOD] * 2, last + DAY)
    gap = monitor.policy.gap
    found = record.uptime_of([monitor], Span(T0, T0 + 2 * DAY))
    assert found.down == last + gap - T0
    assert found.observed == found.down + 20 * SECOND + gap


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(20, 1500), st.sampled_from([GOOD, FAILED, SLOW, BLIND])), max_size=25))
def test_watched_rows_say_the_same_as_the_probes_one_by_one(probes: list[tuple[int, Answer]]) -> None:
    Monitor.objects.all().delete()
    monitor = Monitor.objects.create(name="It", address="/")
    at, samples = T0, []
    for gap, answer in probes:
        at += gap * SECOND
        record.keep([Seen(monitor.pk, at, answer)], now=at)
        samples.append(Sample(at, answer))
    window = Span(T0, at + 30 * MINUTE)
    from monitoring.uptime.outage import subtract

    assert subtract([window], record.known_spans([monitor], window)) == unknown(samples, window, Policy())


def test_old_results_go_and_outages_stay_for_400_days(monitor: Monitor) -> None:
    tell(monitor, [FAILED] * 3 + [GOOD] * 2)
    record.prune(T0 + 31 * DAY)
    assert (ProbeResult.objects.count(), Outage.objects.count(), Watched.objects.count()) == (0, 1, 1)
    record.prune(T0 + 401 * DAY)
    assert (Outage.objects.count(), Watched.objects.count()) == (0, 0)


def test_an_outage_that_a_drill_made_is_marked_and_one_that_outlives_it_is_not(monitor: Monitor) -> None:
    drills.start(DrillKind.HEALTH, minutes=2, reason="Practice", by=None, now=T0)
    last = tell(monitor, [FAILED] * 3, reason=PROBED)
    assert Outage.objects.get().drill
    assert record.levels(last)["outages.down"] == 1, "rules see it: that is what it is for"
    tell(monitor, [FAILED], T0 + 2 * MINUTE + 50 * SECOND, reason=PROBED)
    assert Outage.objects.get().drill
    tell(monitor, [FAILED], T0 + 4 * MINUTE)
    assert not Outage.objects.get().drill


def test_what_fails_in_earnest_during_a_drill_is_no_drill_once_it_is_confirmed(monitor: Monitor) -> None:
    drills.start(DrillKind.HEALTH, minutes=20, reason="Practice", by=None, now=T0)
    last = tell(monitor, [FAILED] * 3, reason=PROBED)
    last = tell(monitor, [FAILED] * 2, last + 20 * SECOND)
    assert Outage.objects.get().drill, "two failures prove nothing"
    tell(monitor, [FAILED], last + 20 * SECOND)
    assert not Outage.objects.get().drill


def test_another_monitor_that_fails_in_earnest_during_a_drill_is_no_drill(monitor: Monitor) -> None:
    drills.start(DrillKind.HEALTH, minutes=20, reason="Practice", by=None, now=T0)
    tell(monitor, [FAILED] * 3)
    assert not Outage.objects.get().drill
