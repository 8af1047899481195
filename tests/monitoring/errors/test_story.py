"""What a page shows of an event: in order, short, and with nothing hidden in it."""

from __future__ import annotations

import pytest

from monitoring.errors.event import Event
from monitoring.errors.story import FRAMES_MAX, TEXT_MAX, in_a_line, plainly, told
from tests.monitoring.errors.samples import error, frame, settled


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "[U+001B][31mred[U+001B][0m"),
        ("user\u202egnp.exe", "user[U+202E]gnp.exe"),
        ("a\u200bb\ufeffc", "a[U+200B]b[U+FEFF]c"),
        ("nul\x00 del\x7f", "nul[U+0000] del[U+007F]"),
        ("half \ud83d a pair", "half [U+D83D] a pair"),
        ("line\u2028break", "line[U+2028]break"),
        ("two\nlines\tkept", "two\nlines\tkept"),
        ("Grüße, 你好 🎉", "Grüße, 你好 🎉"),
    ],
    ids=["ansi", "rtl", "no width", "controls", "half a pair", "separator", "white space", "languages"],
)
def test_what_would_not_be_seen_is_spelt_out(raw: str, shown: str) -> None:
    assert plainly(raw) == shown


def test_a_huge_text_is_cut_and_says_so() -> None:
    assert plainly("x" * 10**6).endswith(f"x... ({10**6 - TEXT_MAX:,} more characters)")
    assert len(in_a_line("y" * 10**6)) < 300


def test_a_line_stays_one_line() -> None:
    assert in_a_line("Evil\r\nSet-Cookie: a=b\n\n") == "Evil Set-Cookie: a=b"


def test_the_deepest_frame_is_first_and_libraries_are_kept_together() -> None:
    frames = [frame("django.core", "run", False), frame("signals.views", "call"), frame("json", "loads", False)]
    story = told(settled(error("ValueError", "bad", *frames)))
    (raised,) = story.errors
    assert [(s.ours, [p.function for p in s.places]) for s in raised.stretches] == [
        (False, ["loads"]),
        (True, ["call"]),
        (False, ["run"]),
    ]
    assert raised.how == "generic, caught"
    (place,) = raised.stretches[1].places
    assert [(line.number, line.here) for line in place.source] == [(9, False), (10, True), (11, False)]


def test_the_exception_that_came_last_is_told_first() -> None:
    sent = error()
    sent["exception"]["values"].append({"type": "RuntimeError", "value": "because of it"})
    assert [raised.type for raised in told(settled(sent)).errors] == ["RuntimeError", "ValueError"]


def test_a_stack_without_end_is_cut_and_says_so() -> None:
    frames = [frame("signals.views", f"call{n}") for n in range(240)]
    (raised,) = told(settled(error("RecursionError", "deep", *frames))).errors
    assert (sum(len(s.places) for s in raised.stretches), raised.left_out) == (FRAMES_MAX, 240 - FRAMES_MAX)
    assert raised.stretches[0].places[0].function == "call239"


def test_an_event_with_nothing_in_it_is_told_too() -> None:
    story = told(Event())
    assert (story.message, story.errors, story.crumbs, story.tags, story.contexts) == ("", (), (), (), ())


def test_frames_are_all_ours_when_nobody_says_whose_they_are() -> None:
    (raised,) = told(settled(error("E", "", frame("a", "b", None), frame("c", "d", None)))).errors
    assert [s.ours for s in raised.stretches] == [True]
