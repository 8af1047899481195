"""Drills in the database: one at a time, over when their time is up, whoever writes it down."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User

from monitoring.drills import record
from monitoring.drills.effects import Kind, Refused
from monitoring.models import Drill, Monitor

pytestmark = pytest.mark.django_db
T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)


def at(minute: float) -> datetime:
    return T0 + timedelta(minutes=minute)


def begin(minute: float = 0, kind: Kind = Kind.HEALTH, minutes: int = 5) -> Drill:
    return record.start(kind, minutes=minutes, reason="Practice", by=None, now=at(minute))


def test_a_drill_is_over_when_its_time_is_up_though_nobody_wrote_it_down() -> None:
    drill = begin()
    assert list(record.running(at(4.9))) == [drill]
    assert not record.running(at(5))
    assert not drill.is_running(at(5))
    record.close(at(60))
    drill.refresh_from_db()
    assert drill.ended_at == at(5)


def test_it_is_stopped_at_once_and_only_once() -> None:
    drill, ada = begin(), User.objects.create_user("ada")
    record.stop(drill, by=ada, now=at(1))
    assert not record.running(at(1))
    drill.refresh_from_db()
    assert (drill.ended_at, drill.ended_by) == (at(1), ada)
    with pytest.raises(Refused, match="over already"):
        record.stop(drill, by=ada, now=at(2))


@pytest.mark.parametrize("kind", Kind)
def test_a_second_one_waits_for_the_first_to_end(kind: Kind) -> None:
    begin()
    with pytest.raises(Refused, match="one at a time"):
        begin(1, kind)
    assert begin(5, kind).started_at == at(5)


def test_who_takes_up_a_health_drill_asks_for_the_next_probe_at_once_and_others_leave_probes_alone() -> None:
    Monitor.objects.update(attempted_at=T0)
    errors = begin(kind=Kind.ERRORS)
    record.in_effect([errors.pk], at(0.5))
    record.stop(errors, by=None, now=at(1))
    health = begin(2)
    assert not Monitor.objects.filter(attempted_at=None).exists(), "nothing is to be seen yet"
    record.in_effect([health.pk], at(3))
    assert not Monitor.objects.filter(enabled=True, prober="").exclude(attempted_at=None).exists()


def test_what_fires_after_an_early_stop_is_measured_from_that_stop() -> None:
    record.stop(begin(kind=Kind.ERRORS), by=None, now=at(1))
    cause = record.cause_of("error-rate-critical", at(2))
    assert cause is not None
    assert record.cause_of("error-rate-critical", at(4)) is None
    assert record.cause_of("service-down", at(1)) is None


def test_the_first_process_says_when_it_took_effect() -> None:
    drill = begin()
    record.in_effect([drill.pk], at(0.1))
    record.in_effect([drill.pk], at(0.2))
    drill.refresh_from_db()
    assert drill.in_effect_at == at(0.1)
