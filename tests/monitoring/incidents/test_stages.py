"""Stages, quiet and trouble, as plain values."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.alerts.rules import Severity
from monitoring.incidents.stages import LEVELS, NEXT, NotNow, Stage, check, quiet_since, troubled, worse
from monitoring.models import Incident

T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)


def at(minutes: float) -> datetime:
    return T0 + timedelta(minutes=minutes)


spans = st.lists(
    st.tuples(st.integers(0, 500), st.integers(0, 90)).map(lambda s: (at(s[0]), at(s[0] + s[1]))), max_size=8
)


def test_nothing_goes_back_and_a_write_up_comes_only_after_the_verdict() -> None:
    order = list(Stage)
    for stage, following in NEXT.items():
        assert all(order.index(after) > order.index(stage) for after in following)
    assert [stage for stage in Stage if Stage.DOCUMENTED in NEXT[stage]] == [Stage.RESOLVED]
    with pytest.raises(NotNow, match="resolved; it can't become acknowledged"):
        check(Stage.RESOLVED, Stage.ACKNOWLEDGED)


def test_the_words_of_the_store_and_of_the_decisions_are_the_same() -> None:
    assert Incident.Stage.values == [stage.value for stage in Stage]
    assert set(LEVELS) == {severity.value for severity in Severity}
    assert worse("warning", "critical") == worse("critical", "warning") == "critical"


def test_quiet_needs_every_alert_over_for_half_an_hour() -> None:
    assert quiet_since([(at(0), at(5)), (at(2), at(10))], at(40)) == at(10)
    assert quiet_since([(at(0), at(5)), (at(2), at(10))], at(39)) is None
    assert quiet_since([(at(0), at(5)), (at(2), None)], at(400)) is None
    assert quiet_since([], at(400)) is None


def test_time_that_overlaps_counts_once() -> None:
    found = troubled([(at(20), at(25)), (at(0), at(10)), (at(5), at(12)), (at(1), at(2)), (at(58), None)], at(60))
    assert found == timedelta(minutes=12 + 5 + 2)


@given(spans)
def test_trouble_is_the_number_of_minutes_that_any_alert_covers(some: list[tuple[datetime, datetime]]) -> None:
    covered = {minute for began, ended in some for minute in range(600) if began <= at(minute) < ended}
    assert troubled(some, at(600)) == timedelta(minutes=len(covered))
