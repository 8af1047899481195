"""What staff do to issues, each with its row of history."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from monitoring.errors import issues
from monitoring.errors.issues import NotTheSame
from monitoring.models import Event, Issue, IssueHour
from tests.monitoring.errors.desk import T0, arrive, project
from tests.monitoring.errors.samples import error

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def data(settings: Settings, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path


@pytest.fixture
def ada() -> User:
    return User.objects.create_user("ada")


def sent(n: int, *args: Any, **more: Any) -> dict[str, Any]:
    return error(*args, event_id=f"{n:032x}", **more)


def history(issue: Issue) -> list[tuple[str, str]]:
    return [(t.kind, t.note) for t in issue.transitions.all()]


def test_resolving_ignoring_and_opening_again_are_told(ada: User) -> None:
    arrive(project(), sent(1))
    issue = Issue.objects.get()
    issues.resolve(issue, by=ada, now=T0)
    issues.resolve(issue, in_next_release=True, by=ada, now=T0)
    fresh = issues.ignore(issue, period=HOUR, more=10, by=ada, now=T0)
    assert (fresh.ignored_until, fresh.ignored_until_count, fresh.in_next_release) == (T0 + HOUR, 11, False)
    fresh = issues.reopen(issue, by=None, now=T0)
    assert (fresh.status, fresh.ignored_until, fresh.ignored_until_count) == ("unresolved", None, None)
    assert history(issue) == [
        ("new", ""),
        ("resolved", ""),
        ("resolved", "In the next release."),
        ("ignored", "Until 2026-03-01 13:00. Until 10 more."),
        ("reopened", ""),
    ]
    assert issue.transitions.get(kind="ignored").by == ada


def test_merged_issues_stay_one_for_what_comes_later(ada: User) -> None:
    mine = project()
    arrive(mine, sent(1, "A", tags={"sessionId": "x"}), sent(2, "B", tags={"sessionId": "x"}))
    arrive(mine, sent(3, "B", tags={"sessionId": "y"}), at=T0 + HOUR)
    merged = issues.merge(Issue.objects.all(), by=ada, now=T0 + HOUR)
    assert (merged.count, merged.people, merged.last_seen_at) == (3, 2, T0 + HOUR)
    arrive(mine, sent(4, "B"), sent(5, "A"), at=T0 + 2 * HOUR)
    issue = Issue.objects.get()
    assert (issue.count, Event.objects.filter(issue=issue).count()) == (5, 5)
    assert list(IssueHour.objects.order_by("hour").values_list("count", flat=True)) == [2, 1, 2]
    assert history(issue)[-1] == ("merged", "With 1 more.")


def test_issues_of_two_projects_are_never_one(ada: User) -> None:
    arrive(project(), sent(1))
    arrive(project("frontend"), sent(1))
    with pytest.raises(NotTheSame):
        issues.merge(Issue.objects.all(), by=ada, now=T0)


def test_what_was_deleted_and_happens_again_is_new(ada: User) -> None:
    arrive(project(), sent(1), sent(2))
    issues.delete(Issue.objects.get())
    assert not Event.objects.exists()
    arrive(project(), sent(3), at=T0 + HOUR)
    assert history(Issue.objects.get()) == [("new", "")]


def test_releases_are_listed_by_how_often() -> None:
    arrive(project(), sent(1, release="1"), sent(2, release="2"), sent(3, release="2"), sent(4, release=None))
    assert issues.releases(Issue.objects.get())[0] == ("2", 2)
