"""When is it down, since when, and for how much of the time: answers of probes in, outages and uptime out.

Everything is a function of its arguments. A probe that could not judge (the prober itself was blind) and time in which
nobody probed are unknown: neither up nor down.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple

CONFIRM_EVERY: Final = timedelta(seconds=20)  # after a first failure, so that three are known in about a minute
INTERVAL_BOUNDS: Final = (timedelta(seconds=20), timedelta(hours=1))


class Answer(StrEnum):
    GOOD = "good"
    SLOW = "slow"  # right, but later than the policy allows
    FAILED = "failed"
    UNKNOWN = "unknown"  # the prober was blind


class Kind(StrEnum):
    """What an outage is about."""

    DOWN = "down"
    SLOW = "slow"


@dataclass(frozen=True, slots=True)
class Policy:
    """How often one monitor is probed, and how many answers in a row mean something."""

    interval: timedelta = timedelta(minutes=5)
    slow_after: timedelta = timedelta(seconds=1)
    down_after: int = 3
    up_after: int = 2
    slow_times: int = 3

    def __post_init__(self) -> None:
        if not INTERVAL_BOUNDS[0] <= self.interval <= INTERVAL_BOUNDS[1]:
            raise ValueError("A monitor is probed every 20 seconds at most and once an hour at least.")
        if min(self.down_after, self.up_after, self.slow_times) < 1 or self.slow_after <= timedelta(0):
            raise ValueError("Counts have to be at least one, and the time for slow over zero.")

    @property
    def gap(self) -> timedelta:
        """Unprobed for longer than this, nothing is known of the time between."""
        return 2 * self.interval + CONFIRM_EVERY


class Sample(NamedTuple):
    """One probe: when it began, and what came of it."""

    at: datetime
    answer: Answer


@dataclass(frozen=True, slots=True)
class Streak:
    """Answers of one sort in a row: how many, and when the first one was."""

    count: int = 0
    since_at: datetime | None = None

    def longer(self, at: datetime) -> Streak:
        return Streak(self.count + 1, self.since_at or at)


@dataclass(frozen=True, slots=True)
class State:
    """What is known of one monitor. `down_at`, `slow_at`: since when an outage of that kind is open."""

    probed_at: datetime | None = None
    failed: Streak = Streak()
    good: Streak = Streak()
    slow: Streak = Streak()
    swift: Streak = Streak()
    down_at: datetime | None = None
    slow_at: datetime | None = None


class Change(NamedTuple):
    """An outage opened or closed at the first probe of the streak that proved it."""

    kind: Kind
    opened: bool
    at: datetime


def judge(took: timedelta | None, policy: Policy) -> Answer:
    """The answer of a probe that took so long; None: it failed."""
    if took is None:
        return Answer.FAILED
    return Answer.SLOW if took > policy.slow_after else Answer.GOOD


def observe(state: State, sample: Sample, policy: Policy) -> tuple[State, tuple[Change, ...]]:
    """Take in one probe. A blind one changes nothing; one older than the last is ignored."""
    if state.probed_at and sample.at <= state.probed_at:
        return state, ()
    if sample.answer is Answer.UNKNOWN:
        return state, ()
    if state.probed_at and sample.at - state.probed_at > policy.gap:
        none = Streak()  # what happened between is unknown, so no streak reaches across
        state = replace(state, failed=none, good=none, slow=none, swift=none)
    state = _counted(replace(state, probed_at=sample.at), sample)
    return _decided(state, policy)


def _counted(state: State, sample: Sample) -> State:
    none, at = Streak(), sample.at
    if sample.answer is Answer.FAILED:
        return replace(state, failed=state.failed.longer(at), good=none, slow=none, swift=none)
    state = replace(state, failed=none, good=state.good.longer(at))
    if sample.answer is Answer.SLOW:
        return replace(state, slow=state.slow.longer(at), swift=none)
    return replace(state, slow=none, swift=state.swift.longer(at))


def _decided(state: State, policy: Policy) -> tuple[State, tuple[Change, ...]]:
    changes: list[Change] = []
    if state.down_at is None and state.failed.count >= policy.down_after and state.failed.since_at:
        if state.slow_at:  # down is more than slow, and takes its place
            changes.append(Change(Kind.SLOW, False, state.failed.since_at))
        changes.append(Change(Kind.DOWN, True, state.failed.since_at))
        state = replace(state, slow_at=None, down_at=state.failed.since_at)
    elif state.down_at and state.good.count >= policy.up_after and state.good.since_at:
        changes.append(Change(Kind.DOWN, False, state.good.since_at))
        state = replace(state, down_at=None)
    if state.slow_at is None and not state.down_at and state.slow.count >= policy.slow_times and state.slow.since_at:
        changes.append(Change(Kind.SLOW, True, state.slow.since_at))
        state = replace(state, slow_at=state.slow.since_at)
    elif state.slow_at and state.swift.count >= policy.up_after and state.swift.since_at:
        changes.append(Change(Kind.SLOW, False, state.swift.since_at))
        state = replace(state, slow_at=None)
    return state, tuple(changes)


def is_confirming(state: State) -> bool:
    """Whether the last answer disagrees with what is believed, so that the next probe comes soon."""
    return (state.failed.count > 0) != (state.down_at is not None)


def next_probe_at(state: State, policy: Policy) -> datetime | None:
    """When the next probe is due; None: at once. While it is down it is probed often too, to see it come back."""
    if state.probed_at is None:
        return None
    soon = is_confirming(state) or state.down_at is not None
    return state.probed_at + (min(CONFIRM_EVERY, policy.interval) if soon else policy.interval)


class Span(NamedTuple):
    """A stretch of time, end not included."""

    from_at: datetime
    to_at: datetime


class Uptime(NamedTuple):
    """How long it was watched, and how much of that it was down."""

    observed: timedelta
    down: timedelta

    @property
    def share(self) -> float | None:
        """Part of the observed time in which it was up, 0 to 1; None when nothing was observed."""
        return 1 - self.down / self.observed if self.observed else None


def uptime(window: Span, outages: Iterable[Span], not_counted: Iterable[Span]) -> Uptime:
    """Confirmed outages over observed time, without maintenance and unknown time (`not_counted`)."""
    left_out = list(not_counted)
    counted = subtract([window], left_out)
    down = subtract(_within(outages, window), left_out)
    return Uptime(length(counted), length(down))


def unknown(probed: Iterable[Sample], window: Span, policy: Policy) -> list[Span]:
    """The stretches of a window of which nobody knows anything: no probe, or a blind one.

    A probe that could judge speaks for the time up to the next one, at most `policy.gap`.
    """
    known = [
        Span(sample.at, sample.at + policy.gap)
        for sample in probed
        if sample.answer is not Answer.UNKNOWN and sample.at < window.to_at
    ]
    return subtract([window], known)


def merged(spans: Iterable[Span]) -> list[Span]:
    """The same time without overlaps, in order; empty and inverted spans vanish."""
    found: list[Span] = []
    for span in sorted(s for s in spans if s.from_at < s.to_at):
        if found and span.from_at <= found[-1].to_at:
            found[-1] = Span(found[-1].from_at, max(found[-1].to_at, span.to_at))
        else:
            found.append(span)
    return found


def subtract(spans: Iterable[Span], away: Iterable[Span]) -> list[Span]:
    """What is left of `spans` without `away`."""
    left = merged(spans)
    for gone in merged(away):
        before = [Span(span.from_at, min(span.to_at, gone.from_at)) for span in left]
        after = [Span(max(span.from_at, gone.to_at), span.to_at) for span in left]
        left = merged(before + after)
    return left


def length(spans: Iterable[Span]) -> timedelta:
    return sum((span.to_at - span.from_at for span in merged(spans)), timedelta(0))


def _within(spans: Iterable[Span], window: Span) -> list[Span]:
    return [Span(max(s.from_at, window.from_at), min(s.to_at, window.to_at)) for s in spans]
