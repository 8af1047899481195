"""What good means, in figures."""

import pytest

from monitoring.metrics.histogram import EXACT_MS
from monitoring.metrics.targets import ERRORS, HEALTH, P95, TARGETS, UPTIME, Target


@pytest.mark.parametrize("target", [t for t in TARGETS if t.unit == "ms"], ids=lambda t: t.name)
def test_a_target_of_a_timing_is_an_edge_that_is_counted_exactly(target: Target) -> None:
    assert target.limit in EXACT_MS


def test_each_target_has_a_name_of_its_own() -> None:
    assert len({target.name for target in TARGETS}) == len(TARGETS)


def test_a_target_says_itself_in_words() -> None:
    assert [target.words for target in (HEALTH, P95, ERRORS, UPTIME)] == [
        "P95 at most 100 ms",
        "P95 at most 1000 ms",
        "at most 5 a minute",
        "at least 99.9%",
    ]


def test_a_ceiling_is_met_from_below_and_a_floor_from_above() -> None:
    assert HEALTH.is_met(100)
    assert not HEALTH.is_met(100.1)
    assert UPTIME.is_met(0.999)
    assert not UPTIME.is_met(0.9989)
