"""The sample crowd is ranked as the engine ranks a real one."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from signals.domain.engine import WEIGHT_MAX, Crowd, Weights, rank, standing, tie_of
from signals.domain.sample import CROWD, VIEWER, compare

weights = st.builds(Weights, *[st.integers(0, WEIGHT_MAX)] * 7)


@given(weights, weights)
def test_the_order_and_scores_shown_are_those_of_the_engine(before: Weights, after: Weights) -> None:
    people = [one.profile for one in CROWD]
    crowd = Crowd(
        vibe=np.array([p.vibe for p in people], np.uint8),
        tags=np.array([p.tags for p in people], np.uint64),
        standing=np.array([standing(p, after) for p in people], np.int16),
        tie=np.array([tie_of(one.name) for one in CROWD], np.uint64),
        tier=np.array([one.tier for one in CROWD], np.uint8),
    )
    ranked = rank(crowd, VIEWER, after, len(people))
    shown = compare(before, after)
    assert [row.somebody.name for row in shown] == [CROWD[row].name for row in ranked.rows]
    assert [row.after.score for row in shown] == ranked.scores.tolist()
    assert sorted(row.place_before for row in shown) == list(range(1, len(CROWD) + 1))


def test_the_same_weights_move_nobody() -> None:
    assert not any(row.moved for row in compare(Weights(), Weights()))
