"""Every figure that a runbook may name: of this place, and of how it goes at the moment."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Final

from django.db import DatabaseError

from monitoring import glance
from monitoring.drills import record
from monitoring.runbooks import figures

log = logging.getLogger("icebreaker")
Reader = Callable[[datetime], str]


def _says(reader: Callable[[datetime], glance.Figure], now: datetime) -> str:
    return reader(now).says


def _drill(now: datetime) -> str:
    found = [f"{drill.get_kind_display()}, until {drill.ends_at:%H:%M:%S} UTC" for drill in record.running(now)]
    return "; ".join(found) or "none"


READERS: Final[dict[str, Reader]] = {
    "drill": _drill,
    **{name.replace(" ", "."): partial(_says, reader) for name, reader in glance.READERS.items()},
}
NAMES: Final = READERS.keys() | figures.READERS.keys()


def read(names: frozenset[str], now: datetime) -> dict[str, str]:
    """Those of `names` that can be read now; the page says of the others that they are unknown."""
    found = figures.read(names)
    for name in sorted(names & READERS.keys()):
        try:
            found[name] = READERS[name](now)
        except DatabaseError as error:
            log.warning("the figure %s can't be read: %s", name, type(error).__name__)
            break  # whoever asks again would only wait again
    return found
