"""What a board is made of, as plain values: a verdict, charts, tiles, tables and bars of time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from monitoring.boards.chart import Chart, as_csv, csv_text
from monitoring.boards.words import Unit, clock, lasted, moment, share


class Cell(NamedTuple):
    """A cell of a table that leads somewhere."""

    text: str
    href: str

    def __str__(self) -> str:
        return self.text


Row = Sequence[str | Cell]


@dataclass(frozen=True, slots=True)
class Figure:
    """One number that stands for itself; `state` says how it stands: well, warning, critical, unknown, or nothing."""

    label: str
    value: str
    state: str = ""
    note: str = ""
    href: str = ""


@dataclass(frozen=True, slots=True)
class Tiles:
    """Figures side by side."""

    figures: Sequence[Figure]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether all is well: one sentence, and what it is about."""

    state: str  # well | warning | critical | unknown
    sentence: str
    open: Table


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text; `empty` is said when there is none."""

    head: Sequence[str]
    rows: Sequence[Row]
    empty: str = "Nothing in this time."


@dataclass(frozen=True, slots=True)
class Stretch:
    """One piece of a bar of time, and how much of it was which."""

    at: datetime
    length: timedelta
    down: timedelta
    slow: timedelta
    unknown: timedelta
    work: timedelta

    @property
    def state(self) -> str:
        """What it is drawn as: the worst that was, unless nobody looked."""
        if self.down:
            return "down"
        if self.unknown + self.work >= self.length * 0.95:
            return "work" if self.work > self.unknown else "unknown"
        if self.slow:
            return "slow"
        return "up" if not self.unknown and not self.work else "part"

    @property
    def watched(self) -> timedelta:
        return max(timedelta(0), self.length - self.unknown - self.work)

    @property
    def share(self) -> float | None:
        """Part of the watched time in which it was up; None when nobody watched."""
        return 1 - min(self.down, self.watched) / self.watched if self.watched else None

    @property
    def words(self) -> str:
        """What this piece says when somebody points at it."""
        named = (("down", self.down), ("slow", self.slow), ("not watched", self.unknown), ("maintenance", self.work))
        return ", ".join(f"{name} {lasted(time)}" for name, time in named if time) or "up"


@dataclass(frozen=True, slots=True)
class Bars:
    """Time as a row of pieces."""

    pieces: Sequence[Stretch]
    uptime: float | None

    @property
    def length(self) -> timedelta:
        return sum((piece.length for piece in self.pieces), timedelta(0))

    @property
    def head(self) -> list[str]:
        return ["From (UTC)", "Uptime", "Down", "Slow", "Not watched", "Maintenance"]

    @property
    def rows(self) -> list[list[str]]:
        length = self.length
        return [
            [clock(p.at, length), share(p.share), *(lasted(t) for t in (p.down, p.slow, p.unknown, p.work))]
            for p in self.pieces
        ]


Body = Chart | Tiles | Table | Bars | Verdict


@dataclass(frozen=True, slots=True)
class Panel:
    """One part of a board: what it shows, or in words why it can't."""

    key: str
    title: str
    body: Body | None
    note: str = ""
    wide: bool = False


def bars_summary(bars: Bars) -> str:
    """The uptime and how the rest of the time was, in a sentence."""
    parts = (
        ("Down for", [p.down for p in bars.pieces]),
        ("Slow for", [p.slow for p in bars.pieces]),
        ("Not watched for", [p.unknown for p in bars.pieces]),
        ("Maintenance for", [p.work for p in bars.pieces]),
    )
    totals = [(words, sum(times, timedelta(0))) for words, times in parts]
    up = f"Up {share(bars.uptime)} of the time that was watched." if bars.uptime is not None else "Nobody watched."
    return " ".join([up, *(f"{words} {lasted(total)}." for words, total in totals if total)])


def download(panel: Panel) -> str | None:
    """The panel as CSV; None where there is nothing to take away."""
    match panel.body:
        case Chart() as chart:
            return as_csv(chart)
        case Table(head=head, rows=rows):
            return csv_text([head, *([str(cell) for cell in row] for row in rows)])
        case Bars(pieces=pieces):
            head = ["from", *(f"{name} ({Unit.SECONDS})" for name in ("length", "down", "slow", "unknown", "work"))]
            return csv_text([head, *([moment(p.at), *_seconds(p)] for p in pieces)])
        case _:
            return None


def _seconds(piece: Stretch) -> list[float]:
    return [t.total_seconds() for t in (piece.length, piece.down, piece.slow, piece.unknown, piece.work)]
