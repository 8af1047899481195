"""Bars say down, slow, not watched and maintenance apart; a seat at the live socket is counted."""

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest

from monitoring.boards.panel import Bars, Cell, Figure, Panel, Stretch, Table, Tiles, bars_summary, download
from monitoring.boards.seats import BY_PERSON, OPENED_A_MINUTE, Seats

T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR, NONE = timedelta(hours=1), timedelta(0)


def piece(down: float = 0, slow: float = 0, unknown: float = 0, work: float = 0) -> Stretch:
    return Stretch(T0, HOUR, *(timedelta(minutes=minutes) for minutes in (down, slow, unknown, work)))


@pytest.mark.parametrize(
    ("one", "state", "up", "words"),
    [
        (piece(), "up", 1, "up"),
        (piece(down=6), "down", 0.9, "down 6 min"),
        (piece(down=1, unknown=58), "down", 0.5, "down 1 min, not watched 58 min"),
        (piece(slow=10), "slow", 1, "slow 10 min"),
        (piece(unknown=10), "part", 1, "not watched 10 min"),
        (piece(unknown=60), "unknown", None, "not watched 1 h"),
        (piece(work=60), "work", None, "maintenance 1 h"),
    ],
    ids=["up", "down", "down in the dark", "slow", "partly unknown", "unknown", "maintenance"],
)
def test_a_piece_of_time_shows_the_worst_that_was_known(one: Stretch, state: str, up: float | None, words: str) -> None:
    assert (one.state, one.share, one.words) == (state, up if up is None else pytest.approx(up), words)


def test_bars_have_a_sentence_a_table_and_a_csv() -> None:
    bars = Bars([piece(), piece(down=6), piece(unknown=60)], 0.95)
    assert bars_summary(bars) == "Up 95 % of the time that was watched. Down for 6 min. Not watched for 1 h."
    assert bars.rows[1] == ["12:00", "90 %", "6 min", "0 s", "0 s", "0 s"]
    assert bars_summary(Bars([piece(work=60)], None)) == "Nobody watched. Maintenance for 1 h."
    table = list(csv.reader(io.StringIO(download(Panel("k", "t", bars)) or "")))
    assert table[2] == ["2026-03-01 12:00:00", "3600.0", "360.0", "0.0", "0.0", "0.0"]


def test_a_table_can_be_taken_away_and_tiles_can_not() -> None:
    table = Table(("Issue", "Events"), [[Cell("=x", "/y"), "3"]])
    assert download(Panel("k", "t", table)) == "Issue,Events\r\n'=x,3\r\n"
    assert download(Panel("k", "t", Tiles([Figure("a", "1")]))) is None
    assert download(Panel("k", "t", None)) is None


def test_seats_are_bounded_in_all_and_by_person_and_are_given_back() -> None:
    seats = Seats(BY_PERSON + 1)
    assert all(seats.take(1) for _ in range(BY_PERSON))
    assert not seats.take(1)
    assert seats.take(2)
    assert not seats.take(3)
    seats.leave(1)
    assert seats.take(3)


def test_whoever_comes_again_and_again_has_to_wait() -> None:
    seats = Seats(5)
    assert not any(seats.is_rushed(100.0) for _ in range(OPENED_A_MINUTE))
    assert seats.is_rushed(159.9)
    assert not seats.is_rushed(160.0)
