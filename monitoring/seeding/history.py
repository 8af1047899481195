"""An invented history as a whole: refused where a real one could be hurt."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from django.apps import apps
from django.conf import settings
from django.db import transaction
from django.db.models import Model

from monitoring.seeding import alerts, breakages, errors, measures, uptime
from monitoring.seeding.plan import plan

DAYS_MOST: Final = 400
# What an invented history consists of, in an order in which it can be deleted.
HISTORY: Final = (
    "Measure",
    "Source",
    "ProbeResult",
    "Watched",
    "Outage",
    "Maintenance",
    "Event",
    "Sent",
    "Refused",
    "Issue",
    "Release",
    "DeployMarker",
    "Incident",
    "OutboxMail",
    "AlertTransition",
    "Alert",
    "RuleState",
    "Evaluation",
)
TELLS: Final = (
    "ProbeResult",
    "Outage",
    "Event",
    "Incident",
    "Alert",
)  # wherever there is one of these, something real happened


class Unwilling(Exception):
    """Why no history is invented here, as a sentence."""


def _model(name: str) -> type[Model]:
    return apps.get_model("monitoring", name)


def write(now: datetime, *, days: int, seed: int, replace: bool = False) -> dict[str, int]:
    """Write it all; gives how many rows of what. Raises Unwilling, and then nothing was changed."""
    if settings.ENVIRONMENT == "production":
        raise Unwilling("This is production: nothing is invented here.")
    if not 1 <= days <= DAYS_MOST:
        raise Unwilling(f"A history has 1 to {DAYS_MOST} days.")
    if not replace and (found := [name for name in TELLS if _model(name)._default_manager.exists()]):
        raise Unwilling(f"There is history already ({', '.join(found)}): --replace throws it away first.")
    with transaction.atomic():
        for name in HISTORY:
            _model(name)._default_manager.all().delete()
    made = plan(now, days, seed, settings.RELEASE)
    broken = breakages.times(made)
    measures.write(made, broken)
    uptime.write(made)
    errors.write(made, broken)
    alerts.write(made)
    return {name: _model(name)._default_manager.count() for name in HISTORY}
