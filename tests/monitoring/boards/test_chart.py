"""A chart's table, its CSV, its sentences and what is drawn say the same."""

import csv
import io
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from monitoring.boards.chart import Chart, Line, Mark, Threshold, as_csv, csv_text, gaps, head, leading, plain, rows
from monitoring.boards.summary import summary
from monitoring.boards.words import Unit

T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
WARNING = Threshold("warning for P95", 1000, "warning", "P95")
CRITICAL = Threshold("critical for P95", 2000, "critical", "P95")


def chart(*lines: Line, measured: Sequence[bool] = (True,) * 4, unit: Unit = Unit.MS, **more: Any) -> Chart:
    times = [T0 + index * MINUTE for index in range(4)]
    return Chart("Time", unit, times, MINUTE, lines, measured, **more)


def test_a_gap_is_where_nobody_measured_and_not_where_nothing_happened() -> None:
    found = chart(Line("P95", [1, None, None, None]), measured=(True, True, False, False))
    assert gaps(found) == [(T0 + 2 * MINUTE, T0 + 4 * MINUTE)]
    assert [row[1] for row in rows(found)] == ["1 ms", "–", "not measured", "not measured"]
    assert "Nobody measured for 2 min of it." in summary(found)


def test_the_table_has_a_row_a_step_and_a_column_a_line() -> None:
    found = chart(Line("P95", [1, 2, 3, 1234]), Line("P50", [0.5, None, 1, 2]))
    assert head(found) == ["From (UTC)", "P95", "P50"]
    assert rows(found)[3] == ["12:03:00", "1.23 s", "2 ms"]
    assert rows(found)[1] == ["12:01:00", "2 ms", "–"]


def test_a_line_that_has_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="one value a step"):
        chart(Line("P95", [1.0]))


def test_the_csv_has_exact_numbers_and_names_no_formula() -> None:
    found = chart(Line("=cmd()", [1 / 3, None, 3, 4]), Line("P50", [1, 2, 3, 4]))
    table = list(csv.reader(io.StringIO(as_csv(found))))
    assert table[0] == ["from", "'=cmd() (ms)", "P50 (ms)"]
    assert (float(table[1][1]), table[2][1]) == (1 / 3, "")
    assert table[1][0] == T0.isoformat()
    assert csv_text([["@a", "-1", "\tb", "plain", -1]]) == "'@a,'-1,'\tb,plain,-1\r\n"


def test_what_is_drawn_is_json_in_milliseconds_with_its_marks_and_thresholds() -> None:
    marks = [Mark("deploy", "Deploy 1.2", T0), Mark("incident", "Incident 1", T0, T0 + MINUTE)]
    found = plain(
        chart(
            Line("P95", [1.23456789, None, 3, 4]), thresholds=[WARNING], marks=marks, steep=True, measured=(1, 0, 1, 1)
        )  # type: ignore[arg-type]
    )
    start = int(T0.timestamp() * 1000)
    assert json.loads(json.dumps(found)) == found
    assert found["times"][:2] == [start, start + 60_000]
    assert found["lines"][0]["values"] == [1.23457, None, 3, 4]
    assert found["gaps"] == [[start + 60_000, start + 120_000]]
    assert found["thresholds"] == [{"label": "warning for P95", "value": 1000, "severity": "warning"}]
    assert [(mark["kind"], mark["to"]) for mark in found["marks"]] == [("deploy", None), ("incident", start + 60_000)]
    assert found["axis"] == "Time (ms, log scale)"


def test_the_biggest_labels_have_a_line_each_and_the_rest_one_together() -> None:
    found = leading({"a": [1, None], "b": [5, 5], "c": [2, 2], "": [9, 9]}, 2)
    assert [(line.label, list(line.values)) for line in found] == [
        ("all", [9, 9]),
        ("b", [5, 5]),
        ("2 others", [3, 2]),
    ]
    assert [line.label for line in leading({"a": [1], "b": [5], "c": [3]}, 2)] == ["b", "c", "a"]
    assert leading({}, 3) == []


def test_the_sentences_tell_the_end_the_peak_and_the_worst_threshold_passed() -> None:
    found = chart(Line("P95", [300, 1500, 1200, 400]), Line("P50", [1, 2, 3, 4]), thresholds=[WARNING, CRITICAL])
    assert summary(found) == (
        "P95: 400 ms at the end, highest 1.5 s at 12:01:00. At the end P50 4 ms. "
        "P95 is over 1 s (warning for P95) for 2 min."
    )


def test_a_threshold_about_one_line_is_not_held_against_another() -> None:
    found = chart(Line("P50", [3000] * 4), Line("P95", [500] * 4), thresholds=[WARNING, CRITICAL])
    assert summary(found).endswith("Never over 1 s (warning for P95).")
    paths = chart(Line("ws.message", [10] * 4), Line("http.request", [2500] * 4), thresholds=[WARNING, CRITICAL])
    assert "http.request is over 2 s (critical for P95) for 4 min." in summary(paths)


def test_the_sentences_count_bars_and_what_happened() -> None:
    marks = [Mark("deploy", "1", T0), Mark("deploy", "2", T0), Mark("drill", "3", T0)]
    found = chart(Line("new", [1, 0, 2, 0]), Line("came back", [0, 1, 0, 0]), unit=Unit.COUNT, bars=True, marks=marks)
    assert summary(found) == "In all: new 3, came back 1. 2 deploys, 1 drill in this time."


def test_nothing_is_told_apart_from_nobody() -> None:
    nothing = [None] * 4
    assert summary(chart(Line("P95", nothing))) == "None in this time."
    assert summary(chart(Line("P95", nothing), measured=(False,) * 4)) == "Nobody measured in this time."
    assert summary(chart(measured=(True,) * 4)) == "None in this time."


def test_a_line_that_never_moves_is_told_in_one_word() -> None:
    assert summary(chart(Line("all", [0, 0, None, 0]), unit=Unit.PER_MINUTE)) == "All: 0/min throughout."
