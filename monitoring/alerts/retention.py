"""Forgetting, in small steps; and the weekly proof that mail still leaves the house."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.db.models import QuerySet

from monitoring.alerts import post
from monitoring.models import Alert, AlertTransition, OutboxMail, Silence

KEPT: Final = timedelta(days=400)
MAILS_KEPT: Final = timedelta(days=90)
STEP: Final = 1000
SELF_TEST_EVERY: Final = timedelta(days=7)


def prune(now: datetime) -> int:
    """Delete what is past its time; gives how many rows went."""
    old = now - KEPT
    done = OutboxMail.objects.exclude(state=OutboxMail.State.WAITING)
    gone = _deleted(done.filter(created_at__lt=now - MAILS_KEPT))
    gone += _deleted(AlertTransition.objects.filter(at__lt=old))
    gone += _deleted(Silence.objects.filter(to_at__lt=old))
    return gone + _deleted(Alert.objects.filter(resolved_at__lt=old))


def _deleted(rows: QuerySet[Any]) -> int:
    ids = list(rows.order_by("pk").values_list("pk", flat=True)[:STEP])
    return rows.model._default_manager.filter(pk__in=ids).delete()[0] if ids else 0


def self_test(now: datetime) -> bool:
    """Owe the mailbox of our own its weekly mail; whether it was due."""
    mails = OutboxMail.objects.filter(kind=OutboxMail.Kind.SELF_TEST)
    if not settings.SELF_TEST_ADDRESS or mails.filter(created_at__gt=now - SELF_TEST_EVERY).exists():
        return False
    post.put(OutboxMail.Kind.SELF_TEST, None, address=settings.SELF_TEST_ADDRESS, now=now, said=post.test(now))
    return True
