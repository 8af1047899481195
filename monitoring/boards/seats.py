"""Who may watch live: so many at once, so many of one person, and not again and again."""

from __future__ import annotations

from collections import Counter, deque
from typing import Final

BY_PERSON: Final = 10
OPENED_A_MINUTE: Final = 60  # by everybody together


class Seats:
    """The open sockets of one process."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken: Counter[int] = Counter()
        self._opened: deque[float] = deque()

    def is_rushed(self, now_s: float) -> bool:
        """Count one more attempt; whether there were too many in the last minute."""
        while self._opened and self._opened[0] <= now_s - 60:
            self._opened.popleft()
        if len(self._opened) >= OPENED_A_MINUTE:
            return True
        self._opened.append(now_s)
        return False

    def take(self, person: int) -> bool:
        """A seat for this person, if there is one."""
        if self._taken.total() >= self._most or self._taken[person] >= BY_PERSON:
            return False
        self._taken[person] += 1
        return True

    def leave(self, person: int) -> None:
        self._taken[person] -= 1
        if self._taken[person] <= 0:
            del self._taken[person]
