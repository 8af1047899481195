"""What all simulated people of one run share."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final

METRES_PER_DEGREE: Final = 111_320.0


@dataclass(frozen=True)
class Plan:
    """Where, until when, and who else of the crowd is there."""

    url: str
    lat: float
    lng: float
    radius_m: float
    until: float  # perf_counter
    tags: tuple[str, ...] = ()
    talkative: float = 0.6
    crowd: set[str] = field(default_factory=set)  # everybody simulated who is here, by session
    hosts: set[str] = field(default_factory=set)  # of these, whom only visitors ask

    @property
    def ws_url(self) -> str:
        return self.url.replace("http", "ws", 1).rstrip("/") + "/ws"

    def place(self, east_m: float, north_m: float) -> dict[str, float]:
        lat = self.lat + north_m / METRES_PER_DEGREE
        return {"lat": lat, "lng": self.lng + east_m / (METRES_PER_DEGREE * math.cos(math.radians(self.lat)))}
