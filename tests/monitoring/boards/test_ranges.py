"""A board's time comes from its address; what can't be shown is said, and the usual range is shown instead."""

from datetime import UTC, datetime, timedelta

import pytest
from django.http import QueryDict
from hypothesis import given
from hypothesis import strategies as st

from monitoring.boards import ranges
from monitoring.boards.ranges import FIRST, LONGEST, POINTS_MAX, USUAL
from monitoring.metrics.tiers import KEPT, tier_for

NOW = datetime(2026, 3, 1, 12, 0, 7, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(("name", "step_s"), [("1h", 20), ("24h", 300), ("7d", 3600), ("30d", 10800)])
def test_a_usual_range_ends_now_and_its_steps_are_what_is_kept(name: str, step_s: int) -> None:
    shown, problem = ranges.parse({"range": name}, NOW)
    assert (shown.end, shown.length, shown.step.total_seconds(), problem) == (NOW, USUAL[name], step_s, "")
    assert shown.times[0] <= shown.start < shown.times[1]
    assert shown.times[-1] < shown.end <= shown.times[-1] + shown.step


@given(st.integers(60, int(LONGEST.total_seconds())), st.integers(60, int(LONGEST.total_seconds())))
def test_no_range_has_too_many_points_or_steps_that_are_no_longer_kept(ago_s: int, length_s: int) -> None:
    start = NOW - timedelta(seconds=ago_s)
    end = min(start + timedelta(seconds=length_s), NOW)
    shown, problem = ranges.parse({"from": ranges.stamp(start), "to": ranges.stamp(end)}, NOW)
    if problem:
        assert end - start < timedelta(minutes=1, seconds=1) or timedelta(seconds=ago_s) > LONGEST - timedelta(
            seconds=1
        )
        return
    assert len(shown.times) <= POINTS_MAX + 1
    assert NOW - shown.start <= KEPT[tier_for(shown.step)]


def test_a_free_range_is_read_in_utc_and_written_back() -> None:
    shown, problem = ranges.parse({"from": "2026-03-01T10:00", "to": "2026-03-01T12:30:00+01:00"}, NOW)
    assert (problem, shown.name) == ("", "")
    assert (shown.start.hour, shown.end.hour, shown.end.minute) == (10, 11, 30)
    assert ranges.parse(QueryDict(shown.query), NOW) == (shown, "")


def test_a_free_range_without_an_end_lasts_until_now_and_none_ends_later() -> None:
    for query in ({"from": "2026-03-01T11:00"}, {"from": "2026-03-01T11:00", "to": "2027-01-01T00:00"}):
        assert ranges.parse(query, NOW)[0].end == NOW


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"range": "2h"}, "no such range"),
        ({"to": "2026-03-01T11:00"}, "needs a beginning"),
        ({"from": "yesterday"}, "is no time"),
        ({"from": "2026-03-01T10:00", "to": "0x10"}, "is no time"),
        ({"from": "9999-12-31T23:59:59-14:00"}, "is no time"),
        ({"from": "2026-03-01T13:00"}, "in the future"),
        ({"from": "2026-03-01T11:00", "to": "2026-03-01T11:00"}, "begins before it ends"),
        ({"from": "2026-03-01T11:00", "to": "2026-03-01T11:00:30"}, "at least a minute"),
        ({"from": "2020-01-01T00:00"}, "longer than 400 days"),
        ({"from": "0001-01-01T00:00"}, "longer than 400 days"),
    ],
)
def test_a_range_that_makes_no_sense_is_named_and_the_usual_one_shown(query: dict[str, str], words: str) -> None:
    shown, problem = ranges.parse(query, NOW)
    assert words in problem
    assert shown == ranges.usual(FIRST, NOW)


def test_earlier_later_closer_and_wider_lead_through_all_time() -> None:
    shown = ranges.usual("1h", NOW)
    before = ranges.earlier(shown, NOW)
    assert (before.end, before.length) == (shown.start, HOUR)
    assert ranges.later(shown, NOW) is None
    after = ranges.later(before, NOW)
    assert after
    assert (after.start, after.end) == (shown.start, shown.end)
    closer = ranges.closer(shown, NOW)
    assert closer
    assert (closer.end, closer.length) == (NOW, HOUR / 2)
    assert ranges.wider(closer, NOW).length == HOUR
    assert ranges.closer(ranges.parse({"from": "2026-03-01T11:59", "to": "2026-03-01T12:00:07"}, NOW)[0], NOW) is None
    assert ranges.wider(ranges.wider(ranges.usual("30d", NOW), NOW), NOW).length <= LONGEST


def test_the_step_under_way_counts_only_what_is_over_of_it() -> None:
    shown = ranges.usual("24h", NOW)
    assert shown.seconds_of(shown.times[-1]) == 7
    assert shown.seconds_of(shown.times[0]) == 300


def test_bars_are_few_and_as_wide_as_they_have_to_be() -> None:
    assert len(ranges.in_bars(ranges.usual("1h", NOW)).times) <= 61
    assert ranges.in_bars(ranges.usual("24h", NOW), HOUR).step == HOUR
    assert ranges.in_steps(ranges.usual("1h", NOW), timedelta(seconds=601)).step == timedelta(minutes=15)
