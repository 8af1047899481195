"""What the public is shown: now, 90 days, response times, outages in plain words, maintenance.

It is one plain value, so that the page, the JSON, the badge, the feed and the last good copy can't disagree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, time, timedelta
from statistics import median
from typing import Final

import msgspec
from django.db.models import Q

from monitoring.models.uptime import Maintenance, Monitor, Outage, ProbeResult
from monitoring.uptime import record
from monitoring.uptime.outage import Answer, Kind, Span, Uptime, subtract, uptime

DAYS: Final = 90
PERIODS: Final = {
    "24h": timedelta(days=1),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
    "90d": timedelta(days=90),
}
HOURS: Final = 24
AHEAD: Final = timedelta(days=14)  # how early maintenance is announced

SENTENCES: Final = {
    "up": "Everything works.",
    "slow": "It works, but answers slowly.",
    "down": "Something is down. We are looking into it.",
    "drill": "It works. We are practising what to do when it doesn't.",
    "maintenance": "We are working on it, as announced.",
    "unknown": "We can't say at the moment: nobody has looked lately.",
}
WORDS: Final = {
    (Kind.DOWN, True): "is down",
    (Kind.DOWN, False): "was down",
    (Kind.SLOW, True): "answers slowly",
    (Kind.SLOW, False): "answered slowly",
}
WORST_FIRST: Final = ("down", "slow", "unknown", "drill", "up")


class Day(msgspec.Struct):
    """One day of one monitor. `share`: of the time that was watched, how much it was up; null: it was not watched."""

    day: str
    share: float | None
    down_minutes: int


class Hour(msgspec.Struct):
    """Answers of one hour: the middle one and the slowest, in milliseconds; null: none."""

    from_at: datetime
    median_ms: float | None
    slowest_ms: float | None


class Line(msgspec.Struct):
    """One monitor."""

    name: str
    state: str  # up | slow | down | drill | unknown
    since_at: datetime | None  # of an outage under way
    uptime: dict[str, float | None]
    days: list[Day]
    hours: list[Hour]


class Note(msgspec.Struct):
    """One outage, as people are told of it."""

    number: int
    title: str
    kind: str
    from_at: datetime
    to_at: datetime | None
    text: str
    changed_at: datetime


class Work(msgspec.Struct):
    """Announced work, under way or to come."""

    from_at: datetime
    to_at: datetime
    reason: str
    under_way: bool


class Picture(msgspec.Struct):
    """All of it, as of one moment."""

    at: datetime
    state: str
    sentence: str
    uptime: dict[str, float | None]
    monitors: list[Line]
    notes: list[Note]
    maintenance: list[Work]


def picture(now: datetime) -> Picture:
    """Read everything that the public may see."""
    now = now.astimezone(UTC)
    monitors = list(Monitor.objects.filter(enabled=True, public=True))
    works = [
        Work(row.from_at, row.to_at, row.reason, row.from_at <= now)
        for row in Maintenance.objects.filter(to_at__gt=now, from_at__lt=now + AHEAD).order_by("from_at")
    ]
    left_out = record.maintenance_spans(_window(now, PERIODS["90d"]))
    lines = [_line(monitor, now, left_out) for monitor in monitors]
    state = next((s for s in WORST_FIRST if any(line.state == s for line in lines)), "unknown")
    if any(work.under_way for work in works):
        state = "maintenance"
    return Picture(
        at=now,
        state=state,
        sentence=SENTENCES[state],
        uptime={name: _rounded(record.uptime_of(monitors, _window(now, past))) for name, past in PERIODS.items()},
        monitors=lines,
        notes=_notes(monitors, now),
        maintenance=works,
    )


def _window(now: datetime, past: timedelta) -> Span:
    return Span(now - past, now)


def _rounded(found: Uptime) -> float | None:
    """Rounded down, so that 100 % is said of nothing less."""
    return None if found.share is None else int(found.share * 100_000) / 100_000


def _line(monitor: Monitor, now: datetime, left_out: list[Span]) -> Line:
    whole = _window(now, timedelta(days=DAYS + 1))
    down, known = record.outage_spans([monitor], whole), record.known_spans([monitor], whole)
    away = [*subtract([whole], known), *left_out, *record.outage_spans([monitor], whole, drill=True)]

    def part(window: Span) -> Uptime:
        return uptime(window, _near(down, window), _near(away, window))

    state = monitor.known
    drill = Outage.objects.filter(monitor=monitor, closed_at=None, drill=True).first()
    says, since_at = "up", None
    if state.probed_at is None or now - state.probed_at > monitor.policy.gap:
        says = "unknown"
    elif drill:
        says, since_at = "drill", drill.opened_at
    elif state.down_at:
        says, since_at = "down", state.down_at
    elif state.slow_at:
        says, since_at = "slow", state.slow_at
    return Line(
        name=monitor.name,
        state=says,
        since_at=since_at,
        uptime={name: _rounded(part(_window(now, past))) for name, past in PERIODS.items()},
        days=[_day(part, start, now) for start in _midnights(now)],
        hours=_hours(monitor, now),
    )


def _near(spans: Iterable[Span], window: Span) -> list[Span]:
    return [span for span in spans if span.from_at < window.to_at and span.to_at > window.from_at]


def _midnights(now: datetime) -> list[datetime]:
    today = datetime.combine(now.date(), time(), UTC)
    return [today - timedelta(days=back) for back in range(DAYS - 1, -1, -1)]


def _day(part: Callable[[Span], Uptime], start: datetime, now: datetime) -> Day:
    found = part(Span(start, min(start + timedelta(days=1), now)))
    minutes = -(-found.down // timedelta(minutes=1)) if found.down else 0
    return Day(start.date().isoformat(), _rounded(found), minutes)


def _hours(monitor: Monitor, now: datetime) -> list[Hour]:
    this = now.replace(minute=0, second=0, microsecond=0)
    first = this - timedelta(hours=HOURS - 1)
    rows = ProbeResult.objects.filter(
        monitor=monitor, at__gte=first, at__lte=now, answer__in=(Answer.GOOD, Answer.SLOW), took_ms__isnull=False
    ).order_by("at")
    took: dict[datetime, list[float]] = {}
    for at, ms in rows.values_list("at", "took_ms"):
        took.setdefault(at.astimezone(UTC).replace(minute=0, second=0, microsecond=0), []).append(ms or 0.0)
    return [
        Hour(at, round(median(took[at]), 1), round(max(took[at]), 1)) if at in took else Hour(at, None, None)
        for at in (first + timedelta(hours=n) for n in range(HOURS))
    ]


def _notes(monitors: list[Monitor], now: datetime) -> list[Note]:
    """What staff published, and what is under way, of the last 90 days, the latest first."""
    since = now - PERIODS["90d"]
    rows = Outage.objects.filter(
        Q(published_at__isnull=False) | Q(closed_at__isnull=True),
        monitor__in=monitors,
        opened_at__gte=since,
        drill=False,
    ).select_related("monitor")
    return [
        Note(
            number=row.pk,
            title=f"{row.monitor.name} {WORDS[Kind(row.kind), row.closed_at is None]}",
            kind=row.kind,
            from_at=row.opened_at,
            to_at=row.closed_at,
            text=row.note if row.published_at else record.draft(row),
            changed_at=max(filter(None, (row.opened_at, row.closed_at, row.published_at))),
        )
        for row in rows[:100]
    ]
