"""The five stages of an incident, who may go where, and when alerts belong together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

QUIET_AFTER: Final = timedelta(minutes=30)  # what begins later is a new incident, though nobody closed the old one
LEVELS: Final = ("warning", "critical")


class Stage(StrEnum):
    DETECTED = "detected"
    ACKNOWLEDGED = "acknowledged"
    INVESTIGATING = "investigating"
    RESOLVED = "resolved"
    DOCUMENTED = "documented"


class Verdict(StrEnum):
    REAL = "real"
    FALSE_ALARM = "false_alarm"
    DRILL = "drill"


# Each stage may be skipped but the verdict: at night people mend first and press buttons afterwards.
NEXT: Final[dict[Stage, frozenset[Stage]]] = {
    Stage.DETECTED: frozenset({Stage.ACKNOWLEDGED, Stage.INVESTIGATING, Stage.RESOLVED}),
    Stage.ACKNOWLEDGED: frozenset({Stage.INVESTIGATING, Stage.RESOLVED}),
    Stage.INVESTIGATING: frozenset({Stage.RESOLVED}),
    Stage.RESOLVED: frozenset({Stage.DOCUMENTED}),
    Stage.DOCUMENTED: frozenset(),
}


class NotNow(ValueError):
    """An action that the incident's stage or its verdict doesn't allow; the sentence is for whoever pressed."""


@dataclass(frozen=True, slots=True)
class Firing:
    """What an incident needs to know of one alert; `key` names that alert and no other."""

    key: str
    rule: str
    title: str
    severity: str
    began_at: datetime
    ended_at: datetime | None = None
    drill: bool = False


def check(now_in: Stage, wanted: Stage) -> None:
    """Raises NotNow when `wanted` can't follow."""
    if wanted not in NEXT[now_in]:
        raise NotNow(f"The incident is {now_in}; it can't become {wanted}.")


def worse(one: str, other: str) -> str:
    return max(one, other, key=LEVELS.index)


def quiet_since(spans: Iterable[tuple[datetime, datetime | None]], now: datetime) -> datetime | None:
    """When the last alert ended, if that is long enough ago for the next to be another story; else None."""
    ends = [end for _, end in spans]
    last = max((end for end in ends if end), default=None)
    return last if last and None not in ends and now - last >= QUIET_AFTER else None


def troubled(spans: Iterable[tuple[datetime, datetime | None]], now: datetime) -> timedelta:
    """How long at least one alert was open: overlapping time counts once."""
    total, reached = timedelta(0), None
    for began, ended in sorted((began, ended or now) for began, ended in spans):
        start = began if reached is None else max(began, reached)
        if ended > start:
            total += ended - start
        reached = ended if reached is None else max(reached, ended)
    return total
