"""A thread that goes on tells its trouble once: a database that is away in the log, everything else as an error."""

import logging
import threading
from typing import Any

import pytest
from django.db import OperationalError

from monitoring.drills import live
from monitoring.drills.live import Drilling
from monitoring.metrics import flusher
from monitoring.metrics.flusher import Flusher
from monitoring.metrics.recorder import MetricsRecorder
from monitoring.metrics.trouble import Trouble
from signals import telemetry


@pytest.fixture
def captured(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    told: list[tuple[str, str]] = []
    monkeypatch.setattr(
        telemetry, "capture", lambda error, **tags: told.append((type(error).__name__, tags["component"]))
    )
    return told


def test_the_same_trouble_is_told_once_and_again_after_it_was_over(captured: list[tuple[str, str]]) -> None:
    trouble = Trouble("part", "it can't be done")
    for _ in range(3):
        trouble.caught(KeyError())
    trouble.caught(IndexError())
    trouble.over()
    trouble.caught(IndexError())
    assert captured == [("KeyError", "part"), ("IndexError", "part"), ("IndexError", "part")]


def test_a_database_that_is_away_is_a_line_in_the_log_and_no_error(
    captured: list[tuple[str, str]], caplog: pytest.LogCaptureFixture
) -> None:
    trouble = Trouble("part", "it can't be done")
    for _ in range(3):
        trouble.caught(OperationalError("with words that quote something"))
    assert [(r.levelno, r.getMessage()) for r in caplog.records] == [
        (logging.WARNING, "it can't be done: OperationalError")
    ]
    assert captured == []


def breaking(times: int, then: threading.Event) -> Any:
    """Something that breaks so often, and says when it no longer does."""
    left = times

    def work(*_: object, **__: object) -> bool:
        nonlocal left
        left -= 1
        if left >= 0:
            raise LookupError
        then.set()
        return True

    return work


def test_both_threads_of_the_flusher_outlive_what_breaks_and_tell_it_once(
    captured: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flusher, "EVERY_S", 0.01)
    ticked, wrote = threading.Event(), threading.Event()
    mine = Flusher(MetricsRecorder(), "web")
    monkeypatch.setattr(mine, "tick", breaking(3, ticked))
    monkeypatch.setattr(mine, "write", breaking(3, wrote))
    monkeypatch.setattr(flusher, "close_old_connections", lambda: None)
    mine.start()
    assert ticked.wait(10)
    assert wrote.wait(10)
    mine.stop()
    assert sorted(captured) == [("LookupError", "metrics.time"), ("LookupError", "metrics.write")]


class Enough(BaseException):
    """Ends a thread's work that has no end."""


def test_the_work_of_drills_outlives_what_breaks_and_tells_it_once(
    captured: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, looks = Drilling(), iter([LookupError, LookupError, None, LookupError, Enough])

    def look(_: object) -> None:
        if trouble := next(looks):
            raise trouble

    monkeypatch.setattr(live, "EVERY_S", 0.001)
    monkeypatch.setattr(live, "close_old_connections", lambda: None)
    monkeypatch.setattr(mine, "look", look)
    with pytest.raises(Enough):
        mine._keep_looking()
    assert captured == [("LookupError", "drills"), ("LookupError", "drills")]
