"""The line on every page of staff while a drill is under way."""

from __future__ import annotations

from django import template
from django.db import DatabaseError
from django.utils import timezone

from monitoring.drills import record

register = template.Library()


@register.inclusion_tag("monitoring/drill_banner.html")
def drill_banner() -> dict[str, object]:
    """Nothing when the database doesn't say: without it no drill goes on."""
    try:
        return {"drills": list(record.running(timezone.now()))}
    except DatabaseError:
        return {"drills": []}
