"""The three resolutions that measures are kept in, and which of them answers for which time.

Every process writes into all three at once, so that none is ever behind another.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

KEPT: Final[dict[int, timedelta]] = {  # by the seconds of a slot
    10: timedelta(hours=24),
    60: timedelta(days=7),
    3600: timedelta(days=400),
}
TIERS_S: Final = tuple(KEPT)
FINEST_S: Final = TIERS_S[0]


def slot_of(at_s: float, tier_s: int) -> int:
    """The start of the slot that this moment (seconds since the epoch) falls into."""
    return int(at_s // tier_s) * tier_s


def up(at_s: float, tier_s: int) -> int:
    """The start of the first slot that begins at this moment or later."""
    return -int(-at_s // tier_s) * tier_s


def pieces(start_s: float, end_s: float) -> tuple[tuple[int, int, int], ...]:
    """(tier, from, to): the fewest slots that together hold what began in [start, end), each moment once.

    Windows that touch share no slot and leave none out.
    """
    return _pieces(up(start_s, FINEST_S), up(end_s, FINEST_S), TIERS_S[::-1])


def _pieces(low: int, high: int, tiers: tuple[int, ...]) -> tuple[tuple[int, int, int], ...]:
    if low >= high or not tiers:
        return ()
    tier_s, *finer = tiers
    first, last = up(low, tier_s), slot_of(high, tier_s)
    if first >= last:
        return _pieces(low, high, tuple(finer))
    return (*_pieces(low, first, tuple(finer)), (tier_s, first, last), *_pieces(last, high, tuple(finer)))


def tier_for(step: timedelta) -> int:
    """The coarsest tier that a step is made of. Raises ValueError when it isn't a multiple of 10 s."""
    step_s = step.total_seconds()
    fitting = [tier_s for tier_s in TIERS_S if step_s > 0 and step_s % tier_s == 0]
    if not fitting:
        raise ValueError(f"a step is a multiple of {FINEST_S} seconds, not {step_s:g}")
    return fitting[-1]
