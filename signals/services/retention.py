"""Forgetting reports and orders in time, a few at each step."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.conf import settings

from signals.models import Order, Report

STEP = 500  # rows a deletion: nobody waits long for its locks


async def forget(now: float) -> int:
    """Delete what is older than REPORTS_KEPT_DAYS; gives how many rows."""
    before = datetime.fromtimestamp(now, UTC) - timedelta(days=settings.REPORTS_KEPT_DAYS)
    gone = 0
    for rows in (Report.objects.filter(reported_at__lt=before), Order.objects.filter(ordered_at__lt=before)):
        while oldest := [pk async for pk in rows.order_by("pk").values_list("pk", flat=True)[:STEP]]:
            gone += (await rows.filter(pk__in=oldest).adelete())[0]
    return gone
