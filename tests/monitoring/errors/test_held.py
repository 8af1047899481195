"""The words of an exception, without anything that a variable held."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.errors import held

ROOT = str(Path(__file__).parent)


@dataclass
class Said:
    text: str


def serve(values: Any) -> str:
    """A call that breaks below, as somebody's frame does."""
    try:
        _break(values)
    except ValueError as error:
        return held.without(str(error), held.of(error, ROOT))
    raise AssertionError


def _break(values: Any) -> None:
    raise ValueError("no room for see you at the window now")


FRAME = '{"type":"chat:message","payload":{"text":"see you at the window"}}'


@pytest.mark.parametrize(
    "values",
    ["see you at the window", FRAME, FRAME.encode(), Said("see you at the window"), {"x": ["see you at the window"]}],
    ids=["text", "frame", "bytes", "record", "nested"],
)
def test_what_a_variable_held_is_not_quoted(values: Any) -> None:
    assert serve(values) == "no room for [...] now"


def test_what_no_variable_held_stays() -> None:
    assert serve("something else") == "no room for see you at the window now"


def test_a_number_of_any_length_is_a_word_that_tells() -> None:
    assert held.without("place 52.5219 beside 7", "{'lat': 52.5219, 'n': 7}") == "place [...] beside [...]"


def deepest(text: str) -> None:
    raise KeyError


def above(text: str) -> None:
    try:
        deepest(text)
    except KeyError as error:
        raise ValueError("can't meet") from error


def caught(text: str) -> ValueError:
    with pytest.raises(ValueError) as found:
        above(text)
    return found.value


def test_the_variables_of_a_cause_count_too() -> None:
    words = held.of(caught("meet me there"), ROOT)
    assert held.without("can't meet", words) == "can't [...]"


def test_variables_of_libraries_are_not_looked_at() -> None:
    assert held.of(caught("meet me there"), "/nowhere") == ""


@given(st.text(max_size=200), st.text(max_size=200))
def test_no_word_of_three_letters_that_was_held_is_left(value: str, words: str) -> None:
    left = held.without(value, words.casefold())
    for word in held._WORD.findall(left):
        assert len(word) < 3 or word.casefold() not in words.casefold()


def test_an_error_that_is_its_own_cause_is_read_once() -> None:
    error = ValueError("round")
    error.__cause__ = error
    assert held.of(error, ROOT) == ""
