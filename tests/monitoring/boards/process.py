"""A process that measures by the real recorder and flusher, with its clock in our hand."""

from __future__ import annotations

from datetime import datetime, timedelta

from monitoring.metrics.flusher import Flusher
from monitoring.metrics.recorder import MetricsRecorder

FLUSH = timedelta(seconds=5)


class Process:
    """`at` is its clock; what is recorded falls into the five seconds before the next `flush`."""

    def __init__(self, at: datetime) -> None:
        self.recorder = MetricsRecorder()
        self.flusher = Flusher(self.recorder, "web")
        self.at = at
        self.flusher.tick(at)

    def flush(self) -> None:
        self.at += FLUSH
        self.flusher.tick(self.at)

    def until(self, at: datetime) -> Process:
        """Go on measuring that nothing happens."""
        while self.at < at:
            self.flush()
        return self

    def write(self) -> None:
        assert self.flusher.write(self.at)
