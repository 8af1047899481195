"""Whoever may settle issues may raise one on purpose, and learns where it stands."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from monitoring.errors import trial
from monitoring.models import Event
from tests.monitoring.errors.desk import arrive, project
from tests.monitoring.errors.samples import error

pytestmark = pytest.mark.django_db
PAGE, FOUND = "/monitoring/test-error/", "/monitoring/test-error/found"


@pytest.fixture(autouse=True)
def data(settings: Settings, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path


def signed_in(group: str) -> Client:
    user = User.objects.create_user("sam", is_staff=True)
    user.groups.add(Group.objects.get(name=group))
    client = Client()
    client.force_login(user)
    return client


def test_the_page_raises_it_and_goes_on_to_where_it_is_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "raise_one", lambda: "e" * 32)
    client = signed_in("on-call")
    assert client.post(PAGE).headers["Location"] == f"{PAGE}?event={'e' * 32}"
    assert f"Event {'e' * 32} was raised" in client.get(PAGE, {"event": "e" * 32}).content.decode()


def test_when_nobody_reports_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "raise_one", lambda: "")
    assert b"was not reported" in signed_in("on-call").post(PAGE, follow=True).content


def test_it_is_found_once_it_is_digested() -> None:
    client, now = signed_in("on-call"), timezone.now()
    asked = {"event": f"{1:032x}"}
    since = {"since_ms": str(int((now - timedelta(minutes=1)).timestamp() * 1000))}
    assert client.get(FOUND, asked).json() == client.get(FOUND, since).json() == {"issue": None}
    raised = error("TrialError", "on purpose", event_id=f"{1:032x}", timestamp=now.timestamp())
    arrive(project("frontend"), raised, at=now)
    place = f"/admin/monitoring/issue/{Event.objects.get().issue_id}/change/?event={1:032x}"
    assert client.get(FOUND, asked).json()["issue"] == client.get(FOUND, since).json()["issue"] == place
    late = {"since_ms": str(int((now + timedelta(minutes=1)).timestamp() * 1000))}
    assert client.get(FOUND, late).json() == {"issue": None}


@pytest.mark.parametrize("since", ["", "soon", "-1", "9" * 40, "²"], ids=["none", "word", "sign", "huge", "power"])
def test_nonsense_finds_nothing(since: str) -> None:
    assert signed_in("on-call").get(FOUND, {"since_ms": since}).json() == {"issue": None}


def test_others_are_refused() -> None:
    client = signed_in("moderators")
    assert client.get(PAGE).status_code == client.post(PAGE).status_code == client.get(FOUND).status_code == 403
    assert Client().post(PAGE).status_code == 302
