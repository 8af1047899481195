"""A version that begins to run is marked once."""

from datetime import datetime, timedelta

import pytest

from monitoring.errors import deploys
from monitoring.models import DeployMarker, Source
from tests.monitoring.errors.desk import T0

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


def run(release: str, at: datetime, role: str = "web") -> None:
    token = f"{role}-{release}-{at.timestamp():.0f}"
    Source.objects.create(token=token, role=role, release=release, started_at=at, flushed_at=at)


def marks() -> list[tuple[str, datetime]]:
    return list(DeployMarker.objects.order_by("at").values_list("version", "at"))


def test_a_change_of_version_is_marked_when_it_began_and_a_restart_is_not() -> None:
    run("1.0", T0)
    run("1.0", T0 + MINUTE)
    run("1.1", T0 + 2 * MINUTE)
    assert deploys.note(T0 + 3 * MINUTE) == 2
    assert deploys.note(T0 + 4 * MINUTE) == 0
    assert marks() == [("1.0", T0), ("1.1", T0 + 2 * MINUTE)]


def test_going_back_to_an_older_version_is_a_change_too() -> None:
    run("1.0", T0)
    run("1.1", T0 + MINUTE)
    deploys.note(T0 + MINUTE)
    run("1.0", T0 + 2 * MINUTE)
    deploys.note(T0 + 2 * MINUTE)
    assert [version for version, _ in marks()] == ["1.0", "1.1", "1.0"]


def test_the_watch_process_is_not_what_people_use() -> None:
    run("1.0", T0)
    run("1.1", T0 + MINUTE, role="watch")
    deploys.note(T0 + 2 * MINUTE)
    assert [version for version, _ in marks()] == ["1.0"]
