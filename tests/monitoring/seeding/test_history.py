"""An invented history is whole, the same for the same seed, and never where it could hurt."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from monitoring.metrics import store
from monitoring.models import Alert, Event, IncidentAlert, Issue, Measure, Outage, ProbeResult
from monitoring.seeding import breakages, history, measures
from monitoring.seeding.measures import Measurer
from monitoring.seeding.plan import Plan, Sort, plan
from signals import telemetry

NOW = datetime(2026, 3, 10, 12, 31, 7, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the fine tiers for less long: the same rows, only fewer."""
    monkeypatch.setattr(measures, "KEPT", {10: 2 * HOUR, 60: 6 * HOUR, 3600: 400 * DAY})


def made(days: int = 30, seed: int = 1) -> Plan:
    return plan(NOW, days, seed, "9.9.9")


@pytest.mark.parametrize("days", [1, 5, 30, 90, 400])
def test_everything_happens_within_the_days(days: int) -> None:
    found = made(days)
    assert NOW - days * DAY <= found.happenings[0].start and found.now <= NOW
    assert all(h.start_s <= h.end_s <= found.end_s for h in found.happenings)
    assert found.release_at(found.end_s) == "9.9.9"


def test_one_seed_is_one_history() -> None:
    one, same, other = made(), made(), made(seed=2)
    assert breakages.times(one) == breakages.times(same) != breakages.times(other)

    def drawn(of: Plan) -> Any:
        slot = Measurer(of, breakages.times(of)).slot(of.start_s + 7200, 3600)
        return slot.timings, slot.counts, slot.levels

    assert drawn(one) == drawn(same) != drawn(other)


@pytest.mark.django_db
@pytest.mark.usefixtures("short")
def test_a_history_is_whole_and_agrees_with_itself() -> None:
    history.write(NOW, days=6, seed=1)
    hour = NOW.replace(minute=0, second=0) - HOUR
    by_tier = {
        step: sum(point.n or 0 for point in store.count_series(telemetry.HTTP_REQUEST, None, hour, hour + HOUR, step))
        for step in (timedelta(seconds=10), timedelta(minutes=1), HOUR)
    }
    assert len(set(by_tier.values())) == 1 and by_tier[HOUR] > 0
    counted = sum(point.n or 0 for point in store.count_series(telemetry.ERRORS, None, NOW - 6 * DAY, NOW, HOUR))
    assert counted == Event.objects.count() == sum(Issue.objects.values_list("count", flat=True)) > 0
    (down,) = made(6).all(Sort.DOWN)
    assert {o.kind for o in Outage.objects.filter(opened_at__range=(down.start, down.end))} == {"down"}
    assert not Outage.objects.filter(closed_at=None).exists()
    assert ProbeResult.objects.filter(at__gte=down.start, at__lt=down.end, answer="failed").count() > 6
    fired = Alert.objects.get(rule="service-down")
    assert fired.began_at - down.start < 5 * timedelta(minutes=1) and fired.mails.filter(state="sent").count() == 2
    incident = IncidentAlert.objects.get(key=str(fired.key)).incident
    assert incident.stage == "documented" and incident.write_up
    assert not Alert.objects.filter(resolved_at=None).exists()
    assert Measure.objects.filter(metric=store.FLUSH, label=store.WEB, start_s=down.start_s // 3600 * 3600).exists()


@pytest.mark.django_db
@pytest.mark.usefixtures("short")
def test_a_slow_evening_is_slow_and_the_next_one_is_not() -> None:
    found = made()
    slow = next(h for h in found.all(Sort.SLOW) if h.share > 0.2)
    measurer = Measurer(found, ())
    for start_s, many in ((slow.start_s, True), (slow.start_s + 86_400, False)):
        buckets = measurer.slot(start_s, 60).timings[telemetry.WS_MESSAGE, "location:update"]
        late = sum(n for bucket, n in buckets.items() if measures.EDGES_MS[bucket - 1] >= 1000)
        assert (late > 0.1 * buckets.total()) is many


@pytest.mark.django_db
def test_nothing_is_invented_in_production(settings: Any) -> None:
    settings.ENVIRONMENT = "production"
    with pytest.raises(CommandError, match="production"):
        call_command("seed_history", "--replace")
    assert not Measure.objects.exists()


@pytest.mark.django_db
@pytest.mark.usefixtures("short")
def test_history_that_is_there_stays_unless_it_is_to_be_replaced(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("seed_history", "--days", "1")
    assert "Invented 1 days" in capsys.readouterr().out
    before = Measure.objects.count()
    with pytest.raises(CommandError, match="ProbeResult"):
        call_command("seed_history", "--days", "1")
    assert Measure.objects.count() == before
    call_command("seed_history", "--days", "1", "--replace")
    assert Measure.objects.exists()


@pytest.mark.parametrize("days", ["0", "401", "-3"])
@pytest.mark.django_db
def test_absurd_lengths_are_refused(days: str) -> None:
    with pytest.raises(CommandError, match="1 to 400"):
        call_command("seed_history", "--days", days)
