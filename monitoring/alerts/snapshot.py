"""The numbers that rules judge: plain values of one window, gathered elsewhere.

A key that is missing means that nobody knows, which is never the same as zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Timing:
    """How many samples a window holds, and how many of them took longer than each edge in milliseconds."""

    count: int
    over: Mapping[int, int]

    def __post_init__(self) -> None:
        if self.count < 0 or any(not 0 <= n <= self.count for n in self.over.values()):
            raise ValueError("a timing can't have more samples over an edge than samples")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What was known about the window from `start_at` to `end_at`."""

    start_at: datetime
    end_at: datetime
    timings: Mapping[str, Timing] = field(default_factory=dict)  # by metric
    counts: Mapping[str, float] = field(default_factory=dict)  # things that happened in the window, by name
    levels: Mapping[str, float] = field(default_factory=dict)  # the last value known, by name
    ages: Mapping[str, timedelta] = field(default_factory=dict)  # how long ago something last happened
    broken: Mapping[str, str] = field(default_factory=dict)  # why a number could not be read, by name

    def __post_init__(self) -> None:
        if self.end_at <= self.start_at:
            raise ValueError("a window ends after it starts")

    @property
    def minutes(self) -> float:
        return (self.end_at - self.start_at) / timedelta(minutes=1)
