"""What one more event means for an issue: nothing new, or that it came back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Status(StrEnum):
    UNRESOLVED = "unresolved"
    RESOLVED = "resolved"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class Standing:
    """An issue as far as the question goes."""

    status: Status
    resolved_at: datetime | None = None
    in_next_release: bool = False  # resolved only for releases that were first seen after resolved_at
    ignored_until: datetime | None = None
    ignored_until_count: int | None = None


def came_back(issue: Standing, *, at: datetime, count: int, release_since: datetime | None) -> bool:
    """Whether an event makes the issue unresolved again.

    `at` is when it was received, `count` the issue's events with it, `release_since` when the event's release was
    first seen (None when it says none).
    """
    if issue.status is Status.RESOLVED:
        if not issue.in_next_release:
            return True
        return release_since is not None and issue.resolved_at is not None and release_since > issue.resolved_at
    if issue.status is Status.IGNORED:
        over = issue.ignored_until is not None and at >= issue.ignored_until
        return over or (issue.ignored_until_count is not None and count >= issue.ignored_until_count)
    return False
