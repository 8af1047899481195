"""Many histograms merged at once say exactly what one merged after the other says."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.metrics.histogram import EXACT_MS, Histogram
from monitoring.metrics.stack import Row, Stack, over, percentiles, sums

STEPS = 4
values = st.lists(st.floats(0, 2_000_000), max_size=12)
rows = st.lists(st.tuples(st.integers(0, STEPS - 1), st.sampled_from(("", "a", "b")), values), max_size=8)
Given = list[tuple[int, str, list[float]]]


def stored(given: Given) -> list[Row]:
    return [(step, label, Histogram(found).to_bytes()) for step, label, found in given]


def merged(given: Given, step: int, label: str | None) -> Histogram:
    found = Histogram()
    for its_step, its_label, its_values in given:
        if its_step == step and label in (None, its_label):
            found.merge(Histogram(its_values))
    return found


@given(rows, st.sampled_from((None, "a", "b", "nobody")))
def test_a_stack_merges_counts_and_ranks_as_a_histogram_does(given: Given, label: str | None) -> None:
    expected = [merged(given, step, label) for step in range(STEPS)]
    ours = Stack.read(stored(given), STEPS).by_step(label)
    assert [list(row) for row in ours] == [one.buckets for one in expected]
    assert sums(ours) == [one.count for one in expected]
    for edge in EXACT_MS:
        assert over(ours, edge) == [one.over(edge) for one in expected]
    for p in (0, 50, 95, 99, 100):
        for found, one in zip(percentiles(ours, p), expected, strict=True):
            assert (found is None) == math.isnan(one.percentile(p))
            assert found is None or found == pytest.approx(one.percentile(p), rel=1e-12)


@given(rows, rows)
def test_two_stacks_joined_are_the_stack_of_both(first: Given, second: Given) -> None:
    parts = [(Stack.read(stored(first), STEPS), 0), (Stack.read(stored(second), STEPS), 2)]
    both = [*first, *((step + 2, label, found) for step, label, found in second if step + 2 < STEPS)]
    joined, whole = Stack.joined(parts, STEPS), Stack.read(stored(both), STEPS)
    assert (joined.by_step() == whole.by_step()).all()
    totals = dict(zip(joined.labels, sums(joined.by_label()), strict=True))
    assert {label: n for label, n in totals.items() if n} == {
        label: n for label, n in zip(whole.labels, sums(whole.by_label()), strict=True) if n
    }


@pytest.mark.parametrize(
    "broken",
    [b"", b"\xc1", b"\x93\x02\x00\x80", b"\x93\x01\x00\x81\xff\x01", b"\x93\x01\x00\x81\x01\xff"],
    ids=["empty", "no-msgpack", "other-version", "bucket-below", "count-below"],
)
def test_what_is_no_histogram_is_refused(broken: bytes) -> None:
    with pytest.raises(ValueError, match="histogram"):
        Stack.read([(0, "", Histogram([1.0]).to_bytes()), (1, "", broken)], STEPS)


def test_an_edge_that_no_bucket_ends_at_is_refused() -> None:
    with pytest.raises(ValueError, match="edge"):
        over(Stack.read([], STEPS).by_step(), 123.0)
