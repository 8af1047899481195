"""How an alert lives: pending, firing, resolved; what mutes it; when it is mailed again.

Everything here is a function of its arguments: the clock, the database and the mail are elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Final

from monitoring.alerts.rules import DOWN, GROUPED, Judgement, Reading, Rule

STEP: Final = timedelta(seconds=15)  # from one evaluation to the next
GAP: Final = 4 * STEP  # unobserved for longer, nothing is known to have held
MAIL_EVERY: Final = timedelta(minutes=5)
REMIND_EVERY: Final = timedelta(hours=4)
ESCALATE_AFTER: Final = timedelta(minutes=5)


FOLLOWS: Final = "follows from"


class Phase(StrEnum):
    INACTIVE = "inactive"
    PENDING = "pending"
    FIRING = "firing"
    RESOLVED = "resolved"
    NO_DATA = "no_data"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class State:
    """Where a rule stands. `fired_at` is set while its alert is open, also when nothing more is known of it."""

    phase: Phase
    since_at: datetime
    evaluated_at: datetime
    breach_at: datetime | None = None  # since when it has held, before it fires
    clear_at: datetime | None = None  # since when it has been clear, while it fires
    fired_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        return self.fired_at is not None


@dataclass(frozen=True, slots=True)
class Transition:
    """One row of an alert's history; `late` when it was over before anybody could have been told."""

    rule: str
    before: Phase
    after: Phase
    at: datetime
    reading: Reading
    late: bool = False


def new(now: datetime) -> State:
    return State(Phase.INACTIVE, now, now)


def _timers(state: State, now: datetime) -> State:
    """Durations restart after a gap or when the clock went back: only what was watched has held."""
    if timedelta(0) <= now - state.evaluated_at <= GAP:
        return state
    return replace(
        state,
        since_at=min(state.since_at, now),
        breach_at=now if state.breach_at else None,
        clear_at=now if state.clear_at else None,
        fired_at=min(state.fired_at, now) if state.fired_at else None,
    )


def _while_open(rule: Rule, judgement: Judgement, state: State, now: datetime) -> State:
    # Too few samples to judge: nobody is left to feel the breach, so the time counts as clear.
    if judgement not in (Judgement.CLEAR, Judgement.TOO_FEW):
        return replace(state, phase=Phase.FIRING, clear_at=None)
    clear_at = state.clear_at or now
    if now - clear_at >= rule.keep:
        return replace(state, phase=Phase.RESOLVED, fired_at=None, clear_at=None, breach_at=None)
    return replace(state, phase=Phase.FIRING, clear_at=clear_at)


def _while_shut(rule: Rule, judgement: Judgement, state: State, now: datetime) -> State:
    if judgement is not Judgement.BREACH:
        return replace(state, phase=Phase.INACTIVE, breach_at=None)
    breach_at = state.breach_at or now
    if now - breach_at >= rule.hold:
        return replace(state, phase=Phase.FIRING, breach_at=None, fired_at=now)
    return replace(state, phase=Phase.PENDING, breach_at=breach_at)


def step(rule: Rule, reading: Reading, state: State, now: datetime) -> tuple[State, Transition | None]:
    """The next state, and the row to write when the phase changed."""
    timed = _timers(state, now)
    unknown = {Judgement.NO_DATA: Phase.NO_DATA, Judgement.ERROR: Phase.ERROR}.get(reading.judgement)
    if unknown:  # an open alert stays open: not knowing is not recovery
        after = replace(timed, phase=unknown, breach_at=None, clear_at=None)
    elif timed.is_open:
        after = _while_open(rule, reading.judgement, timed, now)
    else:
        after = _while_shut(rule, reading.judgement, timed, now)
    after = replace(after, evaluated_at=now)
    if after.phase is state.phase:
        return after, None
    return replace(after, since_at=now), Transition(rule.name, state.phase, after.phase, now, reading)


def ticks(last_at: datetime, now: datetime, most: timedelta = timedelta(hours=24)) -> Iterator[datetime]:
    """The ends of the windows still to be evaluated, oldest first; none when the clock went back."""
    at = max(last_at, now - most)
    while (at := at + STEP) <= now:
        yield at


