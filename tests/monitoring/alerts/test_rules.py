"""The shipped thresholds, and how a window is read."""

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.alerts import page
from monitoring.alerts.rules import SHIPPED, Judgement, Kind, Rule, edited, problems, read
from monitoring.alerts.snapshot import Snapshot, Timing

T0 = datetime(2026, 1, 5, 12, tzinfo=UTC)
RULES = {rule.name: rule for rule in SHIPPED}


def window(rule: Rule, **numbers: object) -> Snapshot:
    return Snapshot(T0 - rule.window, T0, **numbers)  # type: ignore[arg-type]


@pytest.mark.parametrize("rule", SHIPPED, ids=lambda r: r.name)
def test_every_shipped_rule_could_be_saved_as_it_is(rule: Rule) -> None:
    assert problems(rule) == []


def test_names_are_unique_and_whatever_inhibits_a_rule_exists_and_never_the_rule_itself() -> None:
    assert len(RULES) == len(SHIPPED)
    for rule in SHIPPED:
        assert set(rule.inhibited_by) <= set(RULES) - {rule.name}


@pytest.mark.parametrize("rule", SHIPPED, ids=lambda r: r.name)
def test_a_rule_without_its_number_is_no_data_and_never_clear(rule: Rule) -> None:
    assert read(rule.condition, window(rule)).judgement is Judgement.NO_DATA


@pytest.mark.parametrize("rule", SHIPPED, ids=lambda r: r.name)
def test_a_number_that_could_not_be_read_is_an_error_with_its_reason(rule: Rule) -> None:
    reading = read(rule.condition, window(rule, broken={rule.condition.source: "the database is locked"}))
    assert (reading.judgement, reading.reason) == (Judgement.ERROR, "the database is locked")


@pytest.mark.parametrize(("over", "judgement"), [(5, Judgement.BETWEEN), (6, Judgement.BREACH), (3, Judgement.CLEAR)])
def test_p95_over_a_second_is_more_than_five_of_a_hundred(over: int, judgement: Judgement) -> None:
    rule = RULES["slow-ws-message-warning"]
    timing = Timing(100, {1000: over, 2000: 0})
    assert read(rule.condition, window(rule, timings={"ws.message": timing})).judgement is judgement


def test_one_slow_message_in_a_quiet_night_is_not_judged() -> None:
    rule = RULES["slow-ws-message-critical"]
    reading = read(rule.condition, window(rule, timings={"ws.message": Timing(3, {1000: 1, 2000: 1})}))
    assert reading.judgement is Judgement.TOO_FEW
    assert reading.samples == 3


def test_an_edge_that_nothing_counts_is_an_error() -> None:
    rule = RULES["slow-ws-message-warning"]
    assert read(rule.condition, window(rule, timings={"ws.message": Timing(90, {})})).judgement is Judgement.ERROR


@pytest.mark.parametrize(("errors", "warned", "critical"), [(5, False, False), (6, True, False), (11, True, True)])
def test_errors_are_counted_by_the_minute(errors: int, warned: bool, critical: bool) -> None:
    for name, expected in (("error-rate-warning", warned), ("error-rate-critical", critical)):
        reading = read(RULES[name].condition, window(RULES[name], counts={"errors": errors}))
        assert (reading.judgement is Judgement.BREACH) is expected


def test_a_rate_is_by_the_minute_whatever_the_window() -> None:
    rule = RULES["accept-rejections"]
    assert read(rule.condition, window(rule, counts={"ws.refused": 100})).value == 20


def test_an_age_is_judged_in_seconds() -> None:
    rule = RULES["watch-late"]
    for seconds, judgement in ((120, Judgement.BETWEEN), (121, Judgement.BREACH), (60, Judgement.CLEAR)):
        ages = {"watch.beat": timedelta(seconds=seconds)}
        assert read(rule.condition, window(rule, ages=ages)).judgement is judgement


@given(st.floats())
def test_no_value_makes_reading_raise_or_a_wild_one_look_clear(value: float) -> None:
    rule = RULES["disk-near-full"]
    reading = read(rule.condition, window(rule, levels={"disk.used": value}))
    assert math.isfinite(value) or reading.judgement is Judgement.ERROR


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"over": math.nan}, "threshold"),
        ({"over": 0.9}, "threshold"),
        ({"over": -1.0}, "threshold"),
        ({"clear": 0.06}, "bound for clear"),
        ({"clear": math.inf}, "bound for clear"),
        ({"window": timedelta(days=400)}, "window"),
        ({"hold": timedelta(seconds=-1)}, "hold"),
        ({"keep": timedelta(seconds=29)}, "clear for"),
    ],
)
def test_an_absurd_value_is_refused_with_a_sentence(change: dict[str, object], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        edited(RULES["slow-ws-message-warning"], **change)  # type: ignore[arg-type]


def test_an_edit_within_the_bounds_changes_what_it_names_and_nothing_else() -> None:
    rule = RULES["slow-ws-message-warning"]
    after = edited(rule, over=0.1, keep=timedelta(minutes=2))
    assert after == replace(rule, condition=replace(rule.condition, over=0.1), keep=timedelta(minutes=2))


def test_a_share_is_only_taken_at_an_edge_that_is_counted_exactly() -> None:
    rule = RULES["slow-ws-message-warning"]
    assert problems(replace(rule, condition=replace(rule.condition, edge_ms=1234)))
    assert rule.condition.kind is Kind.SHARE


@pytest.mark.parametrize("over", [{1000: 6}, {1000: -1}])
def test_a_timing_that_can_not_be_is_refused(over: dict[int, int]) -> None:
    with pytest.raises(ValueError, match="samples"):
        Timing(5, over)


def test_a_window_that_ends_before_it_starts_is_refused() -> None:
    with pytest.raises(ValueError, match="ends"):
        Snapshot(T0, T0)


def test_the_page_of_alerts_says_what_the_rules_say() -> None:
    here = Path(__file__).resolve().parents[3] / "docs/monitoring/ALERTS.md"
    assert here.read_text(encoding="utf-8") == page.markdown()
