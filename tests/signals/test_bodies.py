"""Bodies of calls: what is understood, and what is refused in words."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signals import bodies
from signals.errors import PayloadTooLarge, SignalsError, ValidationFailed

WHOLE = {"vibe": "banter", "visibility": True, "tags": ["a"], "location": {"lat": 1, "lng": 2.5}}


def test_a_whole_body_is_read_and_unknown_fields_are_ignored() -> None:
    read = bodies.read(bodies.Onboarding, json.dumps({**WHOLE, "colour": "red"}).encode())
    assert (read.vibe, read.visibility, read.tags) == ("banter", True, ("a",))
    assert read.location == bodies.Point(1, 2.5)


def test_null_is_absent() -> None:
    read = bodies.read(bodies.Onboarding, json.dumps({**WHOLE, "tags": None, "location": None}).encode())
    assert (read.tags, read.location) == ((), None)


def test_a_null_contact_is_a_wish_and_a_missing_one_an_error() -> None:
    assert bodies.read(bodies.EmergencyContact, b'{"emergencyContact": null}').emergency_contact is None
    with pytest.raises(ValidationFailed):
        bodies.read(bodies.EmergencyContact, b"{}")


@pytest.mark.parametrize(
    "wrong",
    [
        {"vibe": 7},
        {"vibe": None},
        {"vibe": "\ud800"},
        {"visibility": None},
        {"visibility": 1},
        {"visibility": "true"},
        {"tags": "a"},
        {"tags": [1]},
        {"tags": [None]},
        {"tags": ["\udfff"]},
        {"tags": {}},
        {"location": []},
        {"location": {"lat": 1}},
        {"location": {"lat": True, "lng": 1}},
        {"location": {"lat": "1", "lng": 1}},
        {"location": {"lat": 90.1, "lng": 1}},
        {"location": {"lat": 1, "lng": 1e400}},
        {"location": {"lat": 10**400, "lng": 1}},
    ],
)
def test_a_wrong_field_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationFailed):
        bodies.read(bodies.Onboarding, json.dumps({**WHOLE, **wrong}).encode())


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"7", b'"x"', b"{", b"\xff", b"[" * 9000, b'{"a":NaN}'])
def test_what_is_no_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(ValidationFailed, match="JSON object"):
        bodies.read(bodies.Visibility, body)


def test_a_body_over_the_limit_is_too_large() -> None:
    with pytest.raises(PayloadTooLarge):
        bodies.read(bodies.Visibility, b" " * 16385)


@given(st.sampled_from(list(bodies.BODIES)), st.binary() | st.text().map(str.encode))
def test_any_bytes_are_a_body_or_a_typed_refusal(kind: type[msgspec.Struct], body: bytes) -> None:
    try:
        bodies.read(kind, body)
    except SignalsError as refused:
        assert refused.message