def catch_up(
    rule: Rule, readings: Iterable[tuple[datetime, Reading]], state: State
) -> tuple[State, tuple[Transition, ...]]:
    """Play every missed window. What began and ended meanwhile is marked late, and is history, not mail."""
    rows: list[Transition] = []
    first_of_episode: int | None = None
    for at, reading in readings:
        was_open = state.is_open
        state, row = step(rule, reading, state, at)
        if row:
            rows.append(row)
        if not was_open and state.is_open:
            first_of_episode = len(rows) - 1
        elif was_open and not state.is_open and first_of_episode is not None:
            rows[first_of_episode:] = [replace(r, late=True) for r in rows[first_of_episode:]]
            first_of_episode = None
    return state, tuple(rows)


class Span(StrEnum):
    UPCOMING = "upcoming"
    ACTIVE = "active"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class Mute:
    """A silence or a maintenance window: rules whose name fits the pattern are not mailed from then till then."""

    from_at: datetime
    to_at: datetime
    matcher: str  # a rule's name, `*` for any part of it

    def span(self, now: datetime) -> Span:
        if now < self.from_at:
            return Span.UPCOMING
        return Span.ACTIVE if now < self.to_at else Span.OVER

    def fits(self, rule: Rule) -> bool:
        return fnmatchcase(rule.name, self.matcher)

    def covers(self, rule: Rule, now: datetime) -> bool:
        return self.span(now) is Span.ACTIVE and self.fits(rule)


def muted_by(
    rule: Rule, states: Mapping[str, State], mutes: Iterable[Mute], now: datetime, before: str = ""
) -> str | None:
    """Why an open alert is not mailed now, in words; None when it is to be heard. `before` is why it was not so far."""
    for name in rule.inhibited_by:
        why = f"{FOLLOWS} {name}"
        if name in states and (states[name].is_open or (why == before and _lingers(rule, name, states, now))):
            return why
    return next((f"muted until {m.to_at:%Y-%m-%d %H:%M} UTC" for m in mutes if m.covers(rule, now)), None)


def _lingers(rule: Rule, name: str, states: Mapping[str, State], now: datetime) -> bool:
    """Whether an alert that followed from `name`, which is over, may speak of that time alone: it is clear and only
    waits for its own end, or its window still reaches into the time when nobody could get through."""
    if rule.name in states and states[rule.name].clear_at:
        return True
    return name == DOWN and now - states[name].since_at < rule.window


@dataclass(frozen=True, slots=True)
class Mailed:
    """What has been mailed about one open alert, and whether anybody answered."""

    fired_at: datetime
    heard_at: datetime | None = None  # the first mail of this alert
    reminded_at: datetime | None = None
    escalated_at: datetime | None = None
    acknowledged_at: datetime | None = None
    told_at: datetime | None = None  # the last mail of any kind
    has_news: bool = False  # more of its kind came since


class Mail(StrEnum):
    FIRED = "fired"
    MORE = "more"
    REMINDER = "reminder"
    ESCALATION = "escalation"


def first_mail_at(fired_at: datetime, rule_mailed_at: datetime | None) -> datetime:
    """When an alert's first mail goes. `rule_mailed_at`: the last mail of any alert of its rule."""
    joined_at = fired_at + GROUPED
    return max(joined_at, rule_mailed_at + MAIL_EVERY) if rule_mailed_at else joined_at


def last_mail_at(now: datetime, told_at: datetime) -> datetime:
    """When the mail goes that says that an alert is over."""
    return max(now + GROUPED, told_at + MAIL_EVERY)


def mail_due(mailed: Mailed, *, critical: bool, rule_mailed_at: datetime | None, now: datetime) -> Mail | None:
    """The one mail that an open, unmuted alert is due."""
    if mailed.heard_at is None:
        return Mail.FIRED if now >= first_mail_at(mailed.fired_at, rule_mailed_at) else None
    unanswered = mailed.acknowledged_at is None
    if critical and unanswered and mailed.escalated_at is None and now - mailed.heard_at >= ESCALATE_AFTER:
        return Mail.ESCALATION
    if mailed.has_news and now - (mailed.told_at or mailed.heard_at) >= MAIL_EVERY:
        return Mail.MORE
    last_at = max(filter(None, (mailed.heard_at, mailed.reminded_at)))
    return Mail.REMINDER if now - last_at >= REMIND_EVERY else None
