"""Puts mails into the outbox. Whatever wants somebody to be told calls this within its own transaction."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db.models import QuerySet
from django.urls import reverse

from monitoring.alerts.letters import Block, Letter, Link, letter
from monitoring.models import OutboxMail, Recipient

Kind = OutboxMail.Kind
FOOTER: Final = "Icebreaker watches itself and wrote this mail. Nobody reads answers to it."


def put(  # noqa: PLR0913 - a mail has these
    kind: Kind,
    recipient: Recipient | None,
    *,
    now: datetime,
    due_at: datetime | None = None,
    said: Letter | None = None,
    address: str = "",
    in_reply_to: str = "",
) -> OutboxMail:
    """Owe somebody a mail. Without `said` it is worded when it goes; without an address it is only kept."""
    key, due_at = uuid.uuid4(), due_at or now
    address = address or (recipient.address if recipient else "")
    mail = OutboxMail(
        key=key,
        kind=kind,
        recipient=recipient,
        address=address,
        message_id=message_id(key),
        in_reply_to=in_reply_to,
        created_at=now,
        due_at=due_at,
        next_attempt_at=due_at,
    )
    if said:
        mail.subject, mail.text, mail.html, mail.rendered_at = *said, now
    mail.save()
    return mail


def message_id(key: uuid.UUID) -> str:
    return f"<{key.hex}@{urlsplit(settings.PUBLIC_URL).hostname or 'icebreaker'}>"


def listening(*, escalation: bool = False) -> QuerySet[Recipient]:
    """Whoever is told: confirmed and active; of the first list, or of the one for what nobody answered."""
    return Recipient.objects.filter(active=True, verified_at__isnull=False, escalation=escalation)


def stand_ins() -> list[str]:
    """Who is told while no recipient is confirmed: every superuser with an address, lest nobody hears at all."""
    users = get_user_model().objects.filter(is_active=True, is_superuser=True).exclude(email="")
    return list(dict.fromkeys(users.order_by("pk").values_list("email", flat=True)))[:10]


def to_everybody(
    kind: Kind, *, escalation: bool = False, also: bool = False, now: datetime, due_at: datetime
) -> list[OutboxMail]:
    """One mail for each who has to hear of it; one without an address when there is nobody.

    `escalation`: for the second list instead of the first; `also`: for both.
    """
    people = list(listening(escalation=escalation))
    if also:
        people += listening(escalation=True)
    if escalation and not people:
        people = list(listening())  # nobody stands behind them, so they are told again
    if people:
        return [put(kind, person, now=now, due_at=due_at) for person in people]
    return [put(kind, None, address=address, now=now, due_at=due_at) for address in stand_ins() or [""]]


def confirmation(recipient: Recipient, url: str) -> Letter:
    """Asks whoever reads this address whether they want alerts."""
    block = Block(
        f"Hello {recipient.name}",
        ["Somebody on the Icebreaker team wants you to be mailed when the service is in trouble.", "Is that right?"],
        links=[Link("Yes, mail me", url, button=True)],
    )
    return letter("Icebreaker: confirm this address", [block], "If not, do nothing: no other mail will come.")


def test(now: datetime) -> Letter:
    """Says that mail arrives."""
    block = Block(
        "Mail works",
        ["This is a test. When something is wrong, a mail like this one says what, since when, and what to do."],
        rows=[("Written", f"{now:%Y-%m-%d %H:%M:%S} UTC"), ("Release", settings.RELEASE)],
        links=[Link("Overview", page("monitoring:overview"))],
    )
    return letter("Icebreaker: test mail", [block], FOOTER)


def page(name: str, *arguments: object, query: str = "") -> str:
    """The whole address of a page."""
    return f"{settings.PUBLIC_URL}{reverse(name, args=arguments)}{query}"
