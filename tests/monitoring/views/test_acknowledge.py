"""The links in mails: opening one changes nothing, pressing its button does it once, and a forged one does nothing."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from django.core import signing
from django.test import Client

from monitoring.alerts import actions, tokens
from monitoring.incidents import actions as incidents
from monitoring.incidents.stages import Firing
from monitoring.models import Alert, Incident, OutboxMail, Recipient
from tests.monitoring.admin.desk import EVIL, alert, link, mail, recipient

pytestmark = pytest.mark.django_db


@pytest.fixture
def mailed() -> OutboxMail:
    return mail(alert(), alert("mail-stuck", title="Mail waits"))


def acknowledged() -> list[str]:
    return [a.acknowledged_name for a in Alert.objects.exclude(acknowledged_at=None)]


def test_whoever_got_the_mail_acknowledges_all_its_alerts_without_signing_in(
    client: Client, mailed: OutboxMail
) -> None:
    page = client.get(link(mailed)).content.decode()
    assert "Yes, acknowledge" in page
    assert EVIL not in page
    answer = client.post(link(mailed))
    assert "These 2 are yours" in answer.content.decode()
    assert acknowledged() == ["Ada", "Ada"]


def test_the_page_leads_on_to_where_the_incident_is_resolved_until_it_is(client: Client, mailed: OutboxMail) -> None:
    first = mailed.alerts.order_by("fired_at")[0]
    told = Firing(str(first.key), first.rule, first.title, first.severity, first.began_at, None, drill=False)
    incident = incidents.attach(told, first.fired_at)
    onward = f'href="/admin/monitoring/incident/{incident.pk}/change/"'
    assert onward in client.post(link(mailed)).content.decode()
    Incident.objects.update(resolved_at=first.fired_at)
    assert onward not in client.get(link(mailed)).content.decode()


@pytest.mark.parametrize("method", ["get", "head"])
def test_a_scanner_that_opens_every_link_acknowledges_nothing(client: Client, mailed: OutboxMail, method: str) -> None:
    for _ in range(3):
        assert getattr(client, method)(link(mailed)).status_code == 200
    assert acknowledged() == []


def test_a_foreign_page_or_a_browser_without_cookies_may_post_since_the_link_is_the_proof(mailed: OutboxMail) -> None:
    strict = Client(enforce_csrf_checks=True)
    assert strict.post(link(mailed)).status_code == 200
    assert len(acknowledged()) == 2
    assert not strict.cookies


def test_a_link_used_twice_says_kindly_who_has_it(client: Client, mailed: OutboxMail) -> None:
    client.post(link(mailed))
    again = client.post(link(mailed))
    assert again.status_code == 200
    assert "Ada acknowledged it" in again.content.decode()
    assert "Nothing is left to do" in client.get(link(mailed)).content.decode()


def test_an_alert_that_is_over_needs_nobody(client: Client) -> None:
    over = alert()
    actions.end(over, None, "over", over.fired_at + timedelta(minutes=1))
    sent = mail(over)
    assert "<button" not in client.get(link(sent)).content.decode()
    assert "It was over" in client.post(link(sent)).content.decode()
    assert acknowledged() == []


def forged(of: OutboxMail) -> dict[str, str]:
    good = tokens.acknowledging(of.key)
    return {
        "cut": good[:-2],
        "turned": good[:-1] + ("a" if good[-1] != "a" else "b"),
        "other salt": signing.dumps(of.key.hex),
        "verification": tokens.verifying(of.recipient or recipient("Bob")),
        "no mail": signing.dumps("0" * 32, salt=tokens._ACKNOWLEDGE),
        "long": "x" * 5000,
        "null": "%00",
    }


@pytest.mark.parametrize("case", ["cut", "turned", "other salt", "verification", "no mail", "long", "null"])
def test_a_forged_link_does_nothing_and_says_so(client: Client, mailed: OutboxMail, case: str) -> None:
    path = f"/{tokens.ACKNOWLEDGE_PATH.format(token=forged(mailed)[case])}"
    for answer in (client.get(path), client.post(path)):
        assert answer.status_code == 404
        assert "This link does nothing" in answer.content.decode()
    assert acknowledged() == []


def test_a_link_expires(client: Client, mailed: OutboxMail, monkeypatch: pytest.MonkeyPatch) -> None:
    old, now = link(mailed), time.time()
    monkeypatch.setattr(time, "time", lambda: now + tokens.ACKNOWLEDGE_FOR.total_seconds() + 60)
    for answer in (client.get(old), client.post(old)):
        assert answer.status_code == 404
        assert "too old" in answer.content.decode()
    assert acknowledged() == []


def test_the_page_is_not_kept_tells_nobody_its_address_and_loads_nothing_foreign(
    client: Client, mailed: OutboxMail
) -> None:
    answer = client.get(link(mailed))
    assert "no-store" in answer["Cache-Control"]
    assert answer["Referrer-Policy"] == "no-referrer"
    assert answer["Content-Security-Policy"].startswith("default-src 'none'")
    assert client.put(link(mailed)).status_code == 405


def test_an_address_is_confirmed_by_its_owner_once(client: Client) -> None:
    bob = actions.ask(recipient("Bob", verified_at=None), now=mail(alert()).created_at)
    path = f"/{tokens.VERIFY_PATH.format(token=tokens.verifying(bob))}"
    assert "Are you Bob?" in client.get(path).content.decode()
    assert Recipient.objects.get(pk=bob.pk).verified_at is None
    assert "Confirmed" in client.post(path).content.decode()
    assert Recipient.objects.get(pk=bob.pk).verified_at is not None
    assert "used before" in client.post(path).content.decode()
