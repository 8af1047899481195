"""An error on purpose, to see that one is seen: raised, reported, digested and found again."""

from __future__ import annotations

import sentry_sdk

from monitoring.models import Event, Issue
from signals import telemetry


class TrialError(Exception):
    """Raised on purpose: nothing is broken."""


def _break() -> None:
    raise TrialError("This is a trial: raised on purpose, nothing is broken.")


def raise_one() -> str:
    """Break, and report it as any other exception is; gives the id of its event, or nothing when nobody reports."""
    with sentry_sdk.isolation_scope():
        try:
            _break()
        except TrialError as error:
            telemetry.capture(error, component="trial")
        return sentry_sdk.last_event_id() or ""


def issue_of(event_id: str) -> Issue | None:
    """The issue that an event was filed under; None as long as it was not."""
    event = Event.objects.select_related("issue").filter(event_id=event_id).first()
    return event.issue if event else None
