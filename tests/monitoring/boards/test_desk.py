"""What boards read is what was measured: percentiles of merged histograms, rates of the time that was, gaps as gaps."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from monitoring.boards import blocks, ranges
from monitoring.boards.blocks import Shelf, shelf
from monitoring.boards.desk import Desk
from monitoring.metrics.histogram import Histogram
from monitoring.metrics.ledger import Row
from monitoring.metrics.stack import Stack
from monitoring.metrics.store import write
from monitoring.models import DeployMarker, Incident
from signals import telemetry
from tests.monitoring.boards.process import Process

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
S, MINUTE, HOUR, DAY = (timedelta(**{unit: 1}) for unit in ("seconds", "minutes", "hours", "days"))


def desk(name: str, now: datetime) -> Desk:
    return Desk(ranges.usual(name, now), now)


def stored(
    at: datetime, *values: float, metric: str = telemetry.WS_MESSAGE, label: str = "ping", tier_s: int = 3600
) -> None:
    row = Row(f"t-{tier_s}", tier_s, int(at.timestamp()), metric, label, 0, None, None, Histogram(values).to_bytes())
    write([row], "web", "1", at)


def test_percentiles_are_of_all_samples_of_a_step_and_counts_of_the_whole() -> None:
    web = Process(NOON)
    for _ in range(4):
        for value in (10.0, 10.0, 10.0, 700.0):
            web.recorder.observe(telemetry.WS_MESSAGE, value, "ping")
        web.recorder.observe(telemetry.WS_MESSAGE, 1500.0, "chat:message")
        web.flush()
    web.until(NOON + MINUTE).write()
    here = desk("1h", NOON + MINUTE)
    timing = here.timing(telemetry.WS_MESSAGE)
    first = here.times.index(NOON)
    assert timing.counts()[first : first + 2] == [20, 0]
    assert timing.percentile(50)[first] == pytest.approx(10, rel=0.03)
    assert timing.percentile(95)[first] == pytest.approx(1500, rel=0.03)
    assert timing.percentile(95, "ping")[first] == pytest.approx(700, rel=0.03)
    assert timing.percentile(95, "nobody")[first] is None
    whole = timing.whole(95, edge_ms=1000)
    assert (whole["ping"][0], whole["ping"][2]) == (16, 0)
    assert (whole["chat:message"][0], whole["chat:message"][2]) == (4, 4)


def test_a_short_step_is_shown_when_it_is_over_and_written() -> None:
    web = Process(NOON)
    web.until(NOON + MINUTE).write()
    assert desk("1h", NOON + 39 * S).times[-1] == NOON
    assert desk("1h", NOON + 46 * S).times[-1] == NOON + 20 * S


def test_rates_are_by_the_minute_and_time_that_nobody_measured_is_a_gap() -> None:
    web = Process(NOON)
    web.recorder.count(telemetry.ERRORS, "consumer", 3)
    web.recorder.count(telemetry.ERRORS, "page", 1)
    web.until(NOON + MINUTE).write()
    here = desk("1h", NOON + 2 * MINUTE)
    first = here.times.index(NOON)
    assert here.total(telemetry.ERRORS)[first : first + 4] == [12, 0, 0, None]
    assert here.counts(telemetry.ERRORS)["consumer"][first] == 9
    assert here.measured[first - 1 : first + 4] == [False, True, True, True, False]


def test_a_long_step_under_way_is_divided_by_what_is_over_of_it() -> None:
    web = Process(NOON)
    web.recorder.count(telemetry.ERRORS, "page", 10)
    web.until(NOON + MINUTE).write()
    here = desk("24h", NOON + MINUTE)
    assert (here.times[-1], here.total(telemetry.ERRORS)[-1]) == (NOON, 10)


def test_levels_have_their_end_and_their_peak() -> None:
    web = Process(NOON)
    for value in (3, 9, 4):
        web.recorder.level(telemetry.SESSIONS, value, "")
    web.until(NOON + MINUTE).write()
    last, high = desk("24h", NOON + MINUTE).level(telemetry.SESSIONS)
    assert (last[-1], high[-1], last[0]) == (4, 9, None)


def test_deploys_and_incidents_of_the_time_are_marked() -> None:
    now = NOON + 10 * DAY
    for days, version in ((0, "old"), (9.5, "new")):
        DeployMarker.objects.create(version=version, environment="test", at=NOON + days * DAY)
    for title, begins, ends, drill in (
        ("over", 1, 2, False),
        ("within", 9.4, 9.5, False),
        ("reaches in", 8, 9.2, False),
        ("open", 5, None, True),
    ):
        at = NOON + begins * DAY
        end = NOON + ends * DAY if ends else None
        Incident.objects.create(
            title=title, rule="r", severity="warning", detected_at=at, quiet_at=end, resolved_at=end, drill=drill
        )
    marks = desk("24h", now).marks
    assert [mark.kind for mark in marks] == ["drill", "incident", "incident", "deploy"]
    assert [mark.label.split(": ")[-1] for mark in marks] == ["open", "reaches in", "within", "Deploy new"]
    assert marks[0].to_at == now


def test_hours_that_are_over_are_read_once_and_say_the_same_again() -> None:
    now = NOON + 30 * DAY
    for hours in range(0, 30 * 24, 7):
        stored(NOON + hours * HOUR, 5.0, 50.0 + hours, label="ping" if hours % 2 else "chat:end")
    first = desk("30d", now).timing(telemetry.WS_MESSAGE)
    with CaptureQueriesContext(connection) as asked:
        again = desk("30d", now + MINUTE).timing(telemetry.WS_MESSAGE)
    assert len(asked) == 1
    assert again.counts()[: len(first.counts())] == first.counts()
    assert again.whole(50, 95, edge_ms=500) == first.whole(50, 95, edge_ms=500)
    assert sum(first.counts()) == 2 * len(range(0, 30 * 24, 7))
    shelf.clear()
    fresh = desk("30d", now + MINUTE).timing(telemetry.WS_MESSAGE)
    assert fresh.percentile(95) == again.percentile(95)


def test_an_hour_that_a_process_may_still_write_into_is_read_anew() -> None:
    now = NOON + 30 * DAY
    late = now - 20 * HOUR
    stored(late - 100 * HOUR, 5.0)
    before = sum(desk("30d", now).timing(telemetry.WS_MESSAGE).counts())
    stored(late, 5.0, 6.0)
    assert sum(desk("30d", now).timing(telemetry.WS_MESSAGE).counts()) == before + 2


def test_an_empty_block_is_not_kept_so_that_a_history_may_be_filled_in() -> None:
    now = NOON + 30 * DAY
    assert sum(desk("30d", now).timing(telemetry.WS_MESSAGE).counts()) == 0
    stored(NOON + DAY, 5.0)
    assert sum(desk("30d", now).timing(telemetry.WS_MESSAGE).counts()) == 1


def test_a_day_without_anything_does_not_make_what_is_kept_be_read_again() -> None:
    now = NOON + 30 * DAY
    for hours in (0, 20 * 24, 29 * 24):
        stored(NOON + hours * HOUR, 5.0)
    desk("30d", now).timing(telemetry.WS_MESSAGE)
    kept = [key for key in shelf._blocks if key[0] == telemetry.WS_MESSAGE]
    with CaptureQueriesContext(connection) as asked:
        assert sum(desk("30d", now).timing(telemetry.WS_MESSAGE).counts()) == 3
    for _, _, start in kept:
        assert not any(f'start_s" >= {start} ' in query["sql"] for query in asked)


def test_the_shelf_holds_so_much_and_lets_go_of_what_was_used_longest_ago() -> None:
    few = Shelf(most=4)
    two = Stack.read([(0, "", Histogram([1.0, 100.0]).to_bytes())], blocks.STEPS)
    assert two.size == 2
    for start in (1, 2):
        few.put(("m", 60, start), two)
    assert few.get(("m", 60, 1)) is two
    few.put(("m", 60, 3), two)
    assert [few.get(("m", 60, start)) is two for start in (1, 2, 3)] == [True, False, True]


def test_a_row_that_is_no_histogram_is_said_and_not_passed_over() -> None:
    row = Row("t", 3600, int(NOON.timestamp()), telemetry.WS_MESSAGE, "", 0, None, None, b"\xc1")
    write([row], "web", "1", NOON)
    with pytest.raises(ValueError, match="no histogram"):
        desk("30d", NOON + DAY).timing(telemetry.WS_MESSAGE)


def test_a_range_before_anything_was_kept_is_empty() -> None:
    shown, _ = ranges.parse({"from": "2026-02-01T00:00", "to": "2026-02-02T00:00"}, NOON)
    here = Desk(shown, NOON)
    assert not any(here.measured)
    assert set(here.timing(telemetry.WS_MESSAGE).percentile(95)) == {None}
