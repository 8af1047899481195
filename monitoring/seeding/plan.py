"""What the invented history is about: how many people when, what went wrong, when a version came out. Pure and seeded.

For demonstrations, pictures, benches and tests; nothing here was ever measured.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from random import Random
from typing import Final

PEAK: Final = 140  # people at the best hour of an ordinary day
BUSIEST_H, LUNCH_H = 19.0, 12.5  # UTC
HOUR_S: Final = 3600
BLINK_S: Final = 30  # a deploy restarts the process


class Sort(StrEnum):
    """What can go wrong, or at least happen."""

    SLOW = "slow"  # part of the answers takes seconds
    ERRORS = "errors"  # many exceptions
    DOWN = "down"  # the process was killed: nothing answers, nothing is measured
    BLIND = "blind"  # the whole host was off, and nobody looked
    DEPLOY = "deploy"  # a new version: half a minute without measures


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing from `start_s` to `end_s` (seconds since the epoch); `share` says how bad it is."""

    sort: Sort
    start_s: int
    end_s: int
    share: float = 0.0
    version: str = ""

    @property
    def start(self) -> datetime:
        return datetime.fromtimestamp(self.start_s, UTC)

    @property
    def end(self) -> datetime:
        return datetime.fromtimestamp(self.end_s, UTC)

    def covers(self, at_s: float) -> bool:
        return self.start_s <= at_s < self.end_s


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole history that ends at `now`."""

    seed: int
    start_s: int
    end_s: int
    happenings: tuple[Happening, ...]

    @property
    def now(self) -> datetime:
        return datetime.fromtimestamp(self.end_s, UTC)

    def draw(self, *about: object) -> Random:
        """Chance that is the same for the same seed and subject."""
        return Random(":".join(str(part) for part in (self.seed, *about)))  # noqa: S311 - nothing secret

    def all(self, *sorts: Sort) -> tuple[Happening, ...]:
        return tuple(h for h in self.happenings if h.sort in sorts)

    def under_way(self, at_s: float, *sorts: Sort) -> Happening | None:
        return next((h for h in self.happenings if h.sort in sorts and h.covers(at_s)), None)

    def release_at(self, at_s: float) -> str:
        """The version that ran then."""
        ran = [h.version for h in self.all(Sort.DEPLOY) if h.start_s <= at_s]
        return ran[-1] if ran else self.all(Sort.DEPLOY)[0].version


def people(at_s: float) -> float:
    """How many are here on average at a time of day: most in the evening, some at noon, more at weekends."""
    at = datetime.fromtimestamp(at_s, UTC)
    hour = at.hour + at.minute / 60
    evening = math.exp(-((_apart(hour, BUSIEST_H) / 3.2) ** 2))
    noon = 0.45 * math.exp(-((_apart(hour, LUNCH_H) / 1.6) ** 2))
    weekend = 1.3 if at.weekday() in (4, 5) else 1.0
    return PEAK * (0.04 + 0.96 * min(1.0, evening + noon)) * weekend / 1.3


def _apart(hour: float, other: float) -> float:
    return min(abs(hour - other), 24 - abs(hour - other))


def plan(now: datetime, days: int, seed: int, release: str) -> Plan:
    """The history of `days` days up to `now`; `release` is the version that runs now."""
    end_s = int(now.timestamp()) // 10 * 10
    start_s = -(-(end_s - days * 86_400) // HOUR_S) * HOUR_S
    deploys = _deploys(start_s, end_s, release)
    troubles = [h for h in _troubles(end_s, days, seed) if h.start_s > start_s]
    first = Happening(Sort.DEPLOY, start_s, start_s, version="0.0.1" if deploys else release)
    return Plan(seed, start_s, end_s, (first, *sorted([*deploys, *troubles], key=lambda h: (h.start_s, h.sort))))


def _deploys(start_s: int, end_s: int, release: str) -> list[Happening]:
    """A new version every week, at eleven in the morning; the last one is what runs now."""
    last = (datetime.fromtimestamp(end_s, UTC) - timedelta(days=1)).replace(hour=11, minute=4, second=0, microsecond=0)
    times = []
    while last.timestamp() > start_s:
        times.append(int(last.timestamp()))
        last -= timedelta(days=7)
    times.reverse()
    versions = [*(f"0.0.{n + 2}" for n in range(len(times) - 1)), release]
    return [
        Happening(Sort.DEPLOY, at_s, at_s + BLINK_S, version=version)
        for at_s, version in zip(times, versions, strict=False)
    ]


def _troubles(end_s: int, days: int, seed: int) -> list[Happening]:
    """What went wrong: two bad evenings and an error after a deploy, a short one lately, and a dark night."""

    def at(ago: timedelta, hour: int, minute: int, **lasted: int) -> tuple[int, int]:
        day = datetime.fromtimestamp(end_s, UTC) - ago
        began = day.replace(hour=hour, minute=minute, second=0, microsecond=0)
        return int(began.timestamp()), int((began + timedelta(**lasted)).timestamp())

    lately_s = (end_s - 5 * HOUR_S) // 60 * 60
    found = [
        Happening(Sort.SLOW, lately_s, lately_s + 12 * 60, share=0.09),
        Happening(Sort.ERRORS, *at(timedelta(days=1), 11, 6, minutes=19), share=14.0),
        Happening(Sort.DOWN, *at(timedelta(days=4), 18, 21, minutes=21)),
        Happening(Sort.SLOW, *at(timedelta(days=11), 19, 2, minutes=48), share=0.22),
        Happening(Sort.BLIND, *at(timedelta(days=18), 2, 0, minutes=150)),
        Happening(Sort.ERRORS, *at(timedelta(days=23), 20, 40, minutes=9), share=7.0),
    ]
    draw = Random(f"{seed}:older")  # noqa: S311 - nothing secret
    for ago in range(30, days, 13):
        sort = draw.choice((Sort.DOWN, Sort.SLOW))
        start = at(timedelta(days=ago), draw.randrange(8, 22), draw.randrange(60), minutes=draw.randrange(6, 35))
        found.append(Happening(sort, *start, share=0.12))
    return [h for h in found if h.end_s < end_s]
