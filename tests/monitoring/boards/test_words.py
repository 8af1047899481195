"""Numbers are short, and never say more than they know."""

from datetime import UTC, datetime, timedelta

import pytest

from monitoring.boards.words import NOTHING, Unit, clock, lasted, number, say, share

T0 = datetime(2026, 3, 1, 9, 5, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0, "0"),
        (0.0004, "0"),
        (0.12345, "0.123"),
        (0.9996, "1"),
        (4.567, "4.57"),
        (9.996, "10"),
        (78.95, "79"),
        (99.96, "100"),
        (1234.6, "1,235"),
    ],
)
def test_three_digits_that_matter(value: float, words: str) -> None:
    assert number(value) == words


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (None, Unit.MS, NOTHING),
        (0.42, Unit.MS, "0.42 ms"),
        (999.4, Unit.MS, "999 ms"),
        (999.6, Unit.MS, "1 s"),
        (1234, Unit.MS, "1.23 s"),
        (3, Unit.PER_MINUTE, "3/min"),
        (12, Unit.COUNT, "12"),
        (0.5, Unit.SHARE, "50 %"),
        (7.25, Unit.SECONDS, "7.25 s"),
    ],
)
def test_a_value_says_what_it_counts(value: float | None, unit: Unit, words: str) -> None:
    assert say(value, unit) == words


@pytest.mark.parametrize(
    ("part", "words"),
    [
        (None, NOTHING),
        (0, "0 %"),
        (1, "100 %"),
        (0.999999, "over 99.999 %"),
        (0.000001, "under 0.001 %"),
        (0.99942, "99.942 %"),
        (0.0004, "0.04 %"),
        (0.253, "25.3 %"),
    ],
)
def test_100_percent_is_said_of_nothing_less_and_0_of_nothing_more(part: float | None, words: str) -> None:
    assert share(part) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (59.6, "1 min"), (61, "1 min 1 s"), (3600, "1 h"), (90061, "1 d 1 h"), (-5, "0 s")],
)
def test_a_duration_is_its_two_biggest_parts(seconds: float, words: str) -> None:
    assert lasted(timedelta(seconds=seconds)) == words


def test_a_moment_is_as_exact_as_its_range_needs() -> None:
    lengths = (timedelta(hours=1), timedelta(hours=12), timedelta(days=7))
    assert [clock(T0, length) for length in lengths] == ["09:05:07", "09:05", "01 Mar 09:05"]
