"""What is new on a board, worked out once for everybody who watches it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from monitoring.boards import ranges
from monitoring.boards.board import Board, look
from monitoring.boards.draw import html

EVERY: Final = timedelta(seconds=10)
CHARTS_AT_MOST_EVERY: Final = timedelta(seconds=60)
KEPT: Final = 24  # boards and ranges, the last used


@dataclass(slots=True)
class Kept:
    """The panels of one board and range, and when each was read."""

    panels: dict[str, str] = field(default_factory=dict)
    read_at: dict[str, datetime] = field(default_factory=dict)


class Feed:
    """Refreshes what is due and nothing else, one look at a time: it costs processor time that people need too."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[str, str], Kept] = OrderedDict()

    def look(self, board: Board, name: str, now: datetime) -> dict[str, str]:
        """Every panel of a board over one of the usual ranges, as HTML. Called from a thread of its own."""
        with self._lock:
            return self._looked(board, name, now)

    def _looked(self, board: Board, name: str, now: datetime) -> dict[str, str]:
        kept = self._kept.setdefault((board.name, name), Kept())
        self._kept.move_to_end((board.name, name))
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        shown = ranges.usual(name, now)
        steady = min(max(EVERY, shown.step), CHARTS_AT_MOST_EVERY)
        fresh = {key for key, at in kept.read_at.items() if now - at < (EVERY if key in board.at_once else steady)}
        for panel in look(board, shown, now, skip=fresh):
            kept.panels[panel.key] = html(board.name, panel, shown)
            kept.read_at[panel.key] = now
        return dict(kept.panels)
