"""Many rows changed by one statement, on whichever database is set."""

from datetime import timedelta

import pytest

from monitoring.errors import many
from monitoring.models import Issue, IssueHour
from tests.monitoring.errors.desk import T0, project

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def issue(kind: str) -> Issue:
    return Issue.objects.create(project=project(), type=kind, first_seen_at=T0, last_seen_at=T0)


def test_the_named_fields_of_each_row_are_written_and_no_other() -> None:
    one, other = issue("One"), issue("Other")
    one.count, one.last_seen_at, one.resolved_at, one.type = 7, T0 + HOUR, T0, "Else"
    other.count = 9
    many.update([one, other], ("count", "last_seen_at", "resolved_at"))
    one.refresh_from_db()
    other.refresh_from_db()
    assert (one.count, one.last_seen_at, one.resolved_at, one.type) == (7, T0 + HOUR, T0, "One")
    assert (other.count, other.last_seen_at, other.resolved_at) == (9, T0, None)


def test_a_row_that_was_deleted_meanwhile_stays_deleted() -> None:
    gone = issue("Gone")
    Issue.objects.filter(pk=gone.pk).delete()
    many.update([gone], ("count",))
    assert not Issue.objects.exists()


def test_counts_are_added_to_what_stands_there_or_begin_it() -> None:
    mine = issue("Mine")
    for n, hour in ((2, T0), (3, T0), (5, T0 + HOUR)):
        many.add([IssueHour(issue=mine, hour=hour, count=n)], ("issue", "hour"), "count")
    assert list(IssueHour.objects.order_by("hour").values_list("hour", "count")) == [(T0, 5), (T0 + HOUR, 5)]


def test_nothing_to_write_is_nothing_written() -> None:
    many.update([], ("count",))
    many.add([], ("issue", "hour"), "count")
    assert not IssueHour.objects.exists()
