"""The draft of a write-up: what is known, as Markdown, for a person to finish."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]()<>#+!|~-])")


@dataclass(frozen=True, slots=True)
class Happening:
    """One line of the timeline."""

    at: datetime
    what: str
    by: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """All that the draft is made of; `sessions_hit` is None when nobody counted them."""

    title: str
    number: int
    severity: str
    verdict: str
    detected_at: datetime
    resolved_at: datetime
    acknowledged_at: datetime | None
    troubled: timedelta
    sessions_hit: int | None
    cause: str
    follow_ups: Sequence[str]
    happenings: Sequence[Happening]


def plain(text: str) -> str:
    """Text from elsewhere as one line that Markdown doesn't read as markup."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def minutes(duration: timedelta) -> str:
    whole = round(duration.total_seconds() / 60)
    return "under a minute" if whole < 1 else "1 minute" if whole == 1 else f"{whole} minutes"


def _stamp(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def _times(facts: Facts) -> list[str]:
    acknowledged = (
        minutes(facts.acknowledged_at - facts.detected_at) if facts.acknowledged_at else "nobody acknowledged it"
    )
    return [
        f"- Detected: {_stamp(facts.detected_at)}",
        f"- Resolved: {_stamp(facts.resolved_at)}",
        f"- Time to acknowledge: {acknowledged}",
        f"- Time to resolve: {minutes(facts.resolved_at - facts.detected_at)}",
        f"- Severity: {facts.severity}; verdict: {facts.verdict.replace('_', ' ')}",
    ]


def draft(facts: Facts) -> str:
    """Timeline, cause, impact and follow-ups. What nobody said is said to be unknown, and not made up."""
    hit = "not counted" if facts.sessions_hit is None else str(facts.sessions_hit)
    lines = sorted(facts.happenings, key=lambda happening: happening.at)
    timeline = [f"- {_stamp(h.at)}: {plain(h.what)}" + (f" ({plain(h.by)})" if h.by else "") for h in lines]
    follow_ups = [f"- {plain(line)}" for line in facts.follow_ups if line.strip()]
    parts = [
        [f"# Incident {facts.number}: {plain(facts.title)}", "", *_times(facts)],
        ["## Impact", "", f"- Time with an open alert: {minutes(facts.troubled)}", f"- Sessions hit: {hit}"],
        ["## Cause", "", plain(facts.cause) or "Not known."],
        ["## Timeline", "", *timeline],
        ["## Follow-ups", "", *(follow_ups or ["None."])],
    ]
    return "\n\n".join("\n".join(part) for part in parts) + "\n"
