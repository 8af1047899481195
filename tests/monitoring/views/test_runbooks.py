"""Staff read runbooks with figures; nobody else reads them; trouble with a figure never hides a page."""

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError, connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from monitoring.drills import record
from monitoring.drills.effects import Kind
from monitoring.runbooks import figures, live
from monitoring.runbooks.shelf import runbooks

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(User.objects.create_user("ada", is_staff=True))
    return client


def test_the_list_names_every_page_and_the_rules_that_it_answers(staff: Client) -> None:
    text = staff.get(reverse("monitoring:runbooks")).content.decode()
    for page in runbooks():
        assert reverse("monitoring:runbook", args=[page.name]) in text
    assert "error-rate-critical" in text


@pytest.mark.parametrize("name", [page.name for page in runbooks()])
def test_every_page_shows_its_sections_and_fills_every_figure(staff: Client, name: str) -> None:
    answer = staff.get(reverse("monitoring:runbook", args=[name]))
    text = answer.content.decode()
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    for section in ("Meaning", "Impact", "Diagnosis", "Mitigation"):
        assert f"<h2>{section}</h2>" in text
    article = text.split('<article class="runbook">')[1].split("</article>")[0]
    assert "{{" not in article
    assert ".md" not in article


@pytest.mark.parametrize("user", [None, "visitor"])
def test_nobody_but_staff_reads_them(client: Client, user: str | None) -> None:
    if user:
        client.force_login(User.objects.create_user(user))
    for address in (reverse("monitoring:runbooks"), reverse("monitoring:runbook", args=["service-downtime"])):
        answer = client.get(address)
        assert answer.status_code == 302
        assert answer["Location"].startswith("/admin/login/")


def test_a_page_that_does_not_exist_is_a_404_and_reading_is_all_one_can_do(staff: Client) -> None:
    assert staff.get("/monitoring/runbooks/no-such-page/").status_code == 404
    assert staff.post(reverse("monitoring:runbooks")).status_code == 405


def test_a_figure_that_fails_is_left_out_and_logged_without_its_details(caplog: pytest.LogCaptureFixture) -> None:
    def refuse(*_: object) -> None:
        raise OperationalError("could not connect to secret-host")

    with connection.execute_wrapper(refuse):
        found = figures.read(frozenset({"release", "database.answer", "no.such.figure"}))
    assert found.keys() == {"release"}
    assert "database.answer" in caplog.text
    assert "secret-host" not in caplog.text


def test_every_figure_can_be_read_here() -> None:
    assert figures.read(frozenset(figures.READERS)).keys() == figures.READERS.keys()


def test_every_live_figure_can_be_read_and_says_which_drill_is_under_way() -> None:
    now = timezone.now()
    found = live.read(frozenset(live.NAMES), now)
    assert found.keys() == live.NAMES
    assert found["drill"] == "none"
    record.start(Kind.HEALTH, minutes=5, reason="x", by=None, now=now)
    assert live.read(frozenset({"drill"}), now)["drill"].startswith("Health fails, until")


def test_a_database_that_is_gone_costs_one_question_and_the_page_stands(staff: Client) -> None:
    asked = []

    def refuse(*_: object) -> None:
        asked.append(1)
        raise OperationalError

    with connection.execute_wrapper(refuse):
        found = live.read(frozenset(live.READERS), timezone.now())
    assert found == {}
    assert len(asked) == 1
