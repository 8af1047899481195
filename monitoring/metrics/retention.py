"""Forgetting, in small steps: measures past their time, and the many rows that short runs leave behind."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import QuerySet

from monitoring.metrics.histogram import Histogram
from monitoring.metrics.store import SUMMED, UPSERT
from monitoring.metrics.tiers import FINEST_S, KEPT, TIERS_S
from monitoring.models import Measure, Source

STEP: Final = 2000  # rows a transaction
SILENT: Final = timedelta(hours=2)  # a run that wrote nothing for so long is over
BACKLOG: Final = timedelta(days=1)  # the oldest slot that a run may have written when it began to write
RUNS: Final = 50  # merged at a time
COARSE_S: Final = tuple(tier_s for tier_s in TIERS_S if tier_s != FINEST_S)


def tidy(now: datetime) -> None:
    prune(now)
    compact(now)


def prune(now: datetime) -> int:
    """Delete what is older than its tier keeps; gives how many rows. Each step is a short transaction of its own."""
    deleted = 0
    for tier_s, kept in KEPT.items():
        old = Measure.objects.filter(tier_s=tier_s, start_s__lt=int((now - kept).timestamp()))
        while ids := list(old.order_by("start_s").values_list("pk", flat=True)[:STEP]):
            deleted += Measure.objects.filter(pk__in=ids).delete()[0]
    Source.objects.filter(flushed_at__lt=now - max(KEPT.values())).delete()
    return deleted


def compact(now: datetime) -> int:
    """Merge what ended runs left in the coarser tiers into one row a slot; gives how many runs were merged."""
    ended = Source.objects.filter(closed_at=None, flushed_at__lt=now - SILENT).order_by("flushed_at")[:RUNS]
    for source in ended:
        # Closed first: whoever is wrongly taken for dead learns it at its next write, and begins anew.
        Source.objects.filter(pk=source.pk).update(closed_at=now)
        low, high = ((at - BACKLOG).timestamp() for at in (source.started_at, source.flushed_at + 2 * BACKLOG))
        for tier_s in COARSE_S:
            mine = Measure.objects.filter(source=source.token, tier_s=tier_s, start_s__gte=low, start_s__lte=high)
            while _merge_some(mine):
                pass
    return len(ended)


def _merge_some(mine: QuerySet[Measure]) -> bool:
    """Move the next rows of a run into those without a source; False when none were left."""
    with transaction.atomic():
        rows = list(mine.order_by("start_s")[:STEP])
        if not rows:
            return False
        standing = Measure.objects.filter(source="", tier_s=rows[0].tier_s, start_s__in={row.start_s for row in rows})
        merged: dict[tuple[int, str, str], Measure] = {}
        for row in (*standing, *rows):
            into = merged.setdefault((row.start_s, row.metric, row.label), _empty(row))
            _merge(into, row)
        Measure.objects.filter(pk__in=[row.pk for row in rows]).delete()
        Measure.objects.bulk_create(merged.values(), **UPSERT)
    return True


def _empty(like: Measure) -> Measure:
    return Measure(tier_s=like.tier_s, start_s=like.start_s, metric=like.metric, label=like.label)


def _merge(into: Measure, row: Measure) -> None:
    into.count += row.count
    for name in ("last", "high"):
        before, now = getattr(into, name), getattr(row, name)
        if before is not None and now is not None:
            now = before + now if row.metric in SUMMED else max(before, now)
        setattr(into, name, before if now is None else now)
    if row.histogram is not None:
        histogram = Histogram.from_bytes(bytes(into.histogram)) if into.histogram else Histogram()
        histogram.absorb(bytes(row.histogram))
        into.histogram = histogram.to_bytes()
