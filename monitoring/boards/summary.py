"""What a chart shows, in sentences: for who can't see it, or has no time to."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from monitoring.boards.chart import Chart, Line, Threshold, gaps
from monitoring.boards.words import clock, lasted, say

LINES_TOLD: Final = 6


def summary(chart: Chart) -> str:
    """How the first line went, where the others ended, which threshold was passed, and what is missing."""
    if chart.is_empty:
        return "None in this time." if any(chart.measured) else "Nobody measured in this time."
    told = [line for line in chart.lines if any(v is not None for v in line.values)][:LINES_TOLD]
    values = _in_all(chart, told) if chart.bars else f"{_first(chart, told[0])} {_others(chart, told[1:])}".strip()
    parts = (values, _passed(chart), _happened(chart), _missing(chart))
    return " ".join(_sentence(part) for part in parts if part)


def _sentence(text: str) -> str:
    """With a capital, unless it begins with the name of a metric, a route or a type of message."""
    return text[0].upper() + text[1:] if text.split(maxsplit=1)[0].rstrip(":").isalpha() else text


def _in_all(chart: Chart, lines: list[Line]) -> str:
    totals = (f"{line.label} {say(sum(v or 0 for v in line.values), chart.unit)}" for line in lines)
    return f"In all: {', '.join(totals)}."


def _first(chart: Chart, line: Line) -> str:
    known = [(value, at) for value, at in zip(line.values, chart.times, strict=True) if value is not None]
    last, (top, top_at) = known[-1][0], max(known, key=lambda pair: pair[0])
    if all(value == top for value, _ in known):
        return f"{line.label}: {say(top, chart.unit)} throughout."
    when = clock(top_at, chart.length)
    return f"{line.label}: {say(last, chart.unit)} at the end, highest {say(top, chart.unit)} at {when}."


def _others(chart: Chart, lines: list[Line]) -> str:
    if not lines:
        return ""
    ends = ((line, next(value for value in reversed(line.values) if value is not None)) for line in lines)
    return f"At the end {', '.join(f'{line.label} {say(value, chart.unit)}' for line, value in ends)}."


def _passed(chart: Chart) -> str:
    """The worst threshold that a line passed, and for how long; the mildest when none was passed."""
    if not chart.thresholds:
        return ""
    by_value = sorted(chart.thresholds, key=lambda threshold: threshold.value)
    for threshold in reversed(by_value):
        for line in _about(chart, threshold):
            if steps := sum(value is not None and value > threshold.value for value in line.values):
                limit = f"{say(threshold.value, chart.unit)} ({threshold.label})"
                return f"{line.label} is over {limit} for {lasted(chart.step * steps)}."
    lowest = by_value[0]
    return f"Never over {say(lowest.value, chart.unit)} ({lowest.label})."


def _about(chart: Chart, threshold: Threshold) -> list[Line]:
    named = [line for line in chart.lines if line.label == threshold.of]
    return named or list(chart.lines)


def _happened(chart: Chart) -> str:
    counts = [(sum(mark.kind == kind for mark in chart.marks), kind) for kind in ("deploy", "incident", "drill")]
    said = [f"{n} {kind}{'s' if n > 1 else ''}" for n, kind in counts if n]
    return f"{', '.join(said)} in this time." if said else ""


def _missing(chart: Chart) -> str:
    found = gaps(chart)
    total = sum((end - start for start, end in found), timedelta(0))
    return f"Nobody measured for {lasted(total)} of it." if found else ""
