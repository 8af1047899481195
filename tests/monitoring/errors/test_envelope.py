"""Envelopes as real SDKs frame them, and everything that is none."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.errors.envelope import Envelope, Malformed, TooLarge, header_of, parse

EVENT = b'{"message":"hello"}'


def test_an_item_with_a_length_may_hold_any_bytes() -> None:
    payload = b"a\nb\n\x00\xff"
    data = b'{"event_id":"a"}\n{"type":"attachment","length":6}\n' + payload + b'\n{"type":"event"}\n' + EVENT
    found = parse(data)
    assert found.headers == {"event_id": "a"}
    assert [(item.type, item.payload) for item in found.items] == [("attachment", payload), ("event", EVENT)]


def test_without_a_length_a_payload_goes_to_the_next_newline_or_the_end() -> None:
    data = b'{}\n{"type":"event"}\n' + EVENT + b'\n{"type":"session"}\n{}\n'
    assert [(item.type, item.payload) for item in parse(data).items] == [("event", EVENT), ("session", b"{}")]


def test_an_envelope_may_hold_nothing_and_end_in_newlines() -> None:
    assert parse(b"{}") == Envelope({}, ())
    assert parse(b"{}\n\n\n") == Envelope({}, ())
    assert parse(b'{}\n{"type":"event","length":0}\n\n').items[0].payload == b""


def test_a_carriage_return_is_no_newline() -> None:
    found = parse(b'{}\r\n{"type":"event"}\r\n' + EVENT + b"\r\n")
    assert found.items[0].payload == EVENT + b"\r"


def test_unknown_types_and_attributes_are_passed_on_and_not_judged() -> None:
    found = parse(b'{"new":[1]}\n{"type":"from_tomorrow","shape":{"a":1},"length":2}\nxx')
    assert (found.items[0].type, found.items[0].headers["shape"]) == ("from_tomorrow", {"a": 1})


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "no JSON"),
        (b"hello", "no JSON"),
        (b"[]\n", "no object"),
        (b"{}\nhello\n", "no JSON"),
        (b"{}\n{}\n", "no type"),
        (b'{}\n{"type":1}\n', "no type"),
        (b'{}\n{"type":"event","length":-1}\n', "length"),
        (b'{}\n{"type":"event","length":true}\n', "length"),
        (b'{}\n{"type":"event","length":"2"}\n{}', "length"),
        (b'{}\n{"type":"event","length":99}\n{}', "shorter"),
        (b'{}\n{"type":"event","length":1}\n{}', "longer"),
        (b"\xff\xfe\n", "no JSON"),
        (b"[" * 15_000 + b"\n", "no JSON"),
        (b'{"a":"' + b"x" * 20_000 + b'"}\n', "too long"),
        (b"{}\n" + b'{"type":"x"}\n\n' * 1001, "too many"),
    ],
)
def test_what_is_no_envelope_is_refused_in_words(data: bytes, why: str) -> None:
    with pytest.raises(Malformed, match=why):
        parse(data)


def test_a_refusal_never_quotes_what_came() -> None:
    with pytest.raises(Malformed) as refused:
        parse(b'{}\n{"type":"event","length":"52.5219"}\n')
    assert "52" not in str(refused.value)


def test_more_than_twenty_mebibytes_are_too_large() -> None:
    with pytest.raises(TooLarge):
        parse(b"{}\n" + b"\n" * (20 * 1024 * 1024))


def test_the_header_can_be_had_alone() -> None:
    assert header_of(b'{"dsn":"x"}\nno item at all') == {"dsn": "x"}


@given(st.binary(max_size=300))
def test_any_bytes_give_an_envelope_or_a_refusal(data: bytes) -> None:
    with suppress(Malformed, TooLarge):
        parse(data)


@given(st.lists(st.tuples(st.text(max_size=10), st.binary(max_size=50), st.booleans()), max_size=6))
def test_what_is_framed_is_found_again(items: list[tuple[str, bytes, bool]]) -> None:
    data, expected = b"{}\n", []
    for kind, payload, with_length in items:
        plain = payload if with_length else payload.replace(b"\n", b"")
        header = {"type": kind, **({"length": len(plain)} if with_length else {})}
        data += json.dumps(header).encode() + b"\n" + plain + b"\n"
        expected.append((kind, plain))
    assert [(item.type, item.payload) for item in parse(data).items] == expected
