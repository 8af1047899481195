"""What a web process does of a drill; and that it lets go by itself, whatever happens to the database."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime, timedelta

import pytest
from django.db import OperationalError, connection
from django.test import AsyncClient, Client
from django.utils import timezone

from monitoring import liveness
from monitoring.drills import live, record
from monitoring.drills.effects import BURST, DRIP, HELD_S, Kind
from monitoring.drills.live import DrillError, Drilling
from monitoring.metrics.recorder import recorder
from monitoring.models import Drill
from signals import faults, telemetry

T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Place:
    """A process with a clock that the test turns."""

    def __init__(self) -> None:
        self.passed_s = 0.0
        self.drilling = Drilling(lambda: 1000 + self.passed_s)

    @property
    def now(self) -> datetime:
        return T0 + timedelta(seconds=self.passed_s)

    def look(self) -> None:
        self.drilling.look(self.now)

    def holds(self, kind: Kind) -> bool:
        return self.drilling.holds(kind) is not None


@pytest.fixture
def place() -> Iterator[Place]:
    yield Place()
    faults.install(None)


def begin(place: Place, kind: Kind, minutes: int = 5) -> Drill:
    return record.start(kind, minutes=minutes, reason="Practice", by=None, now=place.now)


@pytest.mark.django_db
def test_nothing_is_installed_without_a_drill_and_nothing_after_it(place: Place) -> None:
    place.look()
    assert faults.fault is None
    drill = begin(place, Kind.LATENCY)
    place.look()
    assert faults.fault is place.drilling
    drill.refresh_from_db()
    assert drill.in_effect_at == place.now
    record.stop(drill, by=None, now=place.now)
    place.look()
    assert faults.fault is None


@pytest.mark.django_db
def test_a_process_that_is_cut_off_from_the_database_lets_go_by_itself(place: Place) -> None:
    begin(place, Kind.LATENCY)
    place.look()

    def refuse(*_: object) -> None:
        raise OperationalError

    place.passed_s = HELD_S - 1
    with connection.execute_wrapper(refuse), pytest.raises(OperationalError):
        place.look()
    assert place.holds(Kind.LATENCY)
    place.passed_s = HELD_S
    assert not place.holds(Kind.LATENCY)


@pytest.mark.django_db
def test_it_never_outlives_its_end_though_nobody_looks_again(place: Place) -> None:
    begin(place, Kind.HEALTH, minutes=1)
    for second in range(0, 60, 5):
        place.passed_s = second
        place.look()
        assert place.holds(Kind.HEALTH)
    place.passed_s = 60
    assert not place.holds(Kind.HEALTH)


@pytest.mark.django_db
def test_setting_the_clock_back_prolongs_no_drill(place: Place) -> None:
    drill = begin(place, Kind.HEALTH, minutes=1)
    place.look()
    Drill.objects.update(started_at=T0 - timedelta(hours=1))
    place.passed_s = 59
    place.drilling.look(drill.started_at - timedelta(minutes=30))
    assert place.holds(Kind.HEALTH)
    place.passed_s = 60
    assert not place.holds(Kind.HEALTH)


@pytest.mark.django_db
async def test_the_health_answer_fails_in_words_while_the_drill_lasts(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(liveness, "drilling", place.drilling)
    place.drilling._held = {Kind.HEALTH: live.Held(1, T0, 1010.0, 1010.0)}
    answer = await AsyncClient().get("/api/health")
    assert (answer.status_code, answer.json()["status"]) == (503, "drill")
    assert "This is a drill" in answer.json()["message"]
    place.passed_s = 10
    assert (await AsyncClient().get("/api/health")).status_code == 200


async def test_frames_and_calls_are_held_up_until_it_is_over(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(live.asyncio, "sleep", sleep)
    place.drilling._held = {Kind.LATENCY: live.Held(1, T0, 1010.0, 1010.0)}
    await place.drilling.strike()
    place.passed_s = 10
    await place.drilling.strike()
    assert slept == [live.SLOW_S]
    assert live.SLOW_S > 2


class Keeper:
    """Takes what is captured."""

    def __init__(self) -> None:
        self.captured: list[tuple[BaseException, dict[str, str]]] = []

    def span(self, op: str, name: str) -> AbstractContextManager[object]:
        return nullcontext()

    transaction = span

    def capture(self, error: BaseException, tags: dict[str, str]) -> None:
        self.captured.append((error, tags))


@pytest.mark.django_db
def test_errors_burst_and_then_drip_and_each_is_marked(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    keeper = Keeper()
    monkeypatch.setattr(recorder, "tracer", keeper)
    recorder.drain()
    drill = begin(place, Kind.ERRORS)
    place.look()
    place.passed_s = 2
    place.look()
    assert len(keeper.captured) == BURST + DRIP
    assert recorder.drain().counts[telemetry.ERRORS, "drill"] == BURST + DRIP
    for error, tags in keeper.captured:
        assert isinstance(error, DrillError)
        assert error.__traceback__ is not None
        assert tags == {"component": "drill", "drill": str(drill.pk)}


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/admin/", "/admin/monitoring/incident/", "/monitoring/runbooks/"])
def test_every_page_of_staff_says_that_a_drill_is_under_way(admin_client: Client, path: str) -> None:
    assert "DRILL." not in admin_client.get(path, follow=True).content.decode()
    drill = record.start(Kind.HEALTH, minutes=5, reason="<b>", by=None, now=timezone.now())
    page = admin_client.get(path, follow=True).content.decode()
    assert "DRILL." in page
    assert f"/admin/monitoring/drill/{drill.pk}/change/" in page
