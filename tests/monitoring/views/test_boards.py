"""Who may see a board, what its address says, and that a panel in trouble takes nothing with it."""

import csv
import io
import json
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from monitoring.boards.shelf import BOARDS
from monitoring.models import Issue, IssueHour, Project

pytestmark = pytest.mark.django_db
PAGES = [f"/admin/{name}/" for name in BOARDS]


@pytest.fixture
def on_call(client: Client) -> Client:
    user = User.objects.create_user("sam", is_staff=True)
    user.groups.add(Group.objects.get(name="on-call"))
    client.force_login(user)
    return client


def addresses(name: str) -> list[str]:
    key = "incidents" if name == "alerts" else next(s.key for s in BOARDS[name].specs)
    return [
        reverse(f"monitoring:{name}"),
        reverse("monitoring:board-data", args=[name]),
        reverse("monitoring:board-csv", args=[name, key]),
    ]


@pytest.mark.parametrize("name", BOARDS)
def test_who_is_on_call_sees_every_board(on_call: Client, name: str) -> None:
    text = on_call.get(reverse(f"monitoring:{name}")).content.decode()
    for spec in BOARDS[name].specs:
        assert f'data-panel="{spec.key}"' in text
    assert "can’t be read" not in text
    for other in BOARDS:
        assert f'href="/admin/{other}/?range=24h"' in text


@pytest.mark.parametrize("name", BOARDS)
def test_nobody_else_sees_anything_of_it(client: Client, name: str) -> None:
    for address in addresses(name):
        assert client.get(address).headers["Location"].startswith("/admin/login/")
    client.force_login(User.objects.create_user("ann"))
    for address in addresses(name):
        assert client.get(address).status_code == 302
    staff = User.objects.create_user("sue", is_staff=True)
    staff.groups.add(Group.objects.get(name="moderators"))
    client.force_login(staff)
    for address in addresses(name):
        assert client.get(address).status_code == 403


def test_a_board_offers_only_those_that_may_be_seen(client: Client) -> None:
    user = User.objects.create_user("sue", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_outage"))
    client.force_login(user)
    text = client.get("/admin/uptime/").content.decode()
    assert "/admin/uptime/?range=24h" in text
    assert "/admin/errors/?range" not in text


def test_staff_begin_with_the_first_board_they_may_see_or_with_the_admins_own_list(client: Client) -> None:
    assert client.get("/admin/").headers["Location"].startswith("/admin/login/")
    user = User.objects.create_user("sue", is_staff=True)
    client.force_login(user)
    assert client.get("/admin/").status_code == 200
    user.user_permissions.add(Permission.objects.get(codename="view_outage"))
    assert client.get("/admin/").headers["Location"] == "/admin/uptime/"
    user.user_permissions.add(Permission.objects.get(codename="view_incident"))
    assert client.get("/admin/").headers["Location"] == "/admin/overview/"


def test_a_range_stands_in_the_address_and_in_every_link(on_call: Client) -> None:
    query = "from=2026-03-01T10%3A00%3A00&amp;to=2026-03-01T11%3A00%3A00"
    text = on_call.get("/admin/errors/?from=2026-03-01T10:00&to=2026-03-01T11:00").content.decode()
    assert "2026-03-01 10:00:00 to 2026-03-01 11:00:00 UTC" in text
    assert f"/admin/performance/?{query}" in text
    assert f"/rate.csv?{query}" in text or f"/projects.csv?{query}" in text or f"/top.csv?{query}" in text
    assert 'data-live=""' in text


@pytest.mark.parametrize("query", ["range=9h", "from=x", "from=2026-03-01T10:00&to=2026-03-01T09:00"])
def test_a_range_that_makes_no_sense_is_said_and_the_last_day_shown(on_call: Client, query: str) -> None:
    answer = on_call.get(f"/admin/performance/?{query}")
    assert answer.status_code == 400
    text = answer.content.decode()
    assert 'role="alert"' in text
    assert "This is the last 24h instead." in text
    for address in addresses("performance")[1:]:
        assert on_call.get(f"{address}?{query}").status_code == 400


def test_what_a_range_says_is_never_markup(on_call: Client) -> None:
    for query in ("range=<script>", "from=<script>", "from=2026-03-01T10:00&to=<script>"):
        assert "<script>" not in on_call.get(f"/admin/overview/?{query}").content.decode()


def test_an_issue_is_never_markup_and_never_a_formula(on_call: Client) -> None:
    now = timezone.now()
    hour = now.replace(minute=0, second=0, microsecond=0)
    issue = Issue.objects.create(
        project=Project.objects.all()[0], type="=<b>bad</b>", first_seen_at=now - timedelta(hours=1), last_seen_at=now
    )
    IssueHour.objects.create(issue=issue, hour=hour, count=3)
    assert "<b>bad" not in on_call.get("/admin/errors/").content.decode()
    answer = on_call.get("/admin/boards/errors/top.csv")
    table = list(csv.reader(io.StringIO(answer.content.decode())))
    assert table[1][0] == "'=<b>bad</b>"
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="errors-top-')


def test_the_refresh_brings_every_panel_as_it_stands_on_the_page(on_call: Client) -> None:
    found = json.loads(on_call.get("/admin/boards/uptime/data?range=7d").content)
    assert list(found) == ["at", "panels"]
    assert {"totals", "outages"} < set(found["panels"])
    assert found["panels"]["totals"].lstrip().startswith("<section")


def test_what_does_not_exist_is_not_found_and_nothing_can_be_posted(on_call: Client) -> None:
    for address in ("boards/nothing/data", "boards/uptime/nothing.csv", "boards/uptime/totals.csv"):
        assert on_call.get(f"/admin/{address}").status_code == 404
    for address in addresses("uptime"):
        assert on_call.post(address).status_code == 405


def test_pages_keep_the_policy_of_staff_and_hold_no_script(on_call: Client) -> None:
    answer = on_call.get("/admin/performance/")
    assert "script-src 'self' 'unsafe-eval'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cache-Control"].startswith("max-age=0, no-cache")
    for script in answer.content.decode().split("<script")[1:]:
        assert "src=" in script.split(">")[0] or 'type="application/json"' in script.split(">")[0]
