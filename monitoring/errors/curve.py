"""How often issues happened over time, read from their hours, and drawn as small pictures that need no script."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from django.db.models import Sum
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from monitoring.models import DeployMarker, Issue, IssueHour

SPARK: Final = (timedelta(days=7), timedelta(hours=6))
RANGES: Final = {  # how far back, and how much one column holds
    "24h": (timedelta(hours=24), timedelta(hours=1)),
    "7d": (timedelta(days=7), timedelta(hours=6)),
    "30d": (timedelta(days=30), timedelta(days=1)),
    "90d": (timedelta(days=90), timedelta(days=3)),
}
MARKERS_MAX: Final = 50
WIDTH_PX, HEIGHT_PX, SPARK_PX, SPARK_HEIGHT_PX = 720, 120, 112, 24


class Column(NamedTuple):
    """One stretch of time, and how often it happened in it."""

    at: datetime
    n: int


class Marker(NamedTuple):
    """A version that began to run."""

    at: datetime
    version: str


def sparks(issues: Collection[Issue], now: datetime) -> dict[int, list[int]]:
    """The last week of each of these issues, in one query."""
    back, step = SPARK
    start, n = _start(now, back, step), back // step
    found: dict[int, list[int]] = {issue.pk: [0] * n for issue in issues}
    rows = IssueHour.objects.filter(issue__in=list(found), hour__gte=start, hour__lte=now)
    for pk, hour, count in rows.values_list("issue_id", "hour", "count"):
        found[pk][min((hour - start) // step, n - 1)] += count
    return found


def columns(issue: Issue, now: datetime, asked: str) -> list[Column]:
    back, step = RANGES[asked]
    start, n = _start(now, back, step), back // step
    counts = [0] * n
    rows = issue.hours.filter(hour__gte=start, hour__lte=now).values_list("hour").annotate(n=Sum("count"))
    for hour, count in rows:
        counts[min((hour - start) // step, n - 1)] += count
    return [Column(start + k * step, count) for k, count in enumerate(counts)]


def markers(now: datetime, asked: str) -> list[Marker]:
    """The newest deploys of the range."""
    rows = DeployMarker.objects.filter(at__gte=now - RANGES[asked][0], at__lte=now)[:MARKERS_MAX]
    return [Marker(row.at, row.version) for row in rows][::-1]


def _start(now: datetime, back: timedelta, step: timedelta) -> datetime:
    """So that the last column ends with the hour under way."""
    end = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    return end - back // step * step


def spark(counts: Sequence[int]) -> SafeString:
    """A week as small columns, with its sum for who can't see it."""
    top, width = max(counts, default=0) or 1, SPARK_PX / max(len(counts), 1)
    drawn = format_html_join(
        "",
        '<rect x="{}" y="{}" width="{}" height="{}"/>',
        (
            (f"{k * width:.1f}", f"{SPARK_HEIGHT_PX - high:.1f}", f"{width - 1:.1f}", f"{high:.1f}")
            for k, n in enumerate(counts)
            if n and (high := max(2.0, n / top * SPARK_HEIGHT_PX))
        ),
    )
    return format_html(
        '<svg class="spark" viewBox="0 0 {} {}" width="{}" height="{}" role="img" aria-label="{} in 7 days">'
        '<line x1="0" x2="{}" y1="{}" y2="{}"/>{}</svg>',
        *(SPARK_PX, SPARK_HEIGHT_PX, SPARK_PX, SPARK_HEIGHT_PX, sum(counts)),
        *(SPARK_PX, SPARK_HEIGHT_PX - 0.5, SPARK_HEIGHT_PX - 0.5),
        drawn,
    )


def chart(found: Sequence[Column], deploys: Sequence[Marker]) -> SafeString:
    """The columns with their highest value, their ends, and the deploys between them."""
    top = max((column.n for column in found), default=0) or 1
    width, step = WIDTH_PX / len(found), found[1].at - found[0].at
    drawn = format_html_join(
        "",
        '<rect x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>',
        (
            (
                f"{k * width:.1f}",
                f"{HEIGHT_PX - high:.1f}",
                f"{width - 2:.1f}",
                f"{high:.1f}",
                f"{column.at:%Y-%m-%d %H:%M}: {column.n:,}",
            )
            for k, column in enumerate(found)
            if column.n and (high := max(3.0, column.n / top * HEIGHT_PX))
        ),
    )
    lines = format_html_join(
        "",
        '<g class="deploy"><line x1="{0}" x2="{0}" y1="0" y2="{1}"/><title>{2} began to run {3}</title></g>',
        (
            (f"{(at - found[0].at) / step * width:.1f}", HEIGHT_PX, version, f"{at:%Y-%m-%d %H:%M}")
            for at, version in deploys
        ),
    )
    return format_html(
        '<svg class="columns" viewBox="0 0 {} {}" role="img" preserveAspectRatio="none" aria-label="{}">{}{}</svg>',
        *(WIDTH_PX, HEIGHT_PX, f"{sum(c.n for c in found):,} events, at most {top:,} in a column", drawn, lines),
    )
