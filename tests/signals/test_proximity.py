"""Cells and tiers: what two people may learn of where the other is."""

from hypothesis import given, settings
from hypothesis import strategies as st

from signals.domain.proximity import Tier, area_of, around, cell_of, distance_m, is_jump, tier_between, touching

HERE = cell_of(47.3769, 8.5417)
lats, lngs = st.floats(-90, 90), st.floats(-180, 180)


def test_the_same_cell_is_a_room_and_a_touching_one_a_venue() -> None:
    neighbours = [c for c in around(HERE, 1000) if touching(HERE, c)]
    assert len(neighbours) == 6
    assert tier_between(HERE, HERE, 1000) is Tier.ROOM
    assert {tier_between(HERE, c, 1000) for c in neighbours} == {Tier.VENUE}


def test_range_ends_where_the_setting_says() -> None:
    near, far = cell_of(47.3850, 8.5417), cell_of(47.3880, 8.5417)
    assert tier_between(HERE, near, 1000) is Tier.NEARBY
    assert tier_between(HERE, far, 1000) is None
    assert tier_between(HERE, far, 2000) is Tier.NEARBY


def test_who_gave_no_position_is_seen_by_everybody_without_a_tier() -> None:
    assert tier_between(None, HERE, 1000) is Tier.NONE
    assert tier_between(HERE, None, 1000) is Tier.NONE


@settings(max_examples=20)
@given(lats, lngs, lats, lngs)
def test_sight_is_mutual_and_the_neighbourhood_holds_exactly_those_in_range(
    lat: float, lng: float, lat2: float, lng2: float
) -> None:
    a, b = cell_of(lat, lng), cell_of(lat2, lng2)
    assert tier_between(a, b, 1000) == tier_between(b, a, 1000)
    assert around(a, 1000).get(b) == tier_between(a, b, 1000)
    for c, tier in around(a, 1000).items():
        assert tier_between(c, a, 1000) == tier


def test_a_train_is_no_jump_and_a_plane_is_one() -> None:
    there = cell_of(47.3850, 8.5417)
    assert distance_m(HERE, there) > 800
    assert not is_jump(HERE, there, elapsed_s=20)
    assert is_jump(HERE, there, elapsed_s=5)
    assert not any(is_jump(HERE, c, elapsed_s=0) for c in around(HERE, 1000) if touching(HERE, c))


def test_the_area_told_to_a_contact_is_the_same_for_the_whole_neighbourhood() -> None:
    assert len({area_of(c) for c in around(HERE, 200)}) <= 3
    assert area_of(HERE) != hex(HERE)[2:]
