"""The Signal Engine: who fits whom, exactly and fast.

`explain` says what one pair scores, term by term. `rank` finds the best of a crowd over columns; the two agree on every
crowd (tests/signals/test_engine.py). The formula is PROTOCOL's, its weights are staff's.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from signals.domain.proximity import Tier

WEIGHT_MAX: Final = 100  # keeps every score within the columns' 16 bits
SHARED_TAGS_MAX: Final = 3
DECLINES_MAX: Final = 3
REPORTS_MAX: Final = 255


@dataclass(frozen=True, slots=True)
class Weights:
    """What each term of the score counts."""

    same_vibe: int = 10
    shared_tag: int = 5
    visible: int = 3
    no_tags: int = 5
    tier: int = 2
    report: int = 3
    decline: int = 5


class Profile(NamedTuple):
    """What the engine knows of one person."""

    vibe: int  # index of the vibe
    tags: int  # bit mask over the catalogue's 64 places
    visible: bool
    reports: int  # unique reporters
    declines: int  # while cooling down, else 0


class Explanation(NamedTuple):
    """The terms of a score; their sum is the score."""

    vibe: int
    tags: int
    visible: int
    no_tags: int
    tier: int
    reports: int
    declines: int

    @property
    def score(self) -> int:
        return sum(self)


def explain(me: Profile, other: Profile, tier: Tier, weights: Weights) -> Explanation:
    """What `other` scores as `me` sees them, term by term (PROTOCOL: score of B as A sees B)."""
    return Explanation(
        vibe=weights.same_vibe * (me.vibe == other.vibe),
        tags=weights.shared_tag * min((me.tags & other.tags).bit_count(), SHARED_TAGS_MAX),
        visible=weights.visible * other.visible,
        no_tags=-weights.no_tags * (other.tags == 0),
        tier=weights.tier * int(tier),
        reports=-weights.report * min(other.reports, REPORTS_MAX),
        declines=-weights.decline * min(other.declines, DECLINES_MAX),
    )


def tie_of(session_id: str) -> int:
    """Which of two equals comes first: 64 bits that hold for the session and that nobody can choose."""
    return int.from_bytes(blake2b(session_id.encode(), digest_size=8).digest(), "big")


@dataclass(frozen=True, slots=True)
class Crowd:
    """People as columns, one row a person; all of the same length."""

    vibe: NDArray[np.uint8]
    tags: NDArray[np.uint64]
    standing: NDArray[np.int16]  # the terms that are the same for every viewer: `standing()`
    tie: NDArray[np.uint64]
    tier: NDArray[np.uint8]  # as this viewer sees them


class Ranked(NamedTuple):
    """Rows of the crowd, best first, and the score of each."""

    rows: NDArray[np.intp]
    scores: NDArray[np.int16]


def standing(other: Profile, weights: Weights) -> int:
    """The part of the score that does not depend on who looks."""
    nobody = Profile(vibe=-1, tags=0, visible=True, reports=0, declines=0)
    return explain(nobody, other, Tier.NONE, weights).score


def rank(crowd: Crowd, me: Profile, weights: Weights, limit: int) -> Ranked:
    """The best `limit` rows: those with a tier before those without, then by score, then by tie.

    Linear in the crowd, and only the chosen are sorted. Two equal ties are left to the caller, who knows the handles.
    """
    scores = np.multiply(_shared(crowd.tags, me.tags), np.int16(weights.shared_tag), dtype=np.int16)
    scores += crowd.standing
    scores += (crowd.vibe == me.vibe) * np.int16(weights.same_vibe)
    scores += crowd.tier * np.int16(weights.tier)
    if crowd.tier.all():
        rows = _best(scores, crowd.tie, limit)
        return Ranked(rows, scores[rows])
    placed = np.flatnonzero(crowd.tier)
    rows = placed[_best(scores[placed], crowd.tie[placed], limit)]
    if rows.size < limit:
        rest = np.flatnonzero(crowd.tier == 0)
        rows = np.concatenate([rows, rest[_best(scores[rest], crowd.tie[rest], limit - rows.size)]])
    return Ranked(rows, scores[rows])


def _shared(tags: NDArray[np.uint64], mine: int) -> NDArray[np.uint8]:
    """Shared tags, at most three: three comparisons of bytes are faster than one minimum."""
    shared = np.bitwise_count(tags & np.uint64(mine))
    points: NDArray[np.uint8] = (shared >= 1).view(np.uint8)
    for n in range(2, SHARED_TAGS_MAX + 1):
        points += (shared >= n).view(np.uint8)
    return points


def _best(scores: NDArray[np.int16], tie: NDArray[np.uint64], limit: int) -> NDArray[np.intp]:
    """Rows of the `limit` highest scores in order; of equals those with the lowest tie."""
    if scores.size > limit:
        threshold = _threshold(scores, limit)
        above = np.flatnonzero(scores > threshold)
        equal = np.flatnonzero(scores == threshold)
        wanted = limit - above.size
        if equal.size > wanted:
            equal = equal[_lowest(tie[equal], wanted)]
        rows = np.concatenate([above, equal])
    else:
        rows = np.arange(scores.size)
    return rows[np.lexsort((tie[rows], -scores[rows]))]


def _threshold(scores: NDArray[np.int16], limit: int) -> int:
    """The `limit`-th highest score, found by halving its range.

    Scores take few values, and np.partition of 16-bit columns with few values took up to 5 ms for 100,000.
    """
    low, high = int(scores.min()), int(scores.max())
    while low < high:
        middle = (low + high + 1) // 2
        if np.count_nonzero(scores >= middle) >= limit:
            low = middle
        else:
            high = middle - 1
    return low


def _lowest(tie: NDArray[np.uint64], wanted: int) -> NDArray[np.intp]:
    """Where the `wanted` lowest ties are. Ties are evenly spread, so a cut leaves few to look at."""
    share = 4 * wanted + 64
    if tie.size > 8 * share:
        few = np.flatnonzero(tie < np.uint64((share << 64) // tie.size))
        if few.size >= wanted:
            return few[np.argpartition(tie[few], wanted - 1)[:wanted]]
    return np.argpartition(tie, wanted - 1)[:wanted]
