"""What is the same trouble stays one issue, and what is not does not."""

import pytest

from monitoring.errors.fingerprint import group, placeholders
from tests.monitoring.errors.samples import error, frame, settled


def key(*args, **more) -> str:  # type: ignore[no-untyped-def]
    return group(settled(error(*args, **more))).key


def test_the_same_place_is_the_same_trouble_whatever_was_said() -> None:
    assert key("ValueError", "7 is bad") == key("ValueError", "something else")


def test_another_type_or_another_function_is_another() -> None:
    assert key("ValueError") != key("TypeError")
    assert key("E", "v", frame("a", "f")) != key("E", "v", frame("a", "g")) != key("E", "v", frame("b", "g"))


def test_lines_and_frames_of_libraries_do_not_count() -> None:
    one = key("E", "v", frame("django.http", "get", False), frame("a", "f", lineno=3), frame("django.db", "q", False))
    assert one == key("E", "v", frame("starlette", "run", False), frame("a", "f", lineno=90))


def test_how_deep_it_called_itself_does_not_count() -> None:
    walk = frame("a", "walk")
    assert key("E", "v", walk, walk) == key("E", "v", *[walk] * 60)


def test_a_file_named_by_its_content_is_the_same_file_after_a_release() -> None:
    def at(content: str) -> str:
        return key("E", "v", {"filename": f"https://x.org/app.{content}.js", "function": "go", "in_app": True})

    assert at("3f2a9c1b") == at("77aa00ff") != at("3f2a9c1b.other")


def test_without_frames_of_ours_the_message_decides_with_placeholders() -> None:
    library = frame("lib", "f", False)
    assert key("E", "user 17 not found", library) == key("E", "user 18 not found", library)
    assert key("E", "user 17 not found", library) != key("E", "room 17 not found", library)


def test_when_nobody_says_which_frames_are_ours_all_are() -> None:
    a, b = (frame("a", f, None) for f in "fg")
    assert key("E", "v", a) != key("E", "v", b)


def test_what_the_sender_says_goes_first_and_may_stand_for_ours() -> None:
    assert key("A", fingerprint=["mine"]) == key("B", fingerprint=["mine"]) != key("A", fingerprint=["yours"])
    both = ["{{ default }}", "mine"]
    assert key("A", fingerprint=both) != key("B", fingerprint=both)
    assert key("A", fingerprint=["{{default}}"]) != key("A", fingerprint=["default"])


def test_a_message_is_grouped_by_its_words() -> None:
    said = group(settled({"message": "took 12 ms for 'ada'", "logger": "icebreaker"}))
    again = group(settled({"message": "took 900 ms for 'bob'", "logger": "icebreaker"}))
    assert said.key == again.key
    assert (said.type, said.by, said.culprit) == ("icebreaker", "message", "icebreaker")


def test_a_browsers_message_is_not_grouped_by_where_it_was_said() -> None:
    def said(words: str) -> str:
        raised = {"value": words, "mechanism": {"synthetic": True}, "stacktrace": {"frames": [frame("a", "f")]}}
        return group(settled({"exception": {"values": [raised]}})).key

    assert said("hello") != said("good bye")


def test_of_a_chain_the_last_decides() -> None:
    sent = error("Outer")
    sent["exception"]["values"].insert(0, {"type": "Inner", "value": "x"})
    assert group(settled(sent)).type == "Outer"


def test_an_issue_is_shown_by_its_deepest_own_place() -> None:
    found = group(settled(error("KeyError", "'x'")))
    assert (found.type, found.value, found.culprit) == ("KeyError", "'x'", "signals.views in call")


def test_the_version_of_the_rules_stands_in_the_key() -> None:
    assert key().startswith("1:")


def test_an_empty_event_has_a_group_too() -> None:
    assert group(settled({})).type == "Message"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("took 12.5 ms", "took 9 ms"),
        ("no row 'abc'", "no row 'd e f'"),
        ('say "a\\"b"', 'say "c"'),
        ("at 2026-03-01T12:00:00Z", "at 2025-12-31T23:59:59.123+01:00"),
        ("id 550e8400-e29b-41d4-a716-446655440000", "id 123e4567-e89b-12d3-a456-426614174000"),
        ("at 0x7f3a00", "at 0xdeadbeef"),
        ("commit 1a2b3c4d5e", "commit ffff00001111"),
        ("from 10.0.0.1", "from 192.168.1.250"),
        ("from ::1:2:3", "from fe80::1:2:3:4"),
        ("-5 of +7", "12 of 3"),
        ("mail a@b.org", "mail longer.name@example.com"),
        ("[number] is bad", "[key] is bad"),
    ],
)
def test_what_changes_each_time_is_made_a_placeholder(one: str, other: str) -> None:
    assert placeholders(one) == placeholders(other)


def test_words_are_no_placeholders() -> None:
    assert placeholders("database is locked") == "database is locked"
