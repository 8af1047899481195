"""Who sends, what waits, what was turned away: to read for staff, to change for admins."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from monitoring.errors.keys import dsn_of, load
from monitoring.errors.record import encode, squeeze
from monitoring.models import DeadLetter, DeployMarker, Event, ForwardItem, Project, Refused, Release, Sent
from tests.monitoring.errors.desk import record
from tests.monitoring.errors.samples import error

pytestmark = pytest.mark.django_db
T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)
MODELS = ("sent", "refused", "deadletter", "forwarditem", "release", "deploymarker", "project")


@pytest.fixture(autouse=True)
def data(settings: Settings, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path
    mine = Project.objects.get(slug="backend")
    Sent.objects.create(project=mine, key="k", kind="transaction", at=T0, name="<i>x</i>", data=squeeze(b'{"a":"<i>"}'))
    Refused.objects.create(project_number=1, reason="quota", hour=T0, count=3)
    good = encode(record(mine, error()))
    DeadLetter.objects.create(received_at=T0, error="ValueError in read", next_attempt_at=T0, record=good)
    DeadLetter.objects.create(received_at=T0, error="ValueError in read", next_attempt_at=T0, record=b"broken")
    ForwardItem.objects.create(
        project=mine, event_id="e" * 32, state="dead", created_at=T0, attempts=9, next_attempt_at=T0, data=b""
    )
    Release.objects.create(project=mine, version="<i>1</i>", first_seen_at=T0, last_seen_at=T0)
    DeployMarker.objects.create(version="1", environment="test", at=T0)


def signed_in(group: str) -> Client:
    user = User.objects.create_user("sam", is_staff=True)
    user.groups.add(Group.objects.get(name=group))
    client = Client()
    client.force_login(user)
    return client


def address(model: str) -> str:
    return f"/admin/monitoring/{model}/"


@pytest.mark.parametrize("model", MODELS)
def test_every_list_and_every_row_is_read_and_nothing_in_it_is_live(model: str) -> None:
    from django.apps import apps

    client = signed_in("admins")
    row = apps.get_model("monitoring", model)._default_manager.first()
    for path in (address(model), f"{address(model)}{row.pk}/change/"):
        answer = client.get(path)
        assert answer.status_code == 200
        assert b"<i>x" not in answer.content and b'"<i>"' not in answer.content and b"<i>1" not in answer.content


@pytest.mark.parametrize("model", ["sent", "refused", "release", "deploymarker"])
def test_nobody_rewrites_what_came(model: str) -> None:
    client = signed_in("admins")
    from django.apps import apps

    row = apps.get_model("monitoring", model)._default_manager.first()
    for path in ("add/", f"{row.pk}/delete/"):
        assert client.get(address(model) + path).status_code == 403
    assert client.post(f"{address(model)}{row.pk}/change/", {"count": 7}).status_code == 403


def test_a_dead_letter_is_tried_again_and_only_a_good_one_goes() -> None:
    client = signed_in("admins")
    pks = list(DeadLetter.objects.values_list("pk", flat=True))
    said = {"action": "try_again", "_selected_action": pks}
    text = client.post(address("deadletter"), said, follow=True).content.decode()
    assert "1 new events; 1 of 2 still can" in text
    assert Event.objects.count() == 1 and bytes(DeadLetter.objects.get().record) == b"broken"


def test_what_was_given_up_is_sent_on_again() -> None:
    client = signed_in("admins")
    item = ForwardItem.objects.get()
    client.post(address("forwarditem"), {"action": "try_again", "_selected_action": [item.pk]})
    item.refresh_from_db()
    assert (item.state, item.attempts) == ("waiting", 0) and item.next_attempt_at <= timezone.now()


def test_who_is_on_call_reads_letters_and_changes_none() -> None:
    client = signed_in("on-call")
    pks = list(DeadLetter.objects.values_list("pk", flat=True))
    for action in ("try_again", "delete_selected"):
        client.post(address("deadletter"), {"action": action, "_selected_action": pks, "post": "yes"})
    assert DeadLetter.objects.filter(attempts=1).count() == 2
    assert client.get(address("forwarditem")).status_code == 403


def test_each_project_has_its_dsn_ready_to_copy() -> None:
    client = signed_in("on-call")
    assert [p.name for p in Project.objects.all()] == ["Icebreaker Backend", "Icebreaker Frontend"]
    for project in Project.objects.all():
        dsn = dsn_of(project)
        assert re.fullmatch(rf"http://[0-9a-f]{{32}}@127\.0\.0\.1:8000/{project.pk}", dsn)
        assert dsn in client.get(address("project")).content.decode()
        text = client.get(f"{address('project')}{project.pk}/change/").content.decode()
        assert f'id="dsn">{dsn}<' in text and text.count(dsn) == 4 and "Make a new key" not in text


def test_a_new_key_is_made_and_the_old_one_is_taken_for_a_day() -> None:
    client = signed_in("admins")
    project = Project.objects.get(slug="backend")
    before = dsn_of(project)
    path = f"{address('project')}{project.pk}/rotate/"
    assert client.get(path).status_code == 405
    assert client.post(path).status_code == 302
    now = timezone.now()
    assert dsn_of(project) != before
    assert load(now)[project.pk].door.dsns() == {before, dsn_of(project)}
    assert load(now + timedelta(days=1, minutes=1))[project.pk].door.dsns() == {dsn_of(project)}


def test_only_admins_make_keys_and_only_with_a_token_against_forgery() -> None:
    project = Project.objects.get(slug="backend")
    path = f"{address('project')}{project.pk}/rotate/"
    assert signed_in("on-call").post(path).status_code == 403
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(User.objects.create_superuser("ada"))
    assert strict.post(path).status_code == 403
    assert project.keys.count() == 1


LIMITS = {"name": "Mine", "errors_per_minute": 10, "others_per_minute": 0, "keep_days": 30, "keep_events": 1000}


@pytest.mark.parametrize(
    "wrong",
    [{"errors_per_minute": -1}, {"others_per_minute": 10**7}, {"keep_days": 0}, {"keep_days": 401}, {"keep_events": 9}],
)
def test_limits_have_bounds(wrong: dict[str, int]) -> None:
    client = signed_in("admins")
    project = Project.objects.get(slug="backend")
    path = f"{address('project')}{project.pk}/change/"
    assert client.post(path, {**LIMITS, **wrong}).status_code == 200
    project.refresh_from_db()
    assert (project.name, project.keep_days) == ("Icebreaker Backend", 90)
    assert client.post(path, LIMITS).status_code == 302
    project.refresh_from_db()
    assert (project.name, project.slug, project.errors_per_minute) == ("Mine", "backend", 10)


def test_another_project_gets_a_key_at_once_and_none_is_deleted() -> None:
    client = signed_in("admins")
    assert client.post(f"{address('project')}add/", {**LIMITS, "slug": "phone"}).status_code == 302
    assert dsn_of(Project.objects.get(slug="phone"))
    assert client.get(f"{address('project')}1/delete/").status_code == 403
