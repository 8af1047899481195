"""What stands in a log line, and what may not."""

from __future__ import annotations

import logging
import sys

import pytest

from icebreaker.logs import FirstLine, Line

TEXT = "see you at the window"


def fail() -> None:
    raise KeyError(TEXT)


def wrap() -> None:
    try:
        fail()
    except KeyError as error:
        raise ValueError(f"no {TEXT}") from error


def record(message: str = "it broke", *args: object) -> logging.LogRecord:
    with pytest.raises(ValueError):
        wrap()
    try:
        wrap()
    except ValueError:
        return logging.LogRecord("x", logging.ERROR, __file__, 1, message, args, sys.exc_info())
    raise AssertionError


def test_an_exception_is_told_by_type_and_place_with_its_cause_and_never_by_its_words() -> None:
    lines = Line("%(message)s").format(record()).splitlines()
    assert lines[0] == "it broke"
    assert lines[1].startswith("  ValueError in ")
    assert "test_logs.py:" in lines[1]
    assert lines[2].startswith("  KeyError in ")
    assert lines[2].endswith(" fail")
    assert TEXT not in "\n".join(lines)


def test_developers_see_it_whole() -> None:
    assert TEXT in Line("%(message)s", whole=True).format(record())


def test_an_exception_that_is_its_own_cause_ends() -> None:
    broken = record()
    assert broken.exc_info
    error = broken.exc_info[1]
    assert error
    error.__cause__ = error
    assert len(Line("%(message)s").format(broken).splitlines()) < 20


def test_only_the_first_line_of_what_asyncio_says_is_kept() -> None:
    said = logging.LogRecord("asyncio", logging.ERROR, "", 1, "never retrieved\nfuture: KeyError('%s')", (TEXT,), None)
    assert FirstLine().filter(said)
    assert said.getMessage() == "never retrieved"
