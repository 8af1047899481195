"""What the rules would have done with the past: stored history, replayed through the same reading and lifecycle.

The last day is judged as it was, every 15 seconds on 10-second slots; the week by the minute, and what is older by the
hour, since that is all that is kept. A shorter window is then judged on the whole slot: an hour that breaches as a
whole fires, a breach that drowns in it does not. Nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from monitoring.alerts import book, gather
from monitoring.alerts.lifecycle import GAP, STEP, State, new, step
from monitoring.alerts.rules import Judgement, Kind, Reading, Rule, edited, read
from monitoring.metrics.tiers import KEPT

DAYS: Final = 30
SAFE: Final = timedelta(minutes=10)  # the oldest slots of a tier may be deleted while we read


@dataclass(frozen=True, slots=True)
class Fire:
    """One time that a rule would have fired; `muted` names the rule that it would have followed from."""

    rule: str
    fired_at: datetime
    resolved_at: datetime | None
    worst: float | None
    muted: str = ""

    def overlaps(self, other: Fire, slack: timedelta = timedelta(minutes=5)) -> bool:
        far = datetime.max.replace(tzinfo=UTC) - slack
        mine, theirs = self.resolved_at or far, other.resolved_at or far
        return self.fired_at <= theirs + slack and other.fired_at <= mine + slack


@dataclass(frozen=True, slots=True)
class Outcome:
    """All that would have fired, by rule, and for how many days that is."""

    days: float
    fires: dict[str, list[Fire]]

    def a_day(self, rule: str) -> float:
        return len(self.fires.get(rule, ())) / self.days

    def paged(self, rule: str) -> list[Fire]:
        """Those that somebody would have been mailed about."""
        return [fire for fire in self.fires.get(rule, ()) if not fire.muted]


@dataclass(frozen=True, slots=True)
class Comparison:
    """A candidate beside the rule as it is: `more` fires only with the candidate, `missed` only without."""

    rule: Rule
    candidate: Rule
    today: Outcome
    then: Outcome
    more: list[Fire]
    missed: list[Fire]


@dataclass(slots=True)
class _Play:
    """One rule on its way through time. While all is quiet it has no state."""

    rule: Rule
    state: State | None = None
    fired_at: datetime | None = None
    worst: float | None = None
    fires: list[Fire] = field(default_factory=list)

    def take(self, reading: Reading, at: datetime) -> None:
        if self.state is None:
            if reading.judgement is not Judgement.BREACH:
                return
            self.state = new(at)
        self.state, _ = step(self.rule, reading, self.state, at)
        if self.state.is_open:
            self.fired_at = self.fired_at or self.state.fired_at
            self._worse(reading.value)
        elif self.fired_at:
            self._end(at)
        if not self.state.is_open and self.state.breach_at is None:
            self.state = None

    def _worse(self, value: float | None) -> None:
        worse = min if self.rule.condition.kind is Kind.LEFT else max
        if value is not None:
            self.worst = value if self.worst is None else worse(self.worst, value)

    def _end(self, at: datetime | None) -> None:
        assert self.fired_at
        self.fires.append(Fire(self.rule.name, self.fired_at, at, self.worst))
        self.fired_at = self.worst = None

    def finish(self) -> list[Fire]:
        if self.fired_at:
            self._end(None)
        return self.fires


def run(rules: Sequence[Rule], *, days: float = DAYS, now: datetime) -> Outcome:
    """What these rules would have done in the last days."""
    start = now - timedelta(days=days)
    plays = [_Play(rule) for rule in rules]
    for tier_s, low, high in _stretches(start, now):
        every = max(STEP, timedelta(seconds=tier_s))
        wide = [replace(p.rule, window=max(p.rule.window, timedelta(seconds=tier_s))) for p in plays]
        facts = gather.facts(wide, low, high, tier_s=tier_s)
        at = low + every
        while at <= high:
            for play, rule in zip(plays, wide, strict=True):
                reading = read(rule.condition, facts.snapshot(rule.window, at))
                if play.state is None and reading.judgement is not Judgement.BREACH:
                    continue
                for moment in _moments(play, at, every):
                    play.take(reading, moment)
            facts.forget()
            at += every
    return Outcome(days, _muted(rules, {play.rule.name: play.finish() for play in plays}))


def _moments(play: _Play, at: datetime, every: timedelta) -> Iterator[datetime]:
    """A slot longer than the evaluator ever pauses is played in steps, unless nothing goes on."""
    if every > GAP and (play.state is not None or play.rule.hold):
        moment = at - every + GAP
        while moment < at:
            yield moment
            moment += GAP
    yield at


def _stretches(start: datetime, now: datetime) -> list[tuple[int, datetime, datetime]]:
    """(tier, from, to): the finest that is kept for each stretch, oldest first, aligned to its slots."""
    found, end = [], now
    for tier_s, kept in KEPT.items():
        low = max(start, now - kept + SAFE)
        low = datetime.fromtimestamp(-(-low.timestamp() // 3600) * 3600, UTC)
        if low < end:
            found.append((tier_s, low, end))
            end = low
    return found[::-1]


def _muted(rules: Iterable[Rule], fires: dict[str, list[Fire]]) -> dict[str, list[Fire]]:
    """Say of each fire what it would have followed from."""
    for rule in rules:
        above = [fire for name in rule.inhibited_by for fire in fires.get(name, ())]
        fires[rule.name] = [replace(fire, muted=_cause(fire, above)) for fire in fires[rule.name]]
    return fires


def _cause(fire: Fire, above: Iterable[Fire]) -> str:
    at = fire.fired_at
    return next((a.rule for a in above if a.fired_at <= at and (a.resolved_at is None or at < a.resolved_at)), "")


def compare(name: str, *, days: float = DAYS, now: datetime, **said: float | int | timedelta | None) -> Comparison:
    """A rule with other thresholds beside itself as it is set. Raises KeyError for its name, ValueError for a value."""
    rule = book.one(name)
    given = {key: value for key, value in said.items() if value is not None}
    candidate = edited(rule, **given)  # type: ignore[arg-type]
    above = [book.one(other) for other in rule.inhibited_by]
    today, then = run([rule, *above], days=days, now=now), run([candidate, *above], days=days, now=now)
    return Comparison(
        rule,
        candidate,
        today,
        then,
        more=_without(then.fires[name], today.fires[name]),
        missed=_without(today.fires[name], then.fires[name]),
    )


def _without(fires: Iterable[Fire], others: Sequence[Fire]) -> list[Fire]:
    return [fire for fire in fires if not any(fire.overlaps(other) for other in others)]
