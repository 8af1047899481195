"""What a drill does, for how long it may, and which rules have to notice."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Final

MINUTES: Final = (1, 30)  # the shortest and the longest
SLOW_S: Final = 2.5  # beyond the 2 s of the critical rules
BURST: Final = 12  # errors at once, over the 10 a minute of the critical rule
DRIP: Final = 3  # errors at each look afterwards
COMPONENT: Final = "drill"  # what the errors of a drill are counted under
ANSWER: Final = "drill"  # the state that a health answer names while it fails on purpose
PROBED: Final = "The service says that it fails on purpose: a drill."  # what a probe makes of that answer
ISSUE: Final = ("backend", "DrillError")  # project and type of the issue that they make
HELD_S: Final = 15.0  # a fault that the database does not confirm for so long is lifted


class Kind(StrEnum):
    HEALTH = "health"
    LATENCY = "latency"
    ERRORS = "errors"


# By kind: the rules that follow from it, and how long after its end its traces may still make one fire.
NOTICED_BY: Final[dict[Kind, tuple[str, ...]]] = {
    Kind.HEALTH: ("service-down",),
    Kind.LATENCY: ("slow-ws-message-*", "slow-http-request-*"),
    Kind.ERRORS: ("error-rate-*", "new-issue", "regression"),
}
TRACES: Final[dict[Kind, timedelta]] = {
    Kind.HEALTH: timedelta(minutes=1),
    Kind.LATENCY: timedelta(minutes=6),  # a window of five, and one that it has to hold
    Kind.ERRORS: timedelta(minutes=2),
}


class Refused(ValueError):
    """What somebody asked of drills and can't have; the sentence is for them."""


@dataclass(frozen=True, slots=True)
class Span:
    """One drill on the clock."""

    number: int
    kind: Kind
    from_at: datetime
    to_at: datetime


def caused(rule: str, at: datetime, drills: Iterable[Span]) -> Span | None:
    """The drill that made `rule` fire at that moment, if one did."""
    return next((drill for drill in drills if _explains(drill, rule, at)), None)


def _explains(drill: Span, rule: str, at: datetime) -> bool:
    noticed = any(fnmatchcase(rule, pattern) for pattern in NOTICED_BY[drill.kind])
    return noticed and drill.from_at <= at <= drill.to_at + TRACES[drill.kind]


def minutes_needed(kind: Kind) -> int:
    """The shortest drill that the rules can notice: probes confirm, and a P95 looks at five minutes and has to hold."""
    return {Kind.HEALTH: 3, Kind.LATENCY: 8, Kind.ERRORS: 2}[kind]


def check(minutes: int, reason: str) -> None:
    """Raises Refused."""
    if not MINUTES[0] <= minutes <= MINUTES[1]:
        raise Refused(f"A drill lasts between {MINUTES[0]} and {MINUTES[1]} minutes.")
    if not 0 < len(reason.strip()) <= 200:
        raise Refused("Say why, in at most 200 characters.")
