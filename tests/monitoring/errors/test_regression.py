"""When an event means that an issue came back."""

from datetime import UTC, datetime, timedelta

import pytest

from monitoring.errors.regression import Standing, Status, came_back

T0 = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def back(issue: Standing, count: int = 5, release_since: datetime | None = None) -> bool:
    return came_back(issue, at=T0, count=count, release_since=release_since)


def test_what_was_never_resolved_can_not_come_back() -> None:
    assert not back(Standing(Status.UNRESOLVED))


def test_any_event_after_resolving_is_a_regression() -> None:
    assert back(Standing(Status.RESOLVED, T0 - HOUR))


@pytest.mark.parametrize(("since", "expected"), [(None, False), (T0 - 2 * HOUR, False), (T0 - HOUR / 2, True)])
def test_resolved_in_the_next_release_only_a_newer_release_counts(since: datetime | None, expected: bool) -> None:
    issue = Standing(Status.RESOLVED, T0 - HOUR, in_next_release=True)
    assert back(issue, release_since=since) is expected


def test_ignored_for_ever_stays_so() -> None:
    assert not back(Standing(Status.IGNORED), count=1_000_000)


def test_ignored_until_a_time() -> None:
    assert not back(Standing(Status.IGNORED, ignored_until=T0 + HOUR))
    assert back(Standing(Status.IGNORED, ignored_until=T0))


def test_ignored_until_a_count() -> None:
    assert not back(Standing(Status.IGNORED, ignored_until_count=6))
    assert back(Standing(Status.IGNORED, ignored_until_count=5))
