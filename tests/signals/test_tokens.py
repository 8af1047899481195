"""A token says which session, and nobody else can say it."""

import re

from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st

from signals import tokens

SESSIONS = st.text("ABCXYZabcxyz0189_-", min_size=1, max_size=64)


@given(SESSIONS)
def test_a_token_names_its_session_in_the_characters_that_are_allowed(session_id: str) -> None:
    token = tokens.issue(session_id)
    assert re.fullmatch(r"[A-Za-z0-9._~-]+", token)
    assert tokens.session_of(token) == session_id


@given(SESSIONS, st.data())
def test_no_change_of_any_character_leaves_a_token_valid(session_id: str, data: st.DataObject) -> None:
    token = tokens.issue(session_id)
    at = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.characters().filter(lambda c: c != token[at]))
    assert tokens.session_of(token[:at] + other + token[at + 1 :]) is None


@given(st.text())
def test_anything_else_is_no_token(text: str) -> None:
    assert tokens.session_of(text) is None


def test_padding_and_white_space_make_no_second_spelling() -> None:
    token = tokens.issue("s")
    for other in (f"{token}=", f" {token}", f"{token} ", f"{token}\n", f"{token}."):
        assert tokens.session_of(other) is None


def test_another_secret_signs_other_tokens() -> None:
    token = tokens.issue("s")
    with override_settings(SECRET_KEY="another secret altogether"):
        assert tokens.session_of(token) is None
