"""Numbers and times as people read them; the same in charts, tables, tiles and sentences."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

NOTHING: Final = "–"


class Unit(StrEnum):
    """What a number counts, as the axis says it."""

    MS = "ms"
    PER_MINUTE = "per minute"
    COUNT = "number"
    SHARE = "percent"
    SECONDS = "s"
    RATIO = "for each"


def number(value: float) -> str:
    """Three digits that matter: 0.123, 4.56, 78.9, 1,234."""
    size = abs(value)
    if size >= 99.95:
        return f"{value:,.0f}"
    text = f"{value:.1f}" if size >= 9.995 else f"{value:.2f}" if size >= 0.9995 else f"{value:.3f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def say(value: float | None, unit: Unit) -> str:
    """A value with what it counts, as short as it may be."""
    if value is None:
        return NOTHING
    match unit:
        case Unit.MS:
            return f"{number(value / 1000)} s" if value >= 999.5 else f"{number(value)} ms"
        case Unit.SHARE:
            return share(value)
        case Unit.PER_MINUTE:
            return f"{number(value)}/min"
        case Unit.SECONDS:
            return f"{number(value)} s"
        case Unit.COUNT | Unit.RATIO:
            return number(value)


def share(value: float | None) -> str:
    """A part of one as percent; 100 % is said of nothing less, and 0 % of nothing more."""
    if value is None:
        return NOTHING
    percent = value * 100
    if 0 < percent < 0.001:
        return "under 0.001 %"
    if 99.999 < percent < 100:
        return "over 99.999 %"
    text = f"{percent:.3f}" if percent > 99 or percent < 1 else f"{percent:.1f}"
    return f"{text.rstrip('0').rstrip('.')} %" if "." in text else f"{text} %"


def lasted(duration: timedelta) -> str:
    """How long something took: its two biggest parts."""
    seconds = max(0, round(duration.total_seconds()))
    parts = list[str]()
    for name, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        n, seconds = divmod(seconds, size)
        if n or (name == "s" and not parts):
            parts.append(f"{n} {name}")
    return " ".join(parts[:2])


def clock(at: datetime, length: timedelta) -> str:
    """A moment, as exactly as a range of this length needs it."""
    at = at.astimezone(UTC)
    if length <= timedelta(hours=2):
        return f"{at:%H:%M:%S}"
    return f"{at:%d %b %H:%M}" if length > timedelta(hours=23) else f"{at:%H:%M}"


def moment(at: datetime) -> str:
    """A moment in full."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
