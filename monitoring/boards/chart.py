"""A chart as a plain value: what is drawn, its table, its CSV and the time that nobody measured."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any, Final

from monitoring.boards.words import NOTHING, Unit, clock, say

MARKS_MAX: Final = 60  # more would hide what they stand on
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a chart: a value for each step, None where nobody measured or nothing happened to be timed."""

    label: str
    values: Sequence[float | None]


@dataclass(frozen=True, slots=True)
class Threshold:
    """A value that is drawn: a target, or where a rule speaks up."""

    label: str
    value: float
    severity: str = "target"  # target | warning | critical
    of: str = ""  # the line that it is about, where it isn't about every one


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened: a deploy, or an incident (which lasts)."""

    kind: str  # deploy | incident | drill
    label: str
    at: datetime
    to_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Chart:
    """Lines over time with one unit; `measured` says for each step whether anybody looked."""

    what: str  # what the lines are of, for the axis and for sentences: "Time of a message"
    unit: Unit
    times: Sequence[datetime]
    step: timedelta
    lines: Sequence[Line]
    measured: Sequence[bool]
    thresholds: Sequence[Threshold] = ()
    marks: Sequence[Mark] = ()
    bars: bool = False
    steep: bool = False  # values over several powers of ten: a logarithmic axis

    def __post_init__(self) -> None:
        if any(len(row) != len(self.times) for row in (self.measured, *(line.values for line in self.lines))):
            raise ValueError("a chart has one value a step")

    @property
    def length(self) -> timedelta:
        return self.step * len(self.times)

    @property
    def axis(self) -> str:
        """What stands at the axis."""
        return f"{self.what} ({self.unit}, log scale)" if self.steep else f"{self.what} ({self.unit})"

    @property
    def is_empty(self) -> bool:
        return all(value is None for line in self.lines for value in line.values)


def gaps(chart: Chart) -> list[tuple[datetime, datetime]]:
    """The stretches in which nobody measured."""
    found = []
    for measured, group in groupby(zip(chart.times, chart.measured, strict=True), key=lambda pair: pair[1]):
        if not measured:
            times = [at for at, _ in group]
            found.append((times[0], times[-1] + chart.step))
    return found


def head(chart: Chart) -> list[str]:
    """The first row of the chart's table."""
    return ["From (UTC)", *(line.label for line in chart.lines)]


def rows(chart: Chart) -> list[list[str]]:
    """The table of a chart, a row a step: what hovering shows, in the same words."""
    table = []
    for index, at in enumerate(chart.times):
        values = (say(line.values[index], chart.unit) for line in chart.lines)
        if chart.measured[index]:
            table.append([clock(at, chart.length), *values])
        else:
            table.append([clock(at, chart.length), *("not measured" if v == NOTHING else v for v in values)])
    return table


def as_csv(chart: Chart) -> str:
    """The exact numbers, an empty cell where there is none."""
    names = [f"{line.label} ({chart.unit})" for line in chart.lines]
    points = (
        [at.astimezone(UTC).isoformat(), *("" if line.values[i] is None else line.values[i] for line in chart.lines)]
        for i, at in enumerate(chart.times)
    )
    return csv_text([["from", *names], *points])


def csv_text(table: Iterable[Sequence[object]]) -> str:
    """Rows as CSV. Text that a spreadsheet would take for a formula is made plain."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows([_plain(cell) for cell in row] for row in table)
    return out.getvalue()


def _plain(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


def plain(chart: Chart) -> dict[str, Any]:
    """What the page draws, as JSON takes it: times in milliseconds, values with six digits at most."""
    return {
        "axis": chart.axis,
        "unit": chart.unit.name,
        "steep": chart.steep,
        "bars": chart.bars,
        "step": int(chart.step.total_seconds() * 1000),
        "times": [_ms(at) for at in chart.times],
        "lines": [{"label": line.label, "values": [_short(v) for v in line.values]} for line in chart.lines],
        "gaps": [[_ms(a), _ms(b)] for a, b in gaps(chart)],
        "thresholds": [{"label": t.label, "value": t.value, "severity": t.severity} for t in chart.thresholds],
        "marks": [
            {"kind": m.kind, "label": m.label, "at": _ms(m.at), "to": _ms(m.to_at) if m.to_at else None}
            for m in chart.marks
        ],
    }


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def _short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.6g}")


def leading(found: Mapping[str, Sequence[float | None]], most: int) -> list[Line]:
    """A line for each label, the biggest first; what comes after `most` of them is added up into one."""
    ranked = sorted(found, key=lambda label: (-sum(v or 0 for v in found[label]), label))
    lines = [Line(label or "all", found[label]) for label in ranked[:most]]
    rest = [found[label] for label in ranked[most:]]
    if len(rest) == 1:
        return [*lines, Line(ranked[-1], rest[0])]
    return (
        [*lines, Line(f"{len(rest)} others", [_sum(values) for values in zip(*rest, strict=True)])] if rest else lines
    )


def _sum(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None
