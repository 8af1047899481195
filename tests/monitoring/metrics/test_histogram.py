"""Counts are exact at the edges, percentiles within 3 %, and merging is the same as having counted together."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.metrics.histogram import EDGES_MS, EXACT_MS, Histogram

durations = st.floats(0.001, 900_000)
samples = st.lists(durations | st.sampled_from(EXACT_MS), min_size=1, max_size=300)


@given(samples, st.floats(0, 100))
def test_any_percentile_is_within_three_percent_of_numpy(values: list[float], p: float) -> None:
    exact = float(np.percentile(values, p, method="inverted_cdf"))
    assert Histogram(values).percentile(p) == pytest.approx(exact, rel=0.03)


@given(samples, st.sampled_from(EXACT_MS))
def test_the_count_over_a_threshold_is_exact(values: list[float], edge: float) -> None:
    assert Histogram(values).over(edge) == sum(v > edge for v in values)


def test_exactly_a_second_is_not_over_a_second_and_the_next_number_is() -> None:
    assert Histogram([1000.0]).over(1000) == 0
    assert Histogram([math.nextafter(1000.0, 2000)]).over(1000) == 1


@given(samples, samples)
def test_merged_is_the_same_as_counted_together(a: list[float], b: list[float]) -> None:
    merged = Histogram(a)
    merged.merge(Histogram(b))
    assert merged == Histogram(a + b)
    assert merged.mean_ms == pytest.approx(sum(a + b) / len(a + b))


@given(samples)
def test_what_is_stored_comes_back(values: list[float]) -> None:
    histogram = Histogram(values)
    back = Histogram.from_bytes(histogram.to_bytes())
    assert back == histogram and back.sum_ms == histogram.sum_ms


@given(st.binary(max_size=60))
def test_other_bytes_are_refused(stored: bytes) -> None:
    try:
        back = Histogram.from_bytes(stored)
    except ValueError:
        return
    assert back.count >= 0


def test_no_bucket_is_wider_than_the_error_allows() -> None:
    for low, high in itertools.pairwise(EDGES_MS):
        assert 1 < high / low < 1.03**2
    assert set(EXACT_MS) <= set(EDGES_MS)


@pytest.mark.parametrize("odd", [-5.0, 0.0, math.nan])
def test_a_clock_that_steps_back_counts_as_zero(odd: float) -> None:
    histogram = Histogram([odd])
    assert (histogram.count, histogram.sum_ms) == (1, 0.0)
    assert histogram.percentile(50) < 0.001


def test_beyond_the_last_edge_it_says_the_last_edge() -> None:
    histogram = Histogram([1e9, math.inf])
    assert histogram.percentile(99) == EDGES_MS[-1]
    assert histogram.over(2000) == 2


def test_an_edge_that_is_none_and_a_percentile_that_is_none_are_refused() -> None:
    for edge in (999.0, 1e9):
        with pytest.raises(ValueError, match="not an edge"):
            Histogram().over(edge)
    with pytest.raises(ValueError, match="between 0 and 100"):
        Histogram().percentile(101)
    assert math.isnan(Histogram().percentile(50))
    assert math.isnan(Histogram().mean_ms)
