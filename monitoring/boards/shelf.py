"""All boards, in the order in which they are offered."""

from __future__ import annotations

from typing import Any, Final

from monitoring.boards import alerts, connections, errors, overview, performance, uptime
from monitoring.boards.board import Board

BOARDS: Final[dict[str, Board]] = {
    board.name: board
    for board in (
        overview.BOARD,
        errors.BOARD,
        performance.BOARD,
        connections.BOARD,
        uptime.BOARD,
        alerts.BOARD,
    )
}


def may_see(user: Any, board: Board) -> bool:
    """Whether this person may see this board."""
    return bool(user.is_active and user.is_staff and user.has_perm(board.permission))
