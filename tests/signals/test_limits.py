"""How often somebody may, and who counts as one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signals.limits import Bucket, Buckets, Refusals, client_key, networks


def test_a_burst_is_served_at_once_and_then_one_by_one() -> None:
    bucket = Bucket(rate=20, burst=40, now=0)
    assert [bucket.take(0) for _ in range(40)] == [0] * 40
    assert bucket.take(0) == pytest.approx(0.05)
    assert bucket.take(0.05) == 0
    assert bucket.take(0.05) > 0


@given(st.lists(st.floats(0, 0.5), max_size=200))
def test_no_pattern_of_calls_gets_more_than_burst_and_rate(gaps: list[float]) -> None:
    bucket, now, granted = Bucket(rate=5, burst=10, now=0), 0.0, 0
    for gap in gaps:
        now += gap
        granted += bucket.take(now) == 0
    assert granted <= 10 + 5 * now + 1e-6


def test_a_clock_that_goes_back_gives_nothing_away() -> None:
    bucket = Bucket(rate=1, burst=1, now=100)
    assert bucket.take(100) == 0
    assert bucket.take(50) > 0
    assert bucket.take(100.5) == pytest.approx(0.5)


def test_a_table_of_buckets_never_grows_past_its_size() -> None:
    table = Buckets(rate=0.001, burst=1, size=100)
    for n in range(1000):
        assert table.take(str(n), now=0) == 0
    assert len(table) == 100
    assert table.take("999", now=0) > 0


def test_buckets_that_are_full_again_are_forgotten() -> None:
    table = Buckets(rate=1, burst=1, size=100)
    for n in range(50):
        table.take(str(n), now=0)
    for n in range(60):
        table.take(f"later {n}", now=10)
    assert len(table) == 60


def test_more_refusals_than_the_limit_within_a_minute_are_too_many() -> None:
    refusals = Refusals(3)
    assert [refusals.add(0), refusals.add(1), refusals.add(2), refusals.add(3)] == [False, False, False, True]
    assert refusals.add(100) is False


OURS = networks(["10.0.0.0/8", " 127.0.0.1 ", ""])


@pytest.mark.parametrize(
    ("peer", "forwarded", "key"),
    [
        ("203.0.113.9", "", "203.0.113.9"),
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),  # no proxy of ours: whatever it says is its own invention
        ("127.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("127.0.0.1", "6.6.6.6, 198.51.100.1", "198.51.100.1"),
        ("127.0.0.1", "198.51.100.1, 10.2.3.4", "198.51.100.1"),
        ("127.0.0.1", "nonsense", "127.0.0.1"),
        ("127.0.0.1", "nonsense, 10.2.3.4", "10.2.3.4"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("::ffff:203.0.113.9", "", "203.0.113.9"),
        ("2001:db8::1:2:3:4", "", "2001:db8::/64"),
        (None, "198.51.100.1", "unknown"),
    ],
)
def test_a_call_counts_against_the_nearest_address_that_is_not_our_own(
    peer: str | None, forwarded: str, key: str
) -> None:
    assert client_key(peer, forwarded, OURS) == key


def test_a_wrong_network_is_said_and_not_swallowed() -> None:
    with pytest.raises(ValueError, match="nonsense"):
        networks(["nonsense"])
