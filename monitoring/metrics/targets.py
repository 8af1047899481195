"""What good means, in figures: the lines that boards draw and words compare with. When somebody is called stands in
alerts/rules.py; these are what we want every day.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from signals import telemetry


class Reading(StrEnum):
    """How a metric becomes the one number that is compared."""

    P50 = "P50"
    P95 = "P95"
    P99 = "P99"
    BY_MINUTE = "a minute"
    SHARE = "share of the time"


@dataclass(frozen=True, slots=True)
class Target:
    """A line on a chart: the reading of `metric` stays at or below `limit`, or at or above it where `is_floor`."""

    name: str
    title: str
    metric: str | None  # None: every timing of what somebody waits for
    label: str | None  # None: all of the metric's labels together
    reading: Reading
    limit: float
    unit: str
    is_floor: bool = False

    def is_met(self, value: float) -> bool:
        return value >= self.limit if self.is_floor else value <= self.limit

    @property
    def words(self) -> str:
        """As it stands beside the line: `P95 at most 100 ms`."""
        value = f"{self.limit:.1%}" if self.reading is Reading.SHARE else f"{self.limit:g} {self.unit}".rstrip()
        what = "" if self.reading in (Reading.SHARE, Reading.BY_MINUTE) else f"{self.reading} "
        rate = " a minute" if self.reading is Reading.BY_MINUTE else ""
        return f"{what}{'at least' if self.is_floor else 'at most'} {value}{rate}"


HEALTH: Final = Target(
    "health", "Health answer", telemetry.HTTP_REQUEST, "api/health", Reading.P95, limit=100, unit="ms"
)
MESSAGE: Final = Target("message", "WebSocket message", telemetry.WS_MESSAGE, None, Reading.P95, 500, "ms")
RANKING: Final = Target("ranking", "Signal Engine", telemetry.SIGNAL_RANK, None, Reading.P95, 200, "ms")
CHAT_START: Final = Target("chat-start", "Chat start", telemetry.CHAT_START, None, Reading.P95, 500, "ms")
P50: Final = Target("p50", "Any answer", None, None, Reading.P50, 200, "ms")
P95: Final = Target("p95", "Any answer", None, None, Reading.P95, 1000, "ms")
P99: Final = Target("p99", "Any answer", None, None, Reading.P99, 2000, "ms")
ERRORS: Final = Target("errors", "Errors", telemetry.ERRORS, None, Reading.BY_MINUTE, 5, "")
UPTIME: Final = Target("uptime", "Uptime", "uptime", None, Reading.SHARE, 0.999, "", is_floor=True)

TARGETS: Final = (HEALTH, MESSAGE, RANKING, CHAT_START, P50, P95, P99, ERRORS, UPTIME)
