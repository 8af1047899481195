"""Where people are to each other: cells and tiers, never points and metres.

A position becomes an H3 cell of resolution 10 (about 130 m across) at the door; distances are between cell centres.
"""

from __future__ import annotations

from enum import IntEnum
from functools import lru_cache
from types import MappingProxyType
from typing import Final

import h3
import numpy as np
from h3.api import basic_int
from numpy.typing import NDArray

RESOLUTION: Final = 10
BLOCK_RESOLUTION: Final = 7  # about 5 square km: a radar reads a few of these
BLOCK_CELLS: Final = 7**3  # cells in a block
OUT_OF_RANGE: Final = 255
AREA_RESOLUTION: Final = 8  # about 1 km across: what an emergency contact is told
_SPACING_M: Final = 80.0  # below the least distance of two touching cells' centres, pentagons included


class Tier(IntEnum):
    """How near: the number is what the score multiplies."""

    NONE = 0  # one of the two gave no position
    NEARBY = 1  # within range
    VENUE = 2  # touching cells
    ROOM = 3  # the same cell


def cell_of(lat: float, lng: float) -> int:
    """The cell that holds a point (degrees, WGS 84)."""
    return int(basic_int.latlng_to_cell(lat, lng, RESOLUTION))


def area_of(cell: int) -> str:
    """The coarse area around a cell, as an H3 index of about 1 km."""
    return str(h3.int_to_str(basic_int.cell_to_parent(cell, AREA_RESOLUTION)))


@lru_cache(maxsize=65_536)
def distance_m(a: int, b: int) -> float:
    """Great-circle distance between two cells' centres in metres, the same both ways."""
    if a > b:
        return distance_m(b, a)
    centres = basic_int.cell_to_latlng(a), basic_int.cell_to_latlng(b)
    return float(h3.great_circle_distance(*centres, unit="m"))


@lru_cache(maxsize=65_536)
def touching(a: int, b: int) -> bool:
    return bool(basic_int.are_neighbor_cells(a, b))


def tier_between(a: int | None, b: int | None, range_m: float) -> Tier | None:
    """The tier of two cells; None when they are out of range of each other."""
    if a is None or b is None:
        return Tier.NONE
    if a == b:
        return Tier.ROOM
    far_m = distance_m(a, b)
    if far_m <= 500 and touching(a, b):
        return Tier.VENUE
    return Tier.NEARBY if far_m <= range_m else None


@lru_cache(maxsize=4096)
def around(cell: int, range_m: float) -> MappingProxyType[int, Tier]:
    """Every cell from which somebody can be seen from `cell`, with its tier."""
    steps = max(1, int(range_m / _SPACING_M) + 1)
    tiers = {
        other: tier
        for other in basic_int.grid_disk(cell, steps)
        if (tier := tier_between(cell, other, range_m)) is not None
    }
    return MappingProxyType(tiers)


def block_of(cell: int) -> int:
    """The block that a cell belongs to: people are kept by block."""
    return int(basic_int.cell_to_parent(cell, BLOCK_RESOLUTION))


def place_of(cell: int) -> int:
    """Which of its block's cells this is."""
    return int(basic_int.cell_to_child_pos(cell, BLOCK_RESOLUTION))


@lru_cache(maxsize=4096)
def blocks_around(cell: int, range_m: float) -> MappingProxyType[int, NDArray[np.uint8]]:
    """Every block with cells in range, and by place the tier of each of its cells, or OUT_OF_RANGE."""
    blocks: dict[int, NDArray[np.uint8]] = {}
    for other, tier in around(cell, range_m).items():
        table = blocks.setdefault(block_of(other), np.full(BLOCK_CELLS, OUT_OF_RANGE, np.uint8))
        table[place_of(other)] = tier
    return MappingProxyType(blocks)


def is_jump(a: int, b: int, elapsed_s: float, limit_mps: float = 90.0) -> bool:
    """Whether going from `a` to `b` took more than `limit_mps`; a step into a touching cell never does."""
    if a == b or touching(a, b):
        return False
    return distance_m(a, b) > limit_mps * max(elapsed_s, 0.0)
