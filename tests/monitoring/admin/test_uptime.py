"""Staff read, word and publish; what machines wrote stays as it is."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone

from monitoring.models import Delivery, Heartbeat, Maintenance, Monitor, Outage, ProbeResult
from monitoring.uptime.outage import State, Streak

pytestmark = pytest.mark.django_db
T0 = datetime(2026, 1, 5, 12, tzinfo=UTC)
DAY = {"from_at_0": "2026-01-05", "to_at_0": "2026-01-05", "reason": "Disks"}


@pytest.fixture
def staff(client: Client) -> Client:
    user = User.objects.create_user("sam", password="x", is_staff=True)
    user.groups.add(Group.objects.get(name="on-call"))
    client.force_login(user)
    return client


@pytest.fixture
def outage() -> Outage:
    return Outage.objects.create(
        monitor=Monitor.objects.all()[0], kind="down", opened_at=T0, confirmed_at=T0, note="It was."
    )


def act(client: Client, action: str, row: Outage) -> None:
    said = {"action": action, "_selected_action": [row.pk]}
    assert client.post("/admin/monitoring/outage/", said).status_code == 302
    row.refresh_from_db()


@pytest.mark.parametrize("model", ["monitor", "outage", "maintenance", "proberesult", "heartbeat", "delivery"])
def test_every_list_and_every_row_opens(admin_client: Client, outage: Outage, model: str) -> None:
    Heartbeat.objects.create(name="watch", beat_at=T0)
    Delivery.objects.create(source="sentry", key="k", received_at=T0, title="A title")
    ProbeResult.objects.create(monitor=outage.monitor, at=T0, answer="good", took_ms=5)
    Maintenance.objects.create(from_at=T0, to_at=timezone.now(), reason="Disks")
    key = {"heartbeat": "watch"}.get(model)
    assert admin_client.get(f"/admin/monitoring/{model}/").status_code == 200
    from django.apps import apps

    key = key or apps.get_model("monitoring", model)._default_manager.first().pk
    assert admin_client.get(f"/admin/monitoring/{model}/{key}/change/").status_code == 200


def test_a_note_is_published_and_taken_off_again(staff: Client, outage: Outage) -> None:
    act(staff, "publish", outage)
    assert outage.published_at
    act(staff, "withdraw", outage)
    assert not outage.published_at


def test_an_outage_without_a_note_is_not_published(staff: Client, outage: Outage) -> None:
    Outage.objects.update(note="")
    act(staff, "publish", outage)
    assert not outage.published_at


def test_an_outage_is_ended_by_hand(staff: Client, outage: Outage) -> None:
    act(staff, "end", outage)
    assert outage.closed_at


def test_maintenance_remembers_who_announced_it(staff: Client) -> None:
    said = {
        "from_at_0": "2026-01-05",
        "from_at_1": "12:00",
        "to_at_0": "2026-01-05",
        "to_at_1": "13:00",
        "reason": "Disks",
    }
    assert staff.post("/admin/monitoring/maintenance/add/", said).status_code == 302
    made = Maintenance.objects.get()
    assert made.created_by and made.created_by.username == "sam"


def test_maintenance_that_ends_before_it_begins_is_refused_in_words(staff: Client) -> None:
    said = {
        "from_at_0": "2026-01-05",
        "from_at_1": "12:00",
        "to_at_0": "2026-01-05",
        "to_at_1": "11:00",
        "reason": "Disks",
    }
    answer = staff.post("/admin/monitoring/maintenance/add/", said)
    assert answer.status_code == 200 and not Maintenance.objects.exists()


@pytest.mark.parametrize("said", [{"interval_s": 5}, {"timeout_s": 60}, {"slow_ms": 12_000}, {"address": "ftp://x/"}])
def test_absurd_monitors_are_refused(admin_client: Client, said: dict[str, object]) -> None:
    good: dict[str, object] = {"name": "New", "way": "http", "address": "/api/health", "enabled": "on"}
    good |= {"interval_s": 300, "timeout_s": 10, "slow_ms": 1000, "expects": "", "prober": ""}
    before = Monitor.objects.count()
    assert admin_client.post("/admin/monitoring/monitor/add/", {**good, **said}).status_code == 200
    assert Monitor.objects.count() == before
    assert admin_client.post("/admin/monitoring/monitor/add/", good).status_code == 302


def test_nobody_rewrites_what_machines_wrote(admin_client: Client, outage: Outage) -> None:
    result = ProbeResult.objects.create(monitor=outage.monitor, at=T0, answer="good", took_ms=5)
    for path in (f"proberesult/{result.pk}/delete/", "proberesult/add/", f"outage/{outage.pk}/delete/", "outage/add/"):
        assert admin_client.get(f"/admin/monitoring/{path}").status_code == 403


@pytest.mark.parametrize(
    ("state", "says"),
    [
        (State(), "not yet probed"),
        (State(probed_at=T0), "up"),
        (State(probed_at=T0, failed=Streak(2, T0)), "2 failed in a row"),
        (State(probed_at=T0, down_at=T0), "down since 2026-01-05 12:00 UTC"),
        (State(probed_at=T0, slow_at=T0), "slow since 2026-01-05 12:00 UTC"),
    ],
)
def test_the_list_says_how_a_monitor_stands(staff: Client, state: State, says: str) -> None:
    monitor = Monitor.objects.all()[0]
    monitor.known = state
    monitor.save()
    assert says in staff.get("/admin/monitoring/monitor/").content.decode()
