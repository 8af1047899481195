"""Windows are made of the fewest slots, hold each moment once, and touch without a gap."""

import itertools
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.metrics.tiers import FINEST_S, pieces, tier_for, up

moments = st.integers(1_800_000_000, 1_800_400_000)


@given(moments, moments)
def test_the_pieces_of_a_window_are_whole_slots_one_after_the_other(a: int, b: int) -> None:
    found = pieces(a, b)
    if up(a, FINEST_S) >= up(b, FINEST_S):
        assert found == ()
        return
    assert found[0][1] == up(a, FINEST_S) and found[-1][2] == up(b, FINEST_S)
    for (_, _, end), (_, start, _) in itertools.pairwise(found):
        assert end == start
    for tier_s, low, high in found:
        assert low < high and low % tier_s == high % tier_s == 0
    assert len(found) <= 5


def test_an_hour_is_one_slot_and_an_odd_time_is_made_of_all_three() -> None:
    hour = 3600 * 500_000
    assert pieces(hour, hour + 3600) == ((3600, hour, hour + 3600),)
    assert pieces(hour - 70, hour + 3600 + 130) == (
        (10, hour - 70, hour - 60),
        (60, hour - 60, hour),
        (3600, hour, hour + 3600),
        (60, hour + 3600, hour + 3720),
        (10, hour + 3720, hour + 3730),
    )


def test_a_step_is_read_from_the_coarsest_tier_that_it_is_made_of() -> None:
    wanted = {10: 10, 30: 10, 60: 60, 90: 10, 300: 60, 3600: 3600, 5400: 60, 86_400: 3600}
    assert {s: tier_for(timedelta(seconds=s)) for s in wanted} == wanted
    for odd in (0, -10, 15, 0.5):
        with pytest.raises(ValueError, match="multiple of 10"):
            tier_for(timedelta(seconds=odd))
