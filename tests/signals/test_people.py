"""Handles, tags and moves."""

import random
from dataclasses import replace

import pytest

from signals.domain.chat import Party
from signals.domain.people import Motion, Person, Session, chosen_tags, handle_for, moved, sight_of
from signals.domain.proximity import around, cell_of, touching
from signals.domain.safety import Standing
from signals.errors import RateLimitExceeded, ValidationFailed

NOW = 1_800_000_000.0
HERE = cell_of(47.3769, 8.5417)
FAR = cell_of(48.3769, 8.5417)
NEXT = next(c for c in around(HERE, 1000) if touching(HERE, c))
PERSON = Person("a", "QuietOwl42", "thinking", (), True, HERE, NOW, NOW + 3600)
ME = Session(PERSON, Party("a", "QuietOwl42"), motion=Motion(NOW))


def test_handles_get_more_digits_when_they_run_out() -> None:
    draw = random.Random(1).randrange
    assert handle_for("thinking", 0, draw)[-3:-2].isalpha()
    assert handle_for("thinking", 6, draw)[-3:].isdigit()


def test_a_repeated_tag_counts_once_and_an_unknown_one_is_named() -> None:
    known = frozenset(f"t{n}" for n in range(20))
    assert chosen_tags(("t1", "t2", "t1"), known) == ("t1", "t2")
    assert len(chosen_tags(tuple(f"t{n % 10}" for n in range(40)), known)) == 10
    with pytest.raises(ValidationFailed, match="nope"):
        chosen_tags(("t1", "nope"), known)
    with pytest.raises(ValidationFailed, match="10"):
        chosen_tags(tuple(f"t{n}" for n in range(11)), known)


def test_an_early_update_in_the_same_cell_is_simply_answered_and_elsewhere_refused() -> None:
    assert moved(ME, HERE, every_s=1, now=NOW + 0.2) is ME
    with pytest.raises(RateLimitExceeded) as error:
        moved(ME, NEXT, every_s=1, now=NOW + 0.2)
    assert error.value.extra == {"retryAfterMs": 800}
    assert moved(ME, NEXT, every_s=1, now=NOW + 1).person.cell == NEXT


def test_a_jump_is_accepted_only_once_a_minute_and_a_step_is_never_one() -> None:
    jumped = moved(ME, FAR, every_s=1, now=NOW + 2)
    assert jumped.motion.jumped_at == NOW + 2
    with pytest.raises(RateLimitExceeded):
        moved(jumped, HERE, every_s=1, now=NOW + 61)
    assert moved(jumped, HERE, every_s=1, now=NOW + 62).person.cell == HERE
    assert moved(moved(ME, NEXT, every_s=1, now=NOW + 1), HERE, every_s=1, now=NOW + 2).motion.jumped_at == 0


def test_a_first_position_is_no_jump() -> None:
    nowhere = replace(ME, person=replace(PERSON, cell=None), motion=Motion())
    assert moved(nowhere, FAR, every_s=1, now=NOW + 0.1).motion == Motion(NOW + 0.1, 0.0)


def test_hidden_and_excluded_people_have_no_sight() -> None:
    assert sight_of(ME)
    assert sight_of(replace(ME, person=replace(PERSON, visible=False))) is None
    assert sight_of(replace(ME, standing=Standing(excluded_until=NOW + 1))) is None
