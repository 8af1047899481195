"""What is not worth a line in the log, and what may not stand in one."""

from __future__ import annotations

import logging
import traceback
from pathlib import PurePath
from types import TracebackType
from typing import Final

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
CAUSES_MAX: Final = 10


class BadClients(logging.Filter):
    """Drops the traceback that uvicorn writes when a client sends what is not UTF-8; it closes with 1007."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not str(record.msg).startswith("Invalid UTF-8")


class FirstLine(logging.Filter):
    """Keeps the first line of a message."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = record.getMessage().partition("\n")[0], ()
        return True


class Line(logging.Formatter):
    """One line a record. An exception is told by its type and places: its words could quote what somebody wrote."""

    def __init__(self, fmt: str, *, whole: bool = False) -> None:
        super().__init__(fmt)
        self.whole = whole  # where developers read, and nobody else's words are

    def formatException(self, ei: ExcInfo) -> str:  # noqa: N802 - the library's name
        if self.whole:
            return super().formatException(ei)
        told: list[str] = []
        error = ei[1]
        while error is not None and len(told) < CAUSES_MAX:
            frames = traceback.extract_tb(error.__traceback__, limit=-5)
            places = [f"{PurePath(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]
            told.append(f"  {type(error).__name__} in {' > '.join(places) or 'an unknown place'}")
            error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        return "\n".join(told)
