"""Trouble of a thread that goes on by itself: told once, until it has gone well again or something else breaks."""

from __future__ import annotations

import logging

from django.db import Error as DatabaseError

from signals import telemetry

log = logging.getLogger("icebreaker")


class Trouble:
    """What one thread has told already."""

    def __init__(self, component: str, words: str) -> None:
        self.component, self.words = component, words
        self._told = ""

    def caught(self, error: Exception) -> None:
        """A database that is gone or locked is a line in the log; whatever else breaks is an error like any other."""
        name = type(error).__name__
        if name == self._told:
            return
        self._told = name
        if isinstance(error, DatabaseError):
            log.warning("%s: %s", self.words, name)
        else:
            telemetry.capture(error, component=self.component)

    def over(self) -> None:
        self._told = ""
