"""What was measured, read back from the database; and the one place where it is written.

Windows hold what began in [start, end), to 10 seconds. Beyond a day only whole minutes are kept, beyond a week whole
hours: a window that old has to be aligned to them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from django.db import transaction
from django.db.models import Max, Q, QuerySet, Sum

from monitoring.metrics.histogram import Histogram
from monitoring.metrics.ledger import LOST, Row
from monitoring.metrics.tiers import FINEST_S, pieces, slot_of, tier_for, up
from monitoring.models import Measure, Source
from signals import telemetry

FLUSH: Final = "monitoring.flush"  # [role] one window of a process: where there is none, nobody measured
WEB: Final = "web"
SUMMED: Final = frozenset({telemetry.WS_CONNECTIONS})  # levels of one process; the others are of the whole service
FRESH_S: Final = 3 * FINEST_S  # a level that was not told for longer is no longer known
UPSERT: Final[dict[str, Any]] = {  # what says to bulk_create that a row takes the place of the one that stands there
    "update_conflicts": True,
    "unique_fields": ["metric", "tier_s", "start_s", "label", "source"],
    "update_fields": ["count", "last", "high", "histogram"],
}


class Point(NamedTuple):
    """A timing from `at` for one step; None where nobody measured."""

    at: datetime
    histogram: Histogram | None


class CountPoint(NamedTuple):
    """How often something happened from `at` for one step; None where nobody measured."""

    at: datetime
    n: int | None


class LevelPoint(NamedTuple):
    """A level from `at` for one step: where it stood at the end, and its highest; None where nobody told it."""

    at: datetime
    last: float | None
    high: float | None


class Losses(NamedTuple):
    """What is missing: slots that could not be written, by their seconds, and process runs that ended in the middle."""

    slots: dict[int, int]
    killed: int


def write(rows: Sequence[Row], role: str, release: str, now: datetime, *, stopped: bool = False) -> frozenset[str]:
    """Write these rows, whole or not at all; again is the same as once. Gives the sources that may write no more."""
    closed = set()
    with transaction.atomic():
        for token in dict.fromkeys(row.source for row in rows):
            known = {"flushed_at": now, "stopped_at": now if stopped else None}
            begun = {"role": role, "release": release[:64], "started_at": now}
            source, _ = Source.objects.update_or_create(token=token, defaults=known, create_defaults=known | begun)
            if source.closed_at:
                closed.add(token)
        Measure.objects.bulk_create(
            [_measure(row) for row in rows if row.source not in closed],
            **UPSERT,
        )
    return frozenset(closed)


def window(metric: str, label: str | None, start: datetime, end: datetime) -> Histogram:
    """Everything that a timing counted in the window; all labels when `label` is None."""
    return _merged(_within(metric, label, start, end).values_list("histogram", flat=True))


def by_label(metric: str, start: datetime, end: datetime) -> dict[str, Histogram]:
    """The same for each label that has something."""
    found: defaultdict[str, Histogram] = defaultdict(Histogram)
    for label, stored in _within(metric, None, start, end).values_list("label", "histogram"):
        if stored is not None:
            found[label].absorb(bytes(stored))
    return dict(found)


def count_sum(metric: str, label: str | None, start: datetime, end: datetime) -> int:
    """How often something happened in the window."""
    return _within(metric, label, start, end).aggregate(n=Sum("count"))["n"] or 0


def counts(metric: str, start: datetime, end: datetime) -> dict[str, int]:
    """The same for each label that has something."""
    rows = _within(metric, None, start, end).order_by().values_list("label").annotate(n=Sum("count"))
    return dict(rows.values_list("label", "n"))


def series(metric: str, label: str | None, start: datetime, end: datetime, step: timedelta) -> list[Point]:
    """A timing step by step, aligned to the step. Raises ValueError for a step that is no multiple of 10 s."""
    span = _Span(start, end, step)
    found: defaultdict[int, Histogram] = defaultdict(Histogram)
    for start_s, stored in span.rows(metric, label).values_list("start_s", "histogram"):
        if stored is not None:
            found[span.step_of(start_s)].absorb(bytes(stored))
    measured = span.measured()
    return [Point(at, found[s] if s in found or s in measured else None) for s, at in span.steps()]


def count_series(metric: str, label: str | None, start: datetime, end: datetime, step: timedelta) -> list[CountPoint]:
    """A count step by step, aligned to the step. Raises ValueError for a step that is no multiple of 10 s."""
    span = _Span(start, end, step)
    found: defaultdict[int, int] = defaultdict(int)
    for start_s, n in span.rows(metric, label).values_list("start_s", "count"):
        found[span.step_of(start_s)] += n
    measured = span.measured()
    return [CountPoint(at, found[s] if s in found or s in measured else None) for s, at in span.steps()]


def level_series(metric: str, start: datetime, end: datetime, step: timedelta) -> list[LevelPoint]:
    """A level step by step, aligned to the step. Raises ValueError for a step that is no multiple of 10 s."""
    span = _Span(start, end, step)
    join = Sum if metric in SUMMED else Max
    told = span.rows(metric, None).filter(last__isnull=False, high__isnull=False)
    slots = told.values_list("start_s").annotate(stood=join("last"), rose=join("high")).order_by("start_s")
    found: dict[int, tuple[float, float]] = {}
    for start_s, last, high in slots:
        step_s = span.step_of(start_s)
        before = found.get(step_s)
        found[step_s] = last, max(high, before[1]) if before else high
    return [LevelPoint(at, *found.get(s, (None, None))) for s, at in span.steps()]


def latest_level(metric: str, now: datetime) -> float | None:
    """Where a level stands, over all processes that run; None when nobody told it in the last 30 seconds."""
    since_s = now.timestamp() - FRESH_S
    gone = Source.objects.filter(stopped_at__isnull=False, flushed_at__gte=now - timedelta(seconds=2 * FRESH_S))
    rows = (
        Measure.objects.filter(metric=metric, tier_s=FINEST_S, start_s__gt=since_s, start_s__lte=now.timestamp())
        .exclude(source__in=gone.values("token"))
        .order_by("start_s")
        .values_list("source", "label", "last")
    )
    newest = {(source, label): last for source, label, last in rows if last is not None}
    if not newest:
        return None
    return sum(newest.values()) if metric in SUMMED else max(newest.values())


def last_flush_at(now: datetime, role: str = WEB) -> datetime | None:
    """When a process of this role last wrote; None when none ever did. What lies after `now` is no news."""
    newest = Source.objects.filter(role=role, flushed_at__lte=now).order_by("-flushed_at").first()
    return newest.flushed_at if newest else None


def measured(start: datetime, end: datetime, role: str = WEB) -> float:
    """The share of the window in which a process of this role measured, 0 to 1."""
    covered = total = 0
    for tier_s, low, high in pieces(start.timestamp(), end.timestamp()):
        rows = Measure.objects.filter(metric=FLUSH, label=role, tier_s=tier_s, start_s__gte=low, start_s__lt=high)
        covered += rows.values("start_s").distinct().count() * tier_s
        total += high - low
    return covered / total if total else 0.0


def losses(start: datetime, end: datetime, now: datetime) -> Losses:
    """What the window lacks. Each killed run lost what it recorded since its last flush, at most 5 seconds."""
    slots = {int(label.split()[0]): n for label, n in counts(LOST, start, end).items()}
    silent = now - timedelta(seconds=FRESH_S)
    killed = Source.objects.filter(stopped_at=None, flushed_at__gte=start, flushed_at__lt=min(end, silent))
    return Losses(slots, killed.exclude(token__in=_continued()).count())


def _continued() -> set[str]:
    """Runs that only went on under another name because the clock was set back."""
    names: defaultdict[str, list[int]] = defaultdict(list)
    for token in Source.objects.filter(stopped_at=None).values_list("token", flat=True):
        process, _, run = token.rpartition("-")
        names[process].append(int(run))
    return {f"{process}-{run}" for process, runs in names.items() for run in runs if run < max(runs)}


def _measure(row: Row) -> Measure:
    known = row._asdict()
    return Measure(count=known.pop("n"), **known)


def _merged(stored: Iterable[bytes | memoryview | None]) -> Histogram:
    histogram = Histogram()
    for one in stored:
        if one is not None:
            histogram.absorb(bytes(one))
    return histogram


def _within(metric: str, label: str | None, start: datetime, end: datetime) -> QuerySet[Measure]:
    wanted = Q(pk__in=())
    for tier_s, low, high in pieces(start.timestamp(), end.timestamp()):
        wanted |= Q(tier_s=tier_s, start_s__gte=low, start_s__lt=high)
    rows = Measure.objects.filter(wanted, metric=metric)
    return rows if label is None else rows.filter(label=label)


class _Span:
    """The steps of a series, and the rows that they are made of."""

    def __init__(self, start: datetime, end: datetime, step: timedelta) -> None:
        self.tier_s = tier_for(step)
        self.step_s = int(step.total_seconds())
        self.low, self.high = slot_of(start.timestamp(), self.step_s), up(end.timestamp(), self.step_s)

    def rows(self, metric: str, label: str | None) -> QuerySet[Measure]:
        rows = Measure.objects.filter(
            metric=metric, tier_s=self.tier_s, start_s__gte=self.low, start_s__lt=self.high
        ).order_by()
        return rows if label is None else rows.filter(label=label)

    def step_of(self, start_s: int) -> int:
        return slot_of(start_s, self.step_s)

    def steps(self) -> list[tuple[int, datetime]]:
        return [(s, datetime.fromtimestamp(s, UTC)) for s in range(self.low, self.high, self.step_s)]

    def measured(self) -> set[int]:
        """The steps in which a process that serves people measured anything."""
        return {self.step_of(s) for s in self.rows(FLUSH, WEB).values_list("start_s", flat=True).distinct()}
