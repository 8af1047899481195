"""How much a project may send: counted by category and by minute."""

from __future__ import annotations

from typing import Final

WINDOW_S: Final = 60
CATEGORY: Final = {  # of an item, in the words that SDKs understand
    "event": "error",
    "transaction": "transaction",
    "span": "span",
    "session": "session",
    "sessions": "session",
    "check_in": "monitor",
    "feedback": "feedback",
    "user_report": "feedback",
    "client_report": "default",
}


class Quotas:
    """Counts of the minute under way; bounded by the number of projects and categories."""

    def __init__(self) -> None:
        self._minute = 0
        self._counts: dict[tuple[int, str], int] = {}

    def take(self, project_id: int, category: str, limit: int, now: float) -> int:
        """0 when one more is allowed; otherwise the seconds to wait. A limit of 0 is no limit."""
        minute = int(now // WINDOW_S)
        if minute != self._minute:
            self._minute, self._counts = minute, {}
        if not limit:
            return 0
        key = (project_id, category)
        count = self._counts.get(key, 0)
        if count >= limit:
            return max(1, int((minute + 1) * WINDOW_S - now) + 1)
        self._counts[key] = count + 1
        return 0
