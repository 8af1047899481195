"""Which time a board shows: read from its address, cut into steps, and written back into an address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import urlencode

from monitoring.metrics.tiers import KEPT, slot_of, up

USUAL: Final = {
    "1h": timedelta(hours=1),
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
}
FIRST: Final = "24h"
POINTS_MAX: Final = 300
BARS_MAX: Final = 60
SHORTEST: Final = timedelta(minutes=1)
LONGEST: Final = KEPT[max(KEPT)]
STEPS_S: Final = (10, 20, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800)
EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)


class BadRange(ValueError):
    """A range that can't be shown, and why, for whoever asked for it."""


@dataclass(frozen=True, slots=True)
class Range:
    """From `start` to `end`, in steps; `name` when it is one of the usual ones, which end now and go on."""

    start: datetime
    end: datetime
    step: timedelta
    name: str = ""

    @property
    def length(self) -> timedelta:
        return self.end - self.start

    @property
    def query(self) -> str:
        """What the address of this range says."""
        if self.name:
            return urlencode({"range": self.name})
        return urlencode({"from": stamp(self.start), "to": stamp(self.end)})

    @property
    def times(self) -> list[datetime]:
        """When each step begins, aligned to the step."""
        step_s = int(self.step.total_seconds())
        low, high = slot_of(self.start.timestamp(), step_s), up(self.end.timestamp(), step_s)
        return [datetime.fromtimestamp(s, UTC) for s in range(low, high, step_s)]

    def seconds_of(self, at: datetime) -> float:
        """How much of the step that begins at `at` was over at the end of the range: the last one may be under way."""
        return max(1.0, min(self.step, self.end - at).total_seconds())


def stamp(at: datetime) -> str:
    """A moment as addresses and forms have it, in UTC."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")


def usual(name: str, now: datetime) -> Range:
    """One of the usual ranges, up to now."""
    length = USUAL[name]
    return Range(now - length, now, step_for(now - length, now, now), name)


def parse(query: Mapping[str, str], now: datetime) -> tuple[Range, str]:
    """The range that an address asks for, and what is wrong with it: then the range is the usual one."""
    try:
        return _asked(query, now), ""
    except BadRange as error:
        return usual(FIRST, now), str(error)


def step_for(start: datetime, end: datetime, now: datetime) -> timedelta:
    """The shortest step that what is kept of this time allows, with at most `POINTS_MAX` of them."""
    finest = next((s for s, kept in sorted(KEPT.items()) if now - start <= kept), max(KEPT))
    length_s = (end - start).total_seconds()
    fitting = (s for s in STEPS_S if s >= finest and length_s / s <= POINTS_MAX)
    return timedelta(seconds=next(fitting, STEPS_S[-1]))


def in_bars(shown: Range, at_least: timedelta = timedelta(0)) -> Range:
    """The same time in no more steps than can be drawn as bars."""
    return in_steps(shown, max(shown.length / BARS_MAX, at_least, shown.step))


def in_steps(shown: Range, at_least: timedelta) -> Range:
    """The same time in steps of at least this length."""
    step_s = next((s for s in STEPS_S if s >= at_least.total_seconds()), STEPS_S[-1])
    return replace(shown, step=timedelta(seconds=step_s))


def earlier(shown: Range, now: datetime) -> Range:
    """The same length of time, just before."""
    return _between(shown.start - shown.length, shown.start, now)


def later(shown: Range, now: datetime) -> Range | None:
    """The same length of time, just after; None when that has not begun."""
    if shown.name or shown.end >= now:
        return None
    end = min(shown.end + shown.length, now)
    return _between(end - shown.length, end, now)


def closer(shown: Range, now: datetime) -> Range | None:
    """The latter half of what is shown; None when there is nothing finer."""
    start = shown.end - shown.length / 2
    return _between(start, shown.end, now) if shown.length / 2 >= SHORTEST else None


def wider(shown: Range, now: datetime) -> Range:
    """Twice the time, as far as there is any."""
    end = min(shown.end + shown.length / 2, now)
    return _between(max(end - shown.length * 2, now - LONGEST), end, now)


def _between(start: datetime, end: datetime, now: datetime) -> Range:
    return Range(start, end, step_for(start, end, now))


def _asked(query: Mapping[str, str], now: datetime) -> Range:
    since, until, name = (query.get(key, "").strip() for key in ("from", "to", "range"))
    if not since and not until:
        if name and name not in USUAL:
            raise BadRange(f"There is no such range; there are {', '.join(USUAL)}, and from and to.")
        return usual(name or FIRST, now)
    if not since:
        raise BadRange("A range needs a beginning: say from when.")
    start, end = _moment(since, "from"), _moment(until, "to") if until else now
    if start >= now:
        raise BadRange("That range lies in the future.")
    if start >= end:
        raise BadRange("A range begins before it ends.")
    end = min(end, now)
    if end - start < SHORTEST:
        raise BadRange("A range lasts at least a minute.")
    if now - start > LONGEST:
        raise BadRange(f"Nothing is kept for longer than {LONGEST.days} days.")
    return _between(start, end, now)


def _moment(text: str, which: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
        return max((at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC), EARLIEST)
    except (ValueError, OverflowError) as error:
        raise BadRange(f"What “{which}” says is no time; write it like 2026-03-01T12:00, in UTC.") from error
