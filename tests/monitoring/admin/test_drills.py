"""Drills are started and stopped by whoever may, within bounds, and their times are shown."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from monitoring.drills import record
from monitoring.drills.effects import Kind
from monitoring.models import Drill

pytestmark = pytest.mark.django_db
START = "/admin/monitoring/drill/add/"
SAID = {"kind": "health", "minutes": "5", "reason": "Practice"}


def member(group: str) -> Client:
    user = User.objects.create_user(f"of-{group}", is_staff=True)
    user.groups.add(Group.objects.get(name=group))
    client = Client()
    client.force_login(user)
    return client


def page(drill: Drill) -> str:
    return reverse("admin:monitoring_drill_change", args=[drill.pk])


def test_somebody_on_call_starts_one_and_stops_it_at_once() -> None:
    client = member("on-call")
    answer = client.post(START, SAID, follow=True)
    drill = Drill.objects.get()
    assert "Under way" in answer.content.decode()
    assert drill.is_running(timezone.now())
    assert drill.started_by and drill.started_by.username == "of-on-call"
    said = client.post(page(drill), follow=True).content.decode()
    assert "Stopped." in said
    assert "Over." in said
    assert not record.running(timezone.now())
    assert "over already" in client.post(page(drill), follow=True).content.decode()


def test_a_moderator_neither_sees_starts_nor_stops_one() -> None:
    drill = record.start(Kind.HEALTH, minutes=5, reason="x", by=None, now=timezone.now())
    client = member("moderators")
    assert client.get(START).status_code == 403
    assert client.post(START, SAID).status_code == 403
    assert client.get(page(drill)).status_code == 403
    assert client.post(page(drill)).status_code == 403
    assert record.running(timezone.now())


@pytest.mark.parametrize(
    "said",
    [{"minutes": "0"}, {"minutes": "31"}, {"minutes": "-1"}, {"minutes": "a"}, {"kind": "earthquake"}, {"reason": " "}],
    ids=["no time", "too long", "negative", "no number", "no such kind", "no reason"],
)
def test_what_is_out_of_bounds_is_refused_in_words_and_starts_nothing(
    admin_client: Client, said: dict[str, str]
) -> None:
    assert 'role="alert"' in admin_client.post(START, {**SAID, **said}).content.decode()
    assert not Drill.objects.exists()


def test_a_second_one_is_refused_in_words(admin_client: Client) -> None:
    admin_client.post(START, SAID)
    assert "one at a time" in admin_client.post(START, SAID).content.decode()
    assert Drill.objects.count() == 1


def test_its_times_are_shown_as_seconds_after_the_start(admin_client: Client) -> None:
    now = timezone.now()
    drill = record.start(Kind.ERRORS, minutes=2, reason="<b>Why</b>", by=None, now=now - timedelta(hours=1))
    Drill.objects.update(detected_at=drill.started_at + timedelta(seconds=42))
    text = admin_client.get(page(drill)).content.decode()
    assert "42 s" in text
    assert "<b>Why" not in text
    assert "not yet" in text
    assert "42 s" in admin_client.get("/admin/monitoring/drill/").content.decode()
    assert admin_client.get("/admin/monitoring/drill/99999/change/").status_code == 404


def test_a_quiet_place_is_told_that_slowness_would_not_be_noticed(admin_client: Client) -> None:
    assert "manage.py simulate" in admin_client.get(START).content.decode()


def test_drills_are_history_that_nobody_deletes(admin_client: Client) -> None:
    drill = record.start(Kind.ERRORS, minutes=2, reason="x", by=None, now=timezone.now())
    assert admin_client.post(f"/admin/monitoring/drill/{drill.pk}/delete/").status_code == 403
