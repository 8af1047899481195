"""What tests of staff pages about alerts share: an alert with its mail, and members of staff's groups."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count

from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone

from monitoring.alerts import post, tokens
from monitoring.models import Alert, AlertTransition, OutboxMail, Recipient

_names = count(1)
EVIL = "<script>alert(1)</script>"


def member(*groups: str) -> Client:
    """Somebody of staff who is in these groups and may nothing else."""
    user = User.objects.create_user(f"staff{next(_names)}", is_staff=True)
    user.groups.set(Group.objects.filter(name__in=groups))
    client = Client()
    client.force_login(user)
    return client


def recipient(name: str = "Ada", **more: object) -> Recipient:
    address = f"{name.lower()}@example.org"
    now = timezone.now()
    values = {"name": name, "address": address, "verified_at": now, "created_at": now, **more}
    return Recipient.objects.create(**values)  # type: ignore[misc]


def alert(rule: str = "service-down", **more: object) -> Alert:
    now = timezone.now().astimezone(UTC)
    values = {
        "rule": rule,
        "title": f"Down {EVIL}",
        "severity": "critical",
        "began_at": now - timedelta(minutes=3),
        "fired_at": now - timedelta(minutes=2),
        **more,
    }
    made = Alert.objects.create(**values)  # type: ignore[misc]
    AlertTransition.objects.create(rule=rule, alert=made, before="inactive", after="firing", at=made.fired_at, value=1)
    return made


def mail(*alerts: Alert, to: Recipient | None = None, at: datetime | None = None) -> OutboxMail:
    """A mail that was worded and went."""
    said = post.test(timezone.now())
    made = post.put(OutboxMail.Kind.FIRED, to or recipient(), now=at or timezone.now(), said=said)
    made.alerts.set(alerts)
    return made


def link(of: OutboxMail) -> str:
    """The path of the one-click link of a mail."""
    return f"/{tokens.ACKNOWLEDGE_PATH.format(token=tokens.acknowledging(of.key))}"
