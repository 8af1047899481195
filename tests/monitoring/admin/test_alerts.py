"""Alerts on staff's pages: read, acknowledged, ended by hand, each with permission; ten thousand are no trouble."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from monitoring import glance
from monitoring.admin import alert_page, incident_page
from monitoring.alerts.rules import SHIPPED
from monitoring.incidents import actions as incidents
from monitoring.incidents.stages import Firing
from monitoring.metrics import ledger, store
from monitoring.models import Alert, MailAttempt
from tests.monitoring.admin.desk import EVIL, alert, mail, member, recipient

pytestmark = pytest.mark.django_db
LIST = "/admin/monitoring/alert/"


def page(of: Alert) -> str:
    return reverse("admin:monitoring_alert_change", args=[of.pk])


def test_somebody_on_call_acknowledges_from_the_page_and_it_says_who_has_it() -> None:
    client, down = member("on-call"), alert()
    assert "Nobody has acknowledged it" in client.get(page(down)).content.decode()
    text = client.post(page(down), {"do": "acknowledge"}, follow=True).content.decode()
    down.refresh_from_db()
    assert down.acknowledged_name in text
    assert down.acknowledged_at
    assert "acknowledged it at" in client.post(page(down), {"do": "acknowledge"}, follow=True).content.decode()


def test_several_are_acknowledged_from_the_list() -> None:
    client, first, second = member("on-call"), alert(), alert("mail-stuck")
    said = {"action": "acknowledge_selected", "_selected_action": [first.pk, second.pk]}
    assert "Acknowledged: 2." in client.post(LIST, said, follow=True).content.decode()
    assert "acknowledged it at" in client.post(LIST, said, follow=True).content.decode()


def test_acknowledging_an_alert_acknowledges_its_incident() -> None:
    down = alert()
    incident = incidents.attach(
        Firing(str(down.key), down.rule, down.title, down.severity, down.fired_at), down.fired_at
    )
    client = member("on-call")
    assert f"Incident {incident.pk}" in client.get(page(down)).content.decode()
    client.post(page(down), {"do": "acknowledge"})
    incident.refresh_from_db()
    assert incident.stage == "acknowledged"


def test_it_is_ended_by_hand_only_with_a_reason() -> None:
    client, down = member("on-call"), alert()
    client.post(page(down), {"do": "resolve", "why": " "})
    down.refresh_from_db()
    assert down.is_open
    client.post(page(down), {"do": "resolve", "why": "The monitor was taken away."})
    down.refresh_from_db()
    assert not down.is_open
    assert "The monitor was taken away." in client.get(page(down)).content.decode()


@pytest.mark.parametrize("groups", [("moderators",), ()], ids=["moderator", "staff of no group"])
def test_who_is_not_on_call_neither_reads_nor_acknowledges(groups: tuple[str, ...]) -> None:
    client, down = member(*groups), alert()
    assert client.get(LIST).status_code == 403
    assert client.get(page(down)).status_code == 403
    assert client.post(page(down), {"do": "acknowledge"}).status_code == 403
    down.refresh_from_db()
    assert down.acknowledged_at is None


def test_nobody_makes_or_deletes_one_and_nonsense_is_refused(admin_client: Client) -> None:
    down = alert()
    assert admin_client.get(f"{LIST}add/").status_code == 403
    assert admin_client.post(f"{LIST}{down.pk}/delete/").status_code == 403
    assert admin_client.get(f"{LIST}999999/change/").status_code == 404
    assert "no such action" in admin_client.post(page(down), {"do": "burn"}, follow=True).content.decode()


def test_the_page_shows_mails_with_what_the_server_said_and_everything_as_text(admin_client: Client) -> None:
    down = alert(detail=EVIL, drill=True)
    sent = mail(down)
    MailAttempt.objects.create(mail=sent, at=timezone.now(), outcome="refused", reply=f"550 {EVIL}")
    text = admin_client.get(page(down)).content.decode()
    assert EVIL not in text
    assert "550 &lt;script&gt;" in text
    assert "DRILL." in text
    assert reverse("monitoring:runbook", args=["service-downtime"]) in text


def test_an_alert_of_a_rule_that_no_longer_ships_still_has_its_page(admin_client: Client) -> None:
    assert "no longer ships" in admin_client.get(page(alert("too-much-tea"))).content.decode()


def test_earlier_ones_are_shown_with_what_they_turned_out_to_be(admin_client: Client) -> None:
    old = alert(fired_at=timezone.now() - timedelta(days=1), resolved_at=timezone.now() - timedelta(hours=23))
    incident = incidents.attach(Firing(str(old.key), old.rule, "Old", "critical", old.fired_at), old.fired_at)
    text = admin_client.get(page(alert())).content.decode()
    assert page(old) in text
    assert reverse("admin:monitoring_incident_change", args=[incident.pk]) in text


def ten_thousand() -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    Alert.objects.bulk_create(
        Alert(
            rule="new-issue",
            title=f"New kind of error {n} {EVIL}",
            severity="warning",
            began_at=now - timedelta(minutes=n),
            fired_at=now - timedelta(minutes=n),
            resolved_at=now,
        )
        for n in range(10_000)
    )


def test_ten_thousand_alerts_cost_the_list_and_a_page_no_more_questions_than_ten(admin_client: Client) -> None:
    ten_thousand()
    last = alert("new-issue", title="Last")
    mail(last, to=recipient("Bob"))
    for address, most in ((LIST, 16), (f"{LIST}?state=waiting&rule=new-issue", 16), (page(last), 40)):
        with CaptureQueriesContext(
            connection,
        ) as asked:
            answer = admin_client.get(address)
        assert answer.status_code == 200
        assert len(asked) <= most, [q["sql"][:150] for q in asked]
        assert len(answer.content) < 400_000


@pytest.mark.parametrize("state", ["open", "waiting", "muted", "over", "nonsense"])
def test_the_list_is_filtered_by_a_derived_state(admin_client: Client, state: str) -> None:
    alert(title="Is open", muted="follows from service-down")
    alert("mail-stuck", title="Is over", resolved_at=timezone.now())
    text = admin_client.get(f"{LIST}?state={state}").content.decode()
    assert ("Is open" in text) is (state != "over")
    assert ("Is over" in text) is (state in ("over", "nonsense"))


def test_the_metric_is_drawn_beside_the_state_with_a_table(admin_client: Client) -> None:
    now = timezone.now()
    start_s = int(now.timestamp() // 10 * 10) - 300
    rows = [ledger.Row("t-1", 10, start_s + 10 * n, "errors", "ws", 3, None, None, None) for n in range(30)]
    flushes = [ledger.Row("t-1", 10, start_s + 10 * n, store.FLUSH, store.WEB, 1, None, None, None) for n in range(30)]
    store.write([*rows, *flushes], store.WEB, "1", now)
    text = admin_client.get(page(alert("error-rate-critical", peak=18.0))).content.decode()
    assert "<polyline" in text
    assert "18" in text
    assert 'class="phase-firing"' in text
    assert "As a table" in text


def test_whatever_a_rule_counts_is_said_in_words_for_people() -> None:
    assert {rule.condition.source for rule in SHIPPED} == set(alert_page.SOURCES)
    assert set(incident_page.NAMES) <= set(glance.read(timezone.now()))
