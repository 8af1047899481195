"""The incident page: five stages by buttons, a checklist, notes, a verdict and a download, each with permission."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from monitoring.incidents import actions
from monitoring.incidents.stages import Firing
from monitoring.models import Alert, DeployMarker, Incident, IncidentAlert
from monitoring.runbooks.shelf import runbooks

pytestmark = pytest.mark.django_db
T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)
TITLE = "Down <script>alert(1)</script>"


@pytest.fixture
def incident() -> Incident:
    return actions.attach(Firing("1", "service-down", TITLE, "critical", T0), T0)


def staff(name: str, *permissions: str) -> Client:
    user = User.objects.create_user(name, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


def url(incident: Incident) -> str:
    return reverse("admin:monitoring_incident_change", args=[incident.pk])


def download(incident: Incident) -> str:
    return reverse("admin:monitoring_incident_write_up", args=[incident.pk])


def press(client: Client, incident: Incident, do: str, **fields: str) -> str:
    answer = client.post(url(incident), {"do": do, **fields}, follow=True)
    assert answer.status_code == 200
    incident.refresh_from_db()
    return answer.content.decode()


def test_somebody_on_call_goes_from_alert_to_downloaded_write_up(incident: Incident) -> None:
    client = staff("ada", "view_incident", "change_incident")
    press(client, incident, "acknowledge")
    press(client, incident, "investigate")
    step = next(page for page in runbooks() if page.name == "service-downtime").steps[0]
    text = press(client, incident, "step", runbook="service-downtime", step=step, done="1")
    assert "Not done after all" in text
    assert "ada" in text
    press(client, incident, "note", text="The disk was full.")
    press(
        client, incident, "resolve", verdict="real", cause="A full disk.", follow_ups="Alert earlier", sessions_hit="3"
    )
    assert (incident.stage, incident.sessions_hit) == ("resolved", 3)
    press(client, incident, "document", write_up=incident.write_up + "\nSigned.")
    assert incident.stage == "documented"
    answer = client.get(download(incident))
    assert answer["Content-Type"] == "text/markdown; charset=utf-8"
    assert f"incident-{incident.pk}.md" in answer["Content-Disposition"]
    assert "The disk was full." in answer.content.decode()
    assert answer.content.decode().endswith("Signed.\n")


def test_the_page_shows_figures_checklists_and_the_title_as_text(incident: Incident) -> None:
    text = staff("ada", "view_incident", "change_incident").get(url(incident)).content.decode()
    assert "<script>alert" not in text
    assert "WebSocket message, P95" in text
    for title in ("Service downtime", "Incident response"):
        assert f">{title}</a>" in text


def test_who_may_only_read_gets_no_button_and_is_refused(incident: Incident) -> None:
    client = staff("bob", "view_incident")
    page = client.get(url(incident))
    assert page.status_code == 200
    assert 'name="do"' not in page.content.decode()
    assert client.post(url(incident), {"do": "acknowledge"}).status_code == 403
    incident.refresh_from_db()
    assert incident.stage == "detected"


def test_staff_without_permission_reads_nothing(incident: Incident) -> None:
    client = staff("eve")
    for address in (url(incident), download(incident), reverse("admin:monitoring_incident_changelist")):
        assert client.get(address).status_code == 403


@pytest.mark.parametrize(
    ("do", "fields"),
    [
        ("", {}),
        ("no-such", {}),
        ("resolve", {"verdict": "nonsense"}),
        ("resolve", {"verdict": "real", "cause": "x", "sessions_hit": "-1"}),
        ("resolve", {"verdict": "drill"}),
        ("document", {"write_up": "x"}),
        ("note", {"text": ""}),
        ("step", {"runbook": "service-downtime", "step": "Invented.", "done": "1"}),
    ],
)
def test_what_can_not_be_is_told_and_changes_nothing(incident: Incident, do: str, fields: dict[str, str]) -> None:
    client = staff("ada", "view_incident", "change_incident")
    before = list(incident.changes.values_list("what", flat=True))
    press(client, incident, do, **fields)
    assert incident.stage == "detected"
    assert list(incident.changes.values_list("what", flat=True)) == before


def test_incidents_are_neither_made_nor_deleted_by_hand(admin_client: Client, incident: Incident) -> None:
    assert admin_client.get(reverse("admin:monitoring_incident_add")).status_code == 403
    assert admin_client.post(reverse("admin:monitoring_incident_delete", args=[incident.pk])).status_code == 403
    assert admin_client.get("/admin/monitoring/incident/999/change/").status_code == 404
    assert admin_client.get(download(incident)).status_code == 404


def test_several_are_acknowledged_from_the_list_and_one_that_is_past_it_is_named(incident: Incident) -> None:
    client = staff("ada", "view_incident", "change_incident")
    listed = reverse("admin:monitoring_incident_changelist")
    said = {"action": "acknowledge_selected", "_selected_action": [str(incident.pk)]}
    assert "Acknowledged: 1." in client.post(listed, said, follow=True).content.decode()
    assert "can&#x27;t become acknowledged" in client.post(listed, said, follow=True).content.decode()


def test_false_alarms_are_resolved_from_the_list_and_a_drill_is_only_as_a_drill(incident: Incident) -> None:
    client = staff("ada", "view_incident", "change_incident")
    listed = reverse("admin:monitoring_incident_changelist")
    said = {"_selected_action": [str(incident.pk)]}
    refused = client.post(listed, {**said, "action": "drill_selected"}, follow=True).content.decode()
    assert "A drill is resolved as a drill, and nothing else is." in refused
    done = client.post(listed, {**said, "action": "false_alarm_selected"}, follow=True).content.decode()
    assert "Resolved: 1." in done
    incident.refresh_from_db()
    assert (incident.stage, incident.verdict) == ("resolved", "false_alarm")
    reader = staff("bob", "view_incident").post(listed, {**said, "action": "false_alarm_selected"}, follow=True)
    assert "Resolved: 1." not in reader.content.decode()


def test_the_page_shows_alerts_with_their_pages_what_was_deployed_nearby_and_who_was_hit() -> None:
    fired = Alert.objects.create(
        rule="service-down", title="Down", severity="critical", began_at=T0, fired_at=T0, detail="Website"
    )
    incident = actions.attach(Firing(str(fired.key), "service-down", "Down", "critical", T0), T0)
    for hours, version in ((-1, "2.1 <b>"), (-9, "2.0")):
        DeployMarker.objects.create(version=version, environment="test", at=T0 + timedelta(hours=hours))
    text = staff("ada", "view_incident", "change_incident").get(url(incident)).content.decode()
    assert reverse("admin:monitoring_alert_change", args=[fired.pk]) in text
    assert "2.1 &lt;b&gt;" in text
    assert "2.0 in test" not in text
    assert 'name="sessions_hit" value="0"' in text


def test_its_figures_are_fetched_again_by_whoever_may_read_it() -> None:
    address = reverse("admin:monitoring_incident_figures")
    assert "WebSocket message, P95" in staff("ada", "view_incident").get(address).content.decode()
    assert staff("eve").get(address).status_code == 403


def test_an_incident_of_a_thousand_alerts_still_has_its_page() -> None:
    incident = actions.attach(Firing("0", "service-down", "Down", "critical", T0), T0)
    IncidentAlert.objects.bulk_create(
        IncidentAlert(
            incident=incident, key=str(n), rule="new-issue", title=f"New {n}", severity="warning", began_at=T0
        )
        for n in range(1, 1001)
    )
    with CaptureQueriesContext(connection) as asked:
        answer = staff("ada", "view_incident", "change_incident").get(url(incident))
    assert len(answer.content) < 300_000
    assert len(asked) < 90
