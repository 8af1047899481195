"""Alerts over time, with a clock that is only a list of moments."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.alerts.lifecycle import (
    GAP,
    STEP,
    Mail,
    Mailed,
    Mute,
    Phase,
    Span,
    State,
    Transition,
    catch_up,
    mail_due,
    muted_by,
    new,
    step,
    ticks,
)
from monitoring.alerts.rules import SHIPPED, Judgement, Reading

T0 = datetime(2026, 1, 5, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
RULES = {rule.name: rule for rule in SHIPPED}
SLOW = RULES["slow-ws-message-warning"]  # has to hold 1 min, to be clear 5 min
DOWN = RULES["service-down"]  # fires at once, has to be clear 1 min
BREACH, BETWEEN, CLEAR = Reading(Judgement.BREACH), Reading(Judgement.BETWEEN), Reading(Judgement.CLEAR)
TOO_FEW, NO_DATA, ERROR = Reading(Judgement.TOO_FEW), Reading(Judgement.NO_DATA), Reading(Judgement.ERROR)


def play(readings: Iterable[Reading], state: State, rule: object = SLOW) -> tuple[State, list[Transition]]:
    rows, at = [], state.evaluated_at
    for reading in readings:
        at += STEP
        state, row = step(rule, reading, state, at)  # type: ignore[arg-type]
        rows += [row] if row else []
    return state, rows


def phases(rows: Iterable[Transition]) -> list[Phase]:
    return [row.after for row in rows]


def test_a_breach_fires_only_when_it_has_held() -> None:
    state, rows = play([BREACH] * 4, new(T0))
    assert phases(rows) == [Phase.PENDING]
    state, rows = play([BREACH], state)
    assert phases(rows) == [Phase.FIRING]
    assert state.fired_at == T0 + 5 * STEP


def test_a_breach_that_pauses_begins_anew() -> None:
    _, rows = play([*[BREACH] * 4, CLEAR, *[BREACH] * 4], new(T0))
    assert Phase.FIRING not in phases(rows)


def test_a_rule_without_for_fires_at_once() -> None:
    _, rows = play([BREACH], new(T0), DOWN)
    assert phases(rows) == [Phase.FIRING]


def test_it_resolves_only_when_it_has_been_clear_and_then_rests() -> None:
    state, _ = play([BREACH] * 5, new(T0))
    state, rows = play([CLEAR] * 20, state)
    assert rows == []
    state, rows = play([CLEAR] * 2, state)
    assert phases(rows) == [Phase.RESOLVED, Phase.INACTIVE]
    assert not state.is_open


def test_flapping_around_the_threshold_is_one_alert() -> None:
    state, rows = play([BREACH] * 5 + [BETWEEN, BREACH, CLEAR, BETWEEN] * 200, new(T0))
    assert phases(rows) == [Phase.PENDING, Phase.FIRING]
    assert state.is_open


def test_a_relapse_after_recovery_is_a_second_alert() -> None:
    _, rows = play([BREACH] * 5 + [CLEAR] * 21 + [BREACH] * 5, new(T0))
    assert phases(rows).count(Phase.FIRING) == 2


@pytest.mark.parametrize(("reading", "phase"), [(NO_DATA, Phase.NO_DATA), (ERROR, Phase.ERROR)])
def test_not_knowing_neither_resolves_an_alert_nor_raises_it_twice(reading: Reading, phase: Phase) -> None:
    state, _ = play([BREACH] * 5, new(T0))
    fired_at = state.fired_at
    state, rows = play([reading] * 100, state)
    assert phases(rows) == [phase]
    assert state.is_open
    state, _ = play([BREACH], state)
    assert (state.phase, state.fired_at) == (Phase.FIRING, fired_at)


def test_not_knowing_while_nothing_is_wrong_opens_nothing() -> None:
    state, rows = play([CLEAR, NO_DATA, NO_DATA, CLEAR], new(T0))
    assert phases(rows) == [Phase.NO_DATA, Phase.INACTIVE]
    assert not state.is_open


def test_a_night_too_quiet_to_judge_lets_an_alert_end() -> None:
    state, _ = play([BREACH] * 5, new(T0))
    state, _ = play([TOO_FEW] * 21, state)
    assert not state.is_open


def test_time_that_nobody_watched_counts_neither_as_held_nor_as_clear() -> None:
    pending, _ = play([BREACH], new(T0))
    later, _ = step(SLOW, BREACH, pending, pending.evaluated_at + timedelta(hours=1))
    assert later.phase is Phase.PENDING
    firing, _ = play([BREACH] * 5 + [CLEAR], new(T0))
    later, _ = step(SLOW, CLEAR, firing, firing.evaluated_at + timedelta(hours=1))
    assert later.phase is Phase.FIRING


def test_a_clock_that_steps_back_never_leaves_an_alert_stuck() -> None:
    state, _ = play([BREACH] * 5 + [CLEAR], new(T0))
    back = replace(state, evaluated_at=state.evaluated_at)
    state, _ = step(SLOW, CLEAR, back, T0 - timedelta(hours=3))
    state, rows = play([CLEAR] * 20, state)
    assert phases(rows) == [Phase.RESOLVED]


@given(st.lists(st.sampled_from([BREACH, BETWEEN, CLEAR, TOO_FEW, NO_DATA, ERROR]), max_size=120))
def test_rows_form_one_chain_and_openings_and_resolutions_alternate(readings: list[Reading]) -> None:
    state, last = new(T0), Phase.INACTIVE
    opened = ended = 0
    for reading in readings:
        was_open, at = state.is_open, state.evaluated_at + STEP
        state, row = step(SLOW, reading, state, at)
        if row:
            assert row.before is last
            last = row.after
        opened += not was_open and state.is_open
        ended += was_open and not state.is_open
        assert (was_open and not state.is_open) == bool(row and row.after is Phase.RESOLVED)
        assert opened - ended == state.is_open
        assert state.phase is last


def test_an_evaluator_stopped_for_forty_minutes_catches_up_window_by_window() -> None:
    moments = list(ticks(T0, T0 + timedelta(minutes=40)))
    assert len(moments) == 160
    assert moments[-1] == T0 + timedelta(minutes=40)
    assert list(ticks(T0, T0 - MINUTE)) == []
    assert len(list(ticks(T0, T0 + timedelta(days=30)))) == 24 * 240


def at_each_step(readings: Iterable[Reading]) -> list[tuple[datetime, Reading]]:
    return [(T0 + (i + 1) * STEP, reading) for i, reading in enumerate(readings)]


def test_what_began_and_ended_meanwhile_is_late_and_what_goes_on_is_not() -> None:
    _, rows = catch_up(SLOW, at_each_step([BREACH] * 5 + [CLEAR] * 22 + [BREACH] * 5), new(T0))
    fired = [row for row in rows if row.after is Phase.FIRING]
    assert [row.late for row in fired] == [True, False]


def test_an_alert_open_before_the_stop_recovers_in_time() -> None:
    state, _ = play([BREACH] * 5, new(T0 - 5 * STEP))
    state, rows = catch_up(SLOW, at_each_step([CLEAR] * 21), state)
    assert [(row.after, row.late) for row in rows] == [(Phase.RESOLVED, False)]


def test_a_critical_alert_and_an_outage_silence_what_follows_from_them_while_they_are_open() -> None:
    states = {"slow-ws-message-critical": new(T0), "service-down": new(T0)}
    assert muted_by(SLOW, states, (), T0) is None
    for name in states:
        opened = {**states, name: replace(states[name], phase=Phase.NO_DATA, fired_at=T0)}
        assert muted_by(SLOW, opened, (), T0) == f"follows from {name}"


def test_what_followed_from_an_outage_is_told_after_it_only_when_its_window_holds_nothing_of_it_and_it_goes_on() -> (
    None
):
    over_at, why = T0, "follows from service-down"
    states = {"service-down": new(over_at), SLOW.name: replace(new(T0), fired_at=T0)}
    soon, later = over_at + SLOW.window - STEP, over_at + SLOW.window
    assert muted_by(SLOW, states, (), soon, why) == why
    assert muted_by(SLOW, states, (), later, why) is None
    assert muted_by(SLOW, states, (), soon) is None, "what began afterwards is told at once"
    clear = {**states, SLOW.name: replace(states[SLOW.name], clear_at=soon)}
    assert muted_by(SLOW, clear, (), later, why) == why


@pytest.mark.parametrize("name", ["new-issue", "regression"])
def test_an_outage_never_swallows_the_error_that_may_have_caused_it(name: str) -> None:
    assert muted_by(RULES[name], {"service-down": replace(new(T0), fired_at=T0)}, (), T0) is None


def test_a_silence_covers_what_it_names_from_then_till_then() -> None:
    silence = Mute(T0, T0 + MINUTE, "slow-*")
    for at, span, muted in (
        (T0 - STEP, Span.UPCOMING, False),
        (T0, Span.ACTIVE, True),
        (T0 + MINUTE, Span.OVER, False),
    ):
        assert silence.span(at) is span
        assert (muted_by(SLOW, {}, [silence], at) is not None) is muted
        assert muted_by(DOWN, {}, [silence], at) is None


def due(mailed: Mailed, at: datetime, critical: bool = True, rule_mailed_at: datetime | None = None) -> Mail | None:
    return mail_due(mailed, critical=critical, rule_mailed_at=rule_mailed_at, now=at)


def test_a_first_mail_waits_to_be_joined_and_for_the_rules_last_mail() -> None:
    fresh = Mailed(T0)
    assert due(fresh, T0 + timedelta(seconds=29)) is None
    assert due(fresh, T0 + timedelta(seconds=30)) is Mail.FIRED
    assert due(fresh, T0 + MINUTE, rule_mailed_at=T0 - 3 * MINUTE) is None
    assert due(fresh, T0 + 2 * MINUTE, rule_mailed_at=T0 - 3 * MINUTE) is Mail.FIRED


def test_a_critical_alert_that_nobody_answers_is_escalated_once() -> None:
    heard = Mailed(T0, heard_at=T0)
    assert due(heard, T0 + 4 * MINUTE) is None
    assert due(heard, T0 + 5 * MINUTE) is Mail.ESCALATION
    assert due(heard, T0 + 5 * MINUTE, critical=False) is None
    assert due(replace(heard, acknowledged_at=T0 + MINUTE), T0 + 5 * MINUTE) is None
    assert due(replace(heard, escalated_at=T0 + 5 * MINUTE), T0 + 6 * MINUTE) is None


def test_a_reminder_comes_every_four_hours() -> None:
    answered = Mailed(T0, heard_at=T0, acknowledged_at=T0)
    assert due(answered, T0 + timedelta(hours=3, minutes=59)) is None
    assert due(answered, T0 + timedelta(hours=4)) is Mail.REMINDER
    reminded = replace(answered, reminded_at=T0 + timedelta(hours=4))
    assert due(reminded, T0 + timedelta(hours=7)) is None
    assert due(reminded, T0 + timedelta(hours=8)) is Mail.REMINDER


def test_no_rule_can_end_before_its_first_mail_is_due() -> None:
    for rule in SHIPPED:
        assert rule.keep >= timedelta(seconds=30)
    assert GAP > STEP
