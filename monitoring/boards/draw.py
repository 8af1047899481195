"""A panel as HTML: the same piece of page at first sight and at each refresh."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any, Final

from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe

from monitoring.boards.chart import Chart, gaps, head, plain, rows
from monitoring.boards.panel import Bars, Cell, Panel, Table, Tiles, Verdict, bars_summary
from monitoring.boards.ranges import Range
from monitoring.boards.summary import summary
from monitoring.boards.words import say

PIECES: Final = {
    "up": "up",
    "part": "up, in part not watched or in maintenance",
    "slow": "slow",
    "down": "down",
    "unknown": "not watched",
    "work": "maintenance",
}


def html(board: str, panel: Panel, shown: Range) -> SafeString:
    """One panel, whole."""
    context = {"panel": panel, "board": board, "query": shown.query, **_body(panel)}
    return render_to_string("monitoring/boards/panel.html", context)


def _body(panel: Panel) -> dict[str, Any]:
    match panel.body:
        case Chart() as chart:
            return _chart(chart)
        case Bars() as bars:
            states = {piece.state for piece in bars.pieces}
            return {
                "kind": "bars",
                "summary": bars_summary(bars),
                "table": table(bars.head, bars.rows),
                "pieces": [(words, state) for state, words in PIECES.items() if state in states],
            }
        case Table() as found:
            return {"kind": "table", "table": table(found.head, found.rows)}
        case Verdict() as verdict:
            return {"kind": "verdict", "table": table(verdict.open.head, verdict.open.rows)}
        case Tiles():
            return {"kind": "tiles"}
        case _:
            return {"kind": "trouble"}


def _chart(chart: Chart) -> dict[str, Any]:
    if chart.is_empty:
        return {"kind": "nothing", "summary": summary(chart)}
    return {
        "kind": "chart",
        "summary": summary(chart),
        "data": plain(chart),
        "table": table(head(chart), rows(chart)),
        "limits": [(limit.severity, f"{limit.label}: {say(limit.value, chart.unit)}") for limit in chart.thresholds],
        "marks": list(dict.fromkeys(mark.kind for mark in chart.marks)),
        "has_gaps": bool(gaps(chart)),
    }


def table(titles: Iterable[str], body: Iterable[Sequence[str | Cell]]) -> SafeString:
    """Head and body of a table. A board has thousands of cells, and a template (or its escape) takes longer."""
    first = "".join(f"<th scope=col>{escape(title)}" for title in titles)
    rest = "".join(
        f"<tr><th scope=row>{_cell(row[0])}{''.join(f'<td>{_cell(cell)}' for cell in row[1:])}" for row in body
    )
    return mark_safe(f"<thead><tr>{first}<tbody>{rest}")  # noqa: S308 - every cell is escaped


def _cell(cell: str | Cell) -> str:
    if isinstance(cell, Cell) and cell.href:
        return f'<a href="{escape(cell.href)}">{escape(cell.text)}</a>'
    return escape(cell if isinstance(cell, str) else cell.text)
