"""The fast path and a ten-line reference agree on every crowd: same people, same order, same scores."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from signals.domain.engine import WEIGHT_MAX, Crowd, Profile, Weights, explain, rank, standing, tie_of
from signals.domain.proximity import Tier

profiles = st.builds(
    Profile,
    vibe=st.integers(0, 4),
    tags=st.integers(0, 63) | st.integers(0, 2**64 - 1),
    visible=st.booleans(),
    reports=st.integers(0, 300),
    declines=st.integers(0, 5),
)
weights = st.builds(Weights, *[st.integers(0, WEIGHT_MAX)] * 7)
people = st.lists(st.tuples(profiles, st.sampled_from(Tier)), max_size=80)


def reference(me: Profile, crowd: list[tuple[Profile, Tier]], w: Weights, limit: int) -> list[tuple[int, int]]:
    rows = [(i, explain(me, other, tier, w).score) for i, (other, tier) in enumerate(crowd)]
    rows.sort(key=lambda row: (crowd[row[0]][1] is Tier.NONE, -row[1], tie_of(str(row[0]))))
    return rows[:limit]


def columns(crowd: list[tuple[Profile, Tier]], w: Weights) -> Crowd:
    return Crowd(
        vibe=np.array([p.vibe for p, _ in crowd], np.uint8),
        tags=np.array([p.tags for p, _ in crowd], np.uint64),
        standing=np.array([standing(p, w) for p, _ in crowd], np.int16),
        tie=np.array([tie_of(str(i)) for i in range(len(crowd))], np.uint64),
        tier=np.array([int(tier) for _, tier in crowd], np.uint8),
    )


@settings(max_examples=200)
@given(profiles, people, weights, st.integers(1, 100))
def test_the_fast_path_agrees_with_the_reference(
    me: Profile, crowd: list[tuple[Profile, Tier]], w: Weights, limit: int
) -> None:
    ranked = rank(columns(crowd, w), me, w, limit)
    assert list(zip(ranked.rows.tolist(), ranked.scores.tolist(), strict=True)) == reference(me, crowd, w, limit)


@settings(max_examples=20)
@given(st.integers(0, 2**32), st.integers(1, 60), st.booleans())
def test_among_thousands_of_equals_the_lowest_ties_win(seed: int, limit: int, clustered: bool) -> None:
    draw = np.random.default_rng(seed)
    n = 5000
    tie = draw.integers(0, 2**64, n, dtype=np.uint64)
    if clustered:
        tie |= np.uint64(2**63)  # the cut that an even spread would allow finds nobody
    none = np.zeros(n, np.uint64)
    standing_ = draw.integers(0, 2, n).astype(np.int16)
    crowd = Crowd(np.zeros(n, np.uint8), none, standing_, tie, np.ones(n, np.uint8))
    ranked = rank(crowd, Profile(0, 0, True, 0, 0), Weights(), limit)
    assert ranked.rows.tolist() == sorted(range(n), key=lambda i: (-standing_[i], tie[i]))[:limit]


def test_the_shipped_weights_are_the_protocol_s() -> None:
    me = Profile(vibe=1, tags=0b1111, visible=True, reports=0, declines=0)
    twin = Profile(vibe=1, tags=0b1111, visible=True, reports=0, declines=0)
    assert explain(me, twin, Tier.ROOM, Weights())._asdict() == {
        "vibe": 10,
        "tags": 15,
        "visible": 3,
        "no_tags": 0,
        "tier": 6,
        "reports": 0,
        "declines": 0,
    }
    bare = Profile(vibe=2, tags=0, visible=False, reports=2, declines=4)
    assert explain(me, bare, Tier.NONE, Weights()).score == -5 - 3 * 2 - 5 * 3
