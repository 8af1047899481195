"""A board: its panels, who may see it, and how one panel that can't be read leaves the others standing."""

from __future__ import annotations

import logging
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from django.db import DatabaseError

from monitoring.boards.desk import Desk
from monitoring.boards.panel import Body, Panel
from monitoring.boards.ranges import Range
from signals import telemetry

R = TypeVar("R")
log = logging.getLogger("icebreaker")


@dataclass(frozen=True, slots=True)
class Spec:
    """One panel: how it is read."""

    key: str
    title: str
    read: Callable[[Desk], Body]
    note: str = ""
    wide: bool = False


@dataclass(frozen=True, slots=True)
class Board:
    """One page of panels. `permission` is Django's, of an app and a codename."""

    name: str
    title: str
    permission: str
    specs: tuple[Spec, ...]
    family: Callable[[], Sequence[Spec]] | None = None  # panels of which there are as many as there are things
    at_once: frozenset[str] = frozenset()  # panels that say how it is now, whatever the range


def look(
    board: Board, shown: Range, now: datetime, *, only: str = "", skip: Container[str] = frozenset()
) -> list[Panel]:
    """Every panel of a board (or only one, or not these), each read by itself."""
    desk = Desk(shown, now)
    wanted = (spec for spec in [*board.specs, *_family(board)] if not only or spec.key == only)
    return [_taken(spec, desk) for spec in wanted if spec.key not in skip]


def _family(board: Board) -> Sequence[Spec]:
    if not board.family:
        return ()
    found = _guarded("panels", board.family)
    return [Spec("more", "More panels", _unreadable)] if found is None else found


def _taken(spec: Spec, desk: Desk) -> Panel:
    return Panel(spec.key, spec.title, _guarded(spec.key, lambda: spec.read(desk)), spec.note, spec.wide)


def _guarded(key: str, read: Callable[[], R]) -> R | None:
    """What is read, or None when it can't be. A database that is busy is no error of ours."""
    try:
        return read()
    except DatabaseError as error:
        log.warning("the panel %s can't be read: %s", key, type(error).__name__)
    except Exception as error:
        telemetry.capture(error, component="boards")
    return None


def _unreadable(desk: Desk) -> Body:
    raise DatabaseError("what panels there are could not be read")
