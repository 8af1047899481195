"""Silences, recipients and mails on staff's pages."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from monitoring.models import MailAttempt, OutboxMail, Recipient, Silence
from tests.monitoring.admin.desk import EVIL, alert, link, mail, member, recipient

pytestmark = pytest.mark.django_db
SILENCES, RECIPIENTS, MAILS = (f"/admin/monitoring/{name}/" for name in ("silence", "recipient", "outboxmail"))
SMTP = "django.core.mail.backends.smtp.EmailBackend"


def silence(**more: str) -> dict[str, str]:
    now = timezone.now()
    days = {"from_at_0": f"{now:%Y-%m-%d}", "from_at_1": "00:00:00", "to_at_0": f"{now + timedelta(days=1):%Y-%m-%d}"}
    return {"matcher": "slow-*", "to_at_1": "12:00:00", "reason": "New disks", **days, **more}


def test_somebody_on_call_silences_rules_and_hears_them_again() -> None:
    client = member("on-call")
    text = client.post(f"{SILENCES}add/", silence(), follow=True).content.decode()
    made = Silence.objects.get()
    assert made.by and made.by.username.startswith("staff")
    assert "holds" in text
    said = {"action": "end", "_selected_action": [made.pk]}
    assert "is heard again" in client.post(SILENCES, said, follow=True).content.decode()
    assert "over already" in client.post(SILENCES, said, follow=True).content.decode()


def test_a_matcher_shows_what_it_would_silence_before_it_is_saved() -> None:
    client = member("on-call")
    preview = f"{SILENCES}preview/"
    assert "slow-health" in client.get(preview, {"matcher": "slow-*"}).content.decode()
    assert "No rule has such a name" in client.get(preview, {"matcher": f"[{EVIL}"}).content.decode()
    assert member("moderators").get(preview, {"matcher": "*"}).status_code == 403


@pytest.mark.parametrize(
    "wrong",
    [
        {"matcher": "nothing-like-it"},
        {"matcher": "x" * 65},
        {"reason": " "},
        {"to_at_0": "2020-01-01"},
        {"to_at_0": "2099-01-01"},
        {"to_at_0": "soon"},
    ],
    ids=["fits nothing", "too long", "no reason", "past", "far too long", "no date"],
)
def test_a_silence_that_makes_no_sense_is_refused_in_words(admin_client: Client, wrong: dict[str, str]) -> None:
    assert 'role="alert"' in admin_client.post(f"{SILENCES}add/", silence(**wrong)).content.decode()
    assert not Silence.objects.exists()


def test_an_admin_adds_a_recipient_who_is_mailed_a_link_first() -> None:
    client = member("admins")
    said = {"name": "Ada", "address": "ada@example.org", "escalation": "on"}
    text = client.post(f"{RECIPIENTS}add/", said, follow=True).content.decode()
    made = Recipient.objects.get()
    assert made.verified_at is None
    assert OutboxMail.objects.get().kind == "verify"
    assert "on its way to ada@example.org" in text
    assert "not yet" in client.get(reverse("admin:monitoring_recipient_change", args=[made.pk])).content.decode()


@pytest.mark.parametrize(
    "address",
    [
        "ada@example.org\nBcc: all@example.org",
        "ada@example.org\r\nSubject: x",
        "ada",
        "",
        "a@b@c",
        "ada@example.org, eve@example.org",
        "<ada@example.org>",
    ],
    ids=["bcc", "subject", "no at", "empty", "two ats", "two", "brackets"],
)
def test_an_address_that_would_write_headers_is_refused(admin_client: Client, address: str) -> None:
    answer = admin_client.post(f"{RECIPIENTS}add/", {"name": "Ada", "address": address})
    assert answer.status_code == 200
    assert not Recipient.objects.exists()
    assert not OutboxMail.objects.exists()


def test_a_name_that_would_write_headers_becomes_one_line(admin_client: Client) -> None:
    admin_client.post(f"{RECIPIENTS}add/", {"name": "Ada\r\nBcc: eve@example.org", "address": "ada@example.org"})
    assert "\n" not in Recipient.objects.get().name
    assert "\n" not in OutboxMail.objects.get().subject


def test_a_test_mail_goes_to_each_from_page_and_list_but_only_to_confirmed_addresses() -> None:
    client, ada, bob = member("admins"), recipient("Ada"), recipient("Bob", verified_at=None)
    send = reverse("admin:monitoring_recipient_send", args=[ada.pk])
    assert "on its way to ada@" in client.post(send, {"what": "test"}, follow=True).content.decode()
    said = {"action": "test", "_selected_action": [ada.pk, bob.pk]}
    text = client.post(RECIPIENTS, said, follow=True).content.decode()
    assert "not confirmed yet" in text
    assert list(OutboxMail.objects.values_list("recipient__name", flat=True)) == ["Ada", "Ada"]
    assert client.get(send).status_code == 405
    again = reverse("admin:monitoring_recipient_send", args=[bob.pk])
    assert "A link is on its way" in client.post(again, {"what": "ask"}, follow=True).content.decode()


def test_who_is_on_call_reads_recipients_and_sends_or_changes_nothing() -> None:
    client, ada = member("on-call"), recipient("Ada")
    page = reverse("admin:monitoring_recipient_change", args=[ada.pk])
    assert client.get(page).status_code == 200
    assert client.post(page, {"name": "Eve"}).status_code == 403
    assert client.post(reverse("admin:monitoring_recipient_send", args=[ada.pk])).status_code == 403
    assert client.get(f"{RECIPIENTS}add/").status_code == 403
    for address in (RECIPIENTS, SILENCES, MAILS, page):
        assert member("moderators").get(address).status_code == 403


def test_an_address_is_never_changed_since_the_proof_is_of_this_one() -> None:
    client, ada = member("admins"), recipient("Ada")
    page = reverse("admin:monitoring_recipient_change", args=[ada.pk])
    client.post(page, {"name": "Ada L", "address": "eve@example.org", "active": "on"})
    ada.refresh_from_db()
    assert (ada.name, ada.address) == ("Ada L", "ada@example.org")
    mail(alert(), to=ada)
    assert "Icebreaker: test mail" in client.get(page).content.decode()


def test_a_mail_is_shown_as_text_and_as_html_that_can_run_nothing(admin_client: Client, settings: Any) -> None:
    settings.EMAIL_BACKEND = SMTP
    sent = mail(alert())
    OutboxMail.objects.filter(pk=sent.pk).update(html=f"<p>{EVIL}</p>", text=f"Text {EVIL}")
    MailAttempt.objects.create(mail=sent, at=timezone.now(), outcome="accepted", reply="250 OK", took_ms=12.5)
    text = admin_client.get(reverse("admin:monitoring_outboxmail_change", args=[sent.pk])).content.decode()
    assert EVIL not in text
    assert 'sandbox=""' in text
    assert "250 OK" in text


@pytest.mark.parametrize(
    ("backend", "shown"), [(SMTP, False), ("django.core.mail.backends.console.EmailBackend", True)]
)
def test_links_that_act_as_the_reader_are_hidden_where_the_reader_gets_them(
    admin_client: Client, settings: Any, backend: str, shown: bool
) -> None:
    settings.EMAIL_BACKEND = backend
    sent = mail(alert())
    path = link(sent)  # once: it carries the second in which it was made
    address = f"https://here{path}"
    OutboxMail.objects.filter(pk=sent.pk).update(
        text=f"I have it:\n{address}\n", html=f'<a href="{address}">I have it</a>'
    )
    text = admin_client.get(reverse("admin:monitoring_outboxmail_change", args=[sent.pk])).content.decode()
    assert (path in text) is shown
    assert text.count("the link is for whoever it went to") == (0 if shown else 2)


def test_the_list_of_mails_says_what_is_wrong_with_mail(admin_client: Client, settings: Any) -> None:
    settings.EMAIL_BACKEND = SMTP
    assert "No mail server is set" not in admin_client.get(MAILS).content.decode()
    old = mail(alert(), at=timezone.now() - timedelta(minutes=5))
    MailAttempt.objects.create(mail=old, at=timezone.now(), outcome="failed", reply="Connection refused")
    text = admin_client.get(MAILS).content.decode()
    assert "1 waited for over two minutes" in text
    assert "Connection refused" in text
    OutboxMail.objects.update(state="nobody")
    assert "add a recipient" in admin_client.get(MAILS).content.decode()
    settings.EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
    assert "No mail server is set" in admin_client.get(MAILS).content.decode()


def test_mails_are_history_that_nobody_makes_or_deletes(admin_client: Client) -> None:
    sent = mail(alert())
    assert admin_client.get(f"{MAILS}add/").status_code == 403
    assert admin_client.post(f"{MAILS}{sent.pk}/delete/").status_code == 403
    assert admin_client.get(f"{MAILS}999999/change/").status_code == 404
