"""What is forgotten, in which order, and how little at a time."""

from datetime import timedelta
from pathlib import Path

import pytest
from pytest_django import Settings

from monitoring.errors import forgetting
from monitoring.models import Event, Issue, IssueHour, Project
from tests.monitoring.errors.desk import T0, arrive, project
from tests.monitoring.errors.samples import error

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def data(settings: Settings, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path


def days(mine: Project, *numbers: int, kind: str = "E") -> None:
    """An event on each of these days; its id ends in the day."""
    for n in numbers:
        arrive(mine, error(kind, event_id=f"{kind.lower():0<16}{n:016d}".replace("k", "c")), at=T0 + n * DAY)


def left() -> list[int]:
    return sorted(int(event_id[16:]) for event_id in Event.objects.values_list("event_id", flat=True))


def test_old_events_go_but_the_first_the_last_and_the_regressions_stay() -> None:
    mine = project(keep_days=10)
    days(mine, 0, 1, 2)
    Issue.objects.update(status="resolved", resolved_at=T0 + 2 * DAY)
    days(mine, 3, 4, 5)
    forgetting.prune(T0 + 100 * DAY)
    assert left() == [0, 3, 5]
    assert Issue.objects.get().count == 6


def test_too_many_events_go_oldest_first_and_turning_points_last() -> None:
    mine = project(keep_events=100)
    Project.objects.update(keep_events=4)
    days(mine, *range(8))
    forgetting.prune(T0 + 8 * DAY)
    assert left() == [0, 5, 6, 7]
    Project.objects.update(keep_events=1)
    forgetting.prune(T0 + 8 * DAY)
    forgetting.prune(T0 + 8 * DAY)
    assert left() == [7]


def test_an_issue_without_events_goes_a_day_later() -> None:
    days(project(), 0)
    Event.objects.all().delete()
    forgetting.prune(T0)
    assert Issue.objects.exists()
    forgetting.prune(T0 + 2 * DAY)
    assert not Issue.objects.exists()


def test_one_run_deletes_no_more_than_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forgetting, "STEP", 2)
    monkeypatch.setattr(forgetting, "STEPS", 2)
    days(project(keep_days=1), *range(9))
    forgetting.prune(T0 + 100 * DAY)
    assert len(left()) == 5


def test_hours_are_kept_for_ninety_days() -> None:
    days(project(), 0, 50)
    forgetting.prune(T0 + 91 * DAY)
    assert [hour.hour for hour in IssueHour.objects.all()] == [T0 + 50 * DAY]
