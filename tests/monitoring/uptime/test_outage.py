"""Down after three in a row, up after two, unknown when nobody could see; and the arithmetic of uptime."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.uptime.outage import (
    Answer,
    Change,
    Kind,
    Policy,
    Sample,
    Span,
    State,
    is_confirming,
    judge,
    length,
    next_probe_at,
    observe,
    subtract,
    unknown,
    uptime,
)

T0 = datetime(2026, 1, 5, 12, tzinfo=UTC)
MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)
POLICY = Policy()
GOOD, SLOW, FAILED, BLIND = Answer.GOOD, Answer.SLOW, Answer.FAILED, Answer.UNKNOWN


def play(
    answers: list[Answer], state: State | None = None, every: timedelta = 20 * SECOND
) -> tuple[State, list[Change]]:
    state, every = state or State(), 20 * SECOND
    at, changes = state.probed_at or T0 - every, []
    for answer in answers:
        at += every
        state, new = observe(state, Sample(at, answer), POLICY)
        changes += new
    return state, changes


def at(n: int) -> datetime:
    return T0 + n * 20 * SECOND


def test_it_is_down_after_three_failures_in_a_row_and_since_the_first() -> None:
    state, changes = play([GOOD, FAILED, FAILED])
    assert changes == [] and state.down_at is None
    state, changes = play([FAILED], state)
    assert changes == [Change(Kind.DOWN, True, at(1))]


def test_two_failures_and_an_answer_are_no_outage() -> None:
    assert play([FAILED, FAILED, GOOD] * 20)[1] == []


def test_it_is_up_after_two_answers_in_a_row_and_since_the_first() -> None:
    state, _ = play([FAILED] * 3)
    state, changes = play([GOOD, FAILED, GOOD], state)
    assert changes == []
    _, changes = play([GOOD], state)
    assert changes == [Change(Kind.DOWN, False, at(5))]


def test_slow_three_times_is_an_outage_of_its_own_and_down_takes_its_place() -> None:
    state, changes = play([SLOW] * 3)
    assert changes == [Change(Kind.SLOW, True, at(0))]
    _, closed = play([GOOD, GOOD], state)
    assert closed == [Change(Kind.SLOW, False, at(3))]
    _, replaced = play([FAILED] * 3, state)
    assert replaced == [Change(Kind.SLOW, False, at(3)), Change(Kind.DOWN, True, at(3))]


def test_a_slow_answer_is_an_answer() -> None:
    state, _ = play([FAILED] * 3)
    _, changes = play([SLOW, SLOW], state)
    assert changes == [Change(Kind.DOWN, False, at(3))]


def test_a_blind_prober_neither_proves_nor_disproves() -> None:
    state, changes = play([FAILED, BLIND, FAILED, BLIND])
    assert changes == []
    _, changes = play([FAILED], state)
    assert [c.kind for c in changes] == [Kind.DOWN]
    assert play([BLIND] * 50)[1] == []


def test_no_streak_reaches_across_time_that_nobody_watched() -> None:
    state, _ = play([FAILED, FAILED])
    state, changes = observe(state, Sample(at(1) + POLICY.gap + SECOND, FAILED), POLICY)
    assert changes == () and state.down_at is None


def test_an_older_or_doubled_report_changes_nothing() -> None:
    state, _ = play([FAILED, FAILED])
    for when in (at(1), at(0)):
        assert observe(state, Sample(when, FAILED), POLICY) == (state, ())


def test_after_a_first_failure_it_is_probed_every_twenty_seconds_until_that_is_settled() -> None:
    good, _ = play([GOOD])
    assert next_probe_at(good, POLICY) == T0 + 5 * MINUTE
    failed, _ = play([FAILED])
    assert is_confirming(failed)
    assert next_probe_at(failed, POLICY) == T0 + 20 * SECOND
    down, _ = play([FAILED] * 3)
    assert next_probe_at(down, POLICY) == at(2) + 20 * SECOND
    assert next_probe_at(State(), POLICY) is None


@pytest.mark.parametrize(("took", "answer"), [(None, FAILED), (SECOND, GOOD), (SECOND * 1.001, SLOW)])
def test_exactly_a_second_is_not_slow(took: timedelta | None, answer: Answer) -> None:
    assert judge(took, POLICY) is answer


@pytest.mark.parametrize("change", [{"interval": 19 * SECOND}, {"interval": 61 * MINUTE}, {"down_after": 0}])
def test_an_absurd_policy_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"every 20 seconds|at least one"):
        Policy(**change)  # type: ignore[arg-type]


@given(st.lists(st.sampled_from(list(Answer)), max_size=80))
def test_openings_and_closings_of_a_kind_alternate_and_never_run_backwards(answers: list[Answer]) -> None:
    state, changes = play(answers)
    for kind, open_at in ((Kind.DOWN, state.down_at), (Kind.SLOW, state.slow_at)):
        mine = [c for c in changes if c.kind is kind]
        assert [c.opened for c in mine] == [i % 2 == 0 for i in range(len(mine))]
        assert [c.at for c in mine] == sorted(c.at for c in mine)
        assert bool(open_at) == (len(mine) % 2 == 1)
    assert not (state.down_at and state.slow_at)


def span(a: float, b: float) -> Span:
    return Span(T0 + a * MINUTE, T0 + b * MINUTE)


def test_uptime_is_confirmed_outages_over_observed_time() -> None:
    found = uptime(span(0, 100), [span(-5, 5), span(50, 55)], not_counted=[span(52, 62)])
    assert found.observed == 90 * MINUTE
    assert found.down == 7 * MINUTE
    assert found.share == pytest.approx(83 / 90)


def test_where_nothing_was_observed_there_is_no_uptime() -> None:
    assert uptime(span(0, 10), [], [span(-1, 11)]).share is None


def test_time_without_a_probe_that_could_see_is_unknown() -> None:
    probes = [Sample(T0, GOOD), Sample(T0 + 5 * MINUTE, GOOD), Sample(T0 + 10 * MINUTE, BLIND)]
    known_until = T0 + 5 * MINUTE + POLICY.gap
    assert unknown(probes, span(0, 60), POLICY) == [Span(known_until, T0 + 60 * MINUTE)]
    assert unknown([], span(0, 60), POLICY) == [span(0, 60)]


minutes = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=8)


@given(minutes, minutes)
def test_subtraction_agrees_with_counting_minute_by_minute(a: list[tuple[int, int]], b: list[tuple[int, int]]) -> None:
    left = subtract([span(*s) for s in a], [span(*s) for s in b])
    expected = {m for lo, hi in a for m in range(lo, hi)} - {m for lo, hi in b for m in range(lo, hi)}
    assert length(left) == len(expected) * MINUTE
