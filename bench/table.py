"""What a bench hands to the table."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from statistics import median, quantiles
from time import perf_counter
from typing import NamedTuple

import pytest

FAILED = "FAILED"


class Row(NamedTuple):
    what: str
    ours: str
    wanted: str


def attempted(name: str, job: Callable[[], list[Row]], wanted: str = "to be measured") -> list[Row]:
    """The rows of one job; one that fails, or lacks what it needs, has a row that says so, and others still run."""
    try:
        return job()
    except pytest.skip.Exception as lacking:
        return [Row(name, f"not measured: {lacking}", wanted)]
    except Exception as error:
        traceback.print_exc()
        return [Row(name, f"{FAILED}: {type(error).__name__}", wanted)]


def times_ms(job: Callable[[int], object], runs: int, warm: int = 20) -> list[float]:
    """How long each of `runs` calls took, after some that do not count; a call is told its number."""
    for n in range(warm):
        job(n)
    took = []
    for n in range(runs):
        started = perf_counter()
        job(warm + n)
        took.append((perf_counter() - started) * 1000)
    return took


def middle_and_p95(took: list[float]) -> str:
    return f"{median(took):.3f} ms (p95 {quantiles(took, n=20)[-1]:.3f})"
