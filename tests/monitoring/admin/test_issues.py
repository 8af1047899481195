"""Staff see what broke and settle it; what strangers sent is shown, never obeyed."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from monitoring.errors import issues
from monitoring.models import DeployMarker, Event, Issue, IssueHour, Project
from tests.monitoring.errors.desk import arrive, project
from tests.monitoring.errors.samples import error, frame

pytestmark = pytest.mark.django_db
LIST = "/admin/monitoring/issue/"


@pytest.fixture(autouse=True)
def data(settings: Settings, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path


def signed_in(*groups: str) -> Client:
    user = User.objects.create_user("sam", is_staff=True)
    user.groups.set(Group.objects.filter(name__in=groups))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def staff() -> Client:
    return signed_in("on-call")


@pytest.fixture
def admins() -> Client:
    return signed_in("admins")


def came(*sent: dict[str, Any], slug: str = "backend", ago: timedelta = timedelta(minutes=5)) -> list[Issue]:
    arrive(project(slug), *sent, at=timezone.now() - ago)
    return list(Issue.objects.order_by("pk"))


def sent(n: int, *args: Any, **more: Any) -> dict[str, Any]:
    return error(*args, event_id=f"{n:032x}", **more)


def page(client: Client, path: str, **asked: str) -> str:
    answer = client.get(path, asked)
    assert answer.status_code == 200
    return answer.content.decode()


def of(issue: Issue) -> str:
    return f"{LIST}{issue.pk}/change/"


def act(client: Client, action: str, *rows: Issue, **more: str) -> Any:
    said = {"action": action, "_selected_action": [row.pk for row in rows], **more}
    return client.post(f"{LIST}?status=all", said, follow=True)


def test_the_list_shows_what_nobody_settled_with_its_last_week(staff: Client) -> None:
    first, second = came(sent(1, "KeyError", "lost"), sent(2, "ValueError", "bad"), sent(3, "ValueError", "bad"))
    issues.resolve(first, by=None, now=timezone.now())
    text = page(staff, LIST)
    assert "ValueError" in text and "KeyError" not in text and 'aria-label="2 in 7 days"' in text
    assert "KeyError" in page(staff, LIST, status="resolved") and "KeyError" in page(staff, LIST, status="all")
    assert "ValueError" not in page(staff, LIST, status="ignored")
    assert second.count == 2


@pytest.mark.parametrize(
    "asked", ["lost", "KeyError", "signals.views", "0" * 31 + "1", "00000000-0000-0000-0000-0000-0000-0001"]
)
def test_an_issue_is_found_by_its_words_or_by_the_id_of_an_event(staff: Client, asked: str) -> None:
    came(sent(1, "KeyError", "lost"), sent(2, "ValueError", "bad", frame("x", "y")))
    text = page(staff, LIST, q=asked)
    assert "KeyError" in text and "ValueError" not in text


def test_the_page_tells_the_whole_story(staff: Client) -> None:
    crumbs = {"values": [{"timestamp": 1.7e9, "category": "http", "message": "before it", "level": "info"}]}
    (issue,) = came(
        sent(1, "KeyError", "lost", breadcrumbs=crumbs, tags={"component": "websocket"}), sent(2, "KeyError")
    )
    DeployMarker.objects.create(version="1.2.35", environment="test", at=timezone.now())
    text = page(staff, of(issue), event="0" * 31 + "1")
    for told in (
        "lost",
        "signals/views.py",
        "raise ValueError",
        "before it",
        "component",
        "websocket",
        "1.2.35",
        "New",
    ):
        assert told in text
    assert re.search(r'<details class="theirs">\s*<summary>1 frame of libraries', text)
    assert re.search(r'<details class="place ours" open>\s*<summary><bdi>signals/views.py', text)
    assert "/home/somebody" not in text
    assert "At most" not in text and "at most 2 in a day" in text


@pytest.mark.parametrize("asked", ["24h", "7d", "30d", "90d", "nonsense"])
def test_every_range_adds_up(staff: Client, asked: str) -> None:
    (issue,) = came(sent(1), sent(2), sent(3))
    text = page(staff, of(issue), range=asked)
    table = text[text.index("<tbody>") : text.index("</tbody>")]
    assert sum(int(n) for n in re.findall(r"<td>(\d+)</td>", table)) == 3


def test_events_are_read_page_by_page_and_one_by_one(staff: Client) -> None:
    for n in range(4):
        came(*(sent(10 * n + k) for k in range(10)), ago=timedelta(hours=5 - n))
    (issue,) = Issue.objects.all()
    text = page(staff, of(issue))
    assert text.count('href="?event=') == 25 + 1  # and the older one of the newest
    assert page(staff, of(issue), page="2").count("&amp;page=2#event") == 15
    middle = page(staff, of(issue), event=f"{15:032x}")
    assert ">Older<" in middle and ">Newer<" in middle
    assert staff.get(of(issue), {"event": "f" * 32}).status_code == 404


def test_an_event_is_downloaded_as_it_was_kept(staff: Client) -> None:
    (issue,) = came(sent(1, "KeyError", "Grüße"))
    answer = staff.get(f"{LIST}{issue.pk}/{1:032x}.json")
    assert answer.headers["Content-Disposition"] == f'attachment; filename="event-{Event.objects.get().pk}.json"'
    assert answer.headers["Content-Type"] == "application/json"
    assert json.loads(answer.content)["exception"]["values"][0]["value"] == "Grüße"
    assert staff.get(f"{LIST}{issue.pk}/{2:032x}.json").status_code == 404


EVIL = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>\u202eevil",
    '"><svg onload=alert(1)>',
    "{{ settings.SECRET_KEY }}{% debug %}",
    "\x1b[2J\r\nSet-Cookie: a=b\r\n\r\n<b>body",
    "'; DROP TABLE monitoring_issue; --" + "A" * 20_000,
)


@pytest.mark.parametrize("evil", EVIL, ids=["script", "image", "quote", "template", "header", "huge"])
def test_whatever_strangers_send_is_only_ever_text(staff: Client, settings: Settings, evil: str) -> None:
    bad = frame(evil, evil, lineno=1, filename=evil, context_line=evil, pre_context=[evil], post_context=[evil])
    crumbs = {"values": [{"timestamp": evil, "category": evil, "message": evil, "level": evil, "data": {"url": evil}}]}
    words = {"breadcrumbs": crumbs, "tags": {evil: evil}, "transaction": evil, "logger": evil, "server_name": evil}
    context = {"runtime": {"name": evil, "version": evil}, "trace": {"trace_id": evil, "op": evil}}
    (issue,) = came(sent(1, evil, evil, bad, release=evil, environment=evil, level=evil, contexts=context, **words))
    for path in (LIST, of(issue), f"{LIST}{issue.pk}/delete/", f"{LIST}{issue.pk}/history/"):
        answer = staff.get(path)
        text = answer.content.decode()
        assert answer.status_code in (200, 403) and "Set-Cookie" not in answer.headers.get("Content-Disposition", "")
        for live in ("<script>alert", "<img src=x", "<svg onload", "<b>body", settings.SECRET_KEY, "\x1b", "\u202e"):
            assert live not in text
        assert len(text) < 600_000
    assert "U+202E" in page(staff, of(issue)) or "\u202e" not in evil


def test_what_is_settled_on_the_page_is_settled(staff: Client) -> None:
    (issue,) = came(sent(1))
    for do, more, status in (
        ("resolve", {}, "resolved"),
        ("reopen", {}, "unresolved"),
        ("resolve_next", {}, "resolved"),
        ("ignore", {"hours": "5", "more": "10"}, "ignored"),
    ):
        assert staff.post(of(issue), {"do": do, **more}).status_code == 302
        issue.refresh_from_db()
        assert issue.status == status
    assert issue.ignored_until_count == 11 and issue.ignored_until
    turns = list(issue.transitions.values_list("kind", "by__username"))
    assert turns[1:] == [("resolved", "sam"), ("reopened", "sam"), ("resolved", "sam"), ("ignored", "sam")]
    assert "Until 10 more." in page(staff, of(issue))


@pytest.mark.parametrize(
    "said", [{"do": "ignore", "hours": "-1"}, {"do": "ignore", "more": "many"}, {"do": "burn"}, {}]
)
def test_what_makes_no_sense_changes_nothing_and_says_so(staff: Client, said: dict[str, str]) -> None:
    (issue,) = came(sent(1))
    answer = staff.post(of(issue), said, follow=True)
    issue.refresh_from_db()
    assert issue.status == "unresolved" and issue.transitions.count() == 1
    assert re.search(r"no such action|For so many hours|Until so many", answer.content.decode())


def test_many_are_settled_at_once(staff: Client) -> None:
    rows = came(sent(1, "A"), sent(2, "B"), sent(3, "C"))
    for action, status in (
        ("resolve", "resolved"),
        ("reopen", "unresolved"),
        ("ignore_a_day", "ignored"),
        ("ignore_100", "ignored"),
        ("ignore", "ignored"),
        ("resolve_next", "resolved"),
    ):
        assert act(staff, action, *rows[:2]).status_code == 200
        assert list(Issue.objects.order_by("pk").values_list("status", flat=True)) == [status, status, "unresolved"]


def test_several_are_made_one_but_never_of_two_projects(staff: Client) -> None:
    rows = came(sent(1, "A"), sent(2, "B"))
    act(staff, "merge", *rows[:1])
    assert Issue.objects.count() == 2
    act(staff, "merge", *rows)
    (stays,) = Issue.objects.all()
    assert (stays.count, stays.events.count()) == (2, 2)
    other = came(sent(3, "A"), slug="frontend")[-1]
    assert b"two projects" in act(staff, "merge", stays, other).content


def test_only_admins_delete_and_the_question_counts_without_listing(admins: Client) -> None:
    (issue,) = came(*(sent(n) for n in range(30)))
    text = page(admins, f"{LIST}{issue.pk}/delete/")
    assert "1 issues with 30 events" in text
    assert admins.post(f"{LIST}{issue.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not Issue.objects.exists() and not Event.objects.exists()
    rows = came(sent(90, "A"), sent(91, "B"))
    act(admins, "delete_selected", *rows, post="yes")
    assert not Event.objects.exists()


def test_who_is_on_call_may_not_delete(staff: Client) -> None:
    (issue,) = came(sent(1))
    assert staff.post(f"{LIST}{issue.pk}/delete/", {"post": "yes"}).status_code == 403
    act(staff, "delete_selected", issue, post="yes")
    assert Issue.objects.exists() and "Delete</a>" not in page(staff, of(issue))


def test_who_has_no_business_here_sees_and_changes_nothing() -> None:
    (issue,) = came(sent(1))
    client = signed_in("moderators")
    for path in (LIST, of(issue), f"{LIST}{issue.pk}/{1:032x}.json"):
        assert client.get(path).status_code == 403
        assert Client().get(path).status_code == 302
    assert client.post(of(issue), {"do": "resolve"}).status_code == 403


def test_ten_thousand_issues_are_listed_with_a_few_queries(
    staff: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    now = timezone.now()
    mine = Project.objects.get(slug="backend")
    rows = [
        Issue(project=mine, type=f"E{n}", first_seen_at=now, last_seen_at=now - timedelta(seconds=n), count=1)
        for n in range(10_000)
    ]
    Issue.objects.bulk_create(rows, batch_size=1000)
    hour = now.replace(minute=0, second=0, microsecond=0)
    IssueHour.objects.bulk_create(IssueHour(issue=row, hour=hour, count=2) for row in rows[:200])
    with django_assert_max_num_queries(14):
        text = page(staff, LIST)
    assert text.count('class="issue-type"') == 50 and text.count('aria-label="2 in 7 days"') == 50
    with django_assert_max_num_queries(14):
        assert page(staff, LIST, q="E77").count('class="issue-type"') == 50
    with django_assert_max_num_queries(16):
        page(staff, of(rows[0]))
