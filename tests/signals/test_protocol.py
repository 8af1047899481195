"""Frames in and out: what is understood, what is refused, and with which word."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signals import errors, protocol
from signals.protocol import parse

LONE = "\ud83d"


def frame(type_: object, payload: object = None) -> str:
    return json.dumps({"type": type_, "payload": payload})


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "invalid_json"),
        ("{", "invalid_json"),
        ("[" * 5000, "invalid_json"),
        (b'{"type":"chat:end"}', "invalid_json"),
        (None, "invalid_json"),
        ("[]", "invalid_payload"),
        ("7", "invalid_payload"),
        ("null", "invalid_payload"),
        ("{}", "missing_type"),
        ('{"type":null}', "missing_type"),
        ('{"type":7}', "missing_type"),
        ('{"type":""}', "unknown_type"),
        ('{"type":"chat:dance"}', "unknown_type"),
        (frame("chat:end", []), "invalid_payload"),
        (frame("radar:subscribe", {"limit": 0}), "invalid_payload"),
        (frame("radar:subscribe", {"limit": 501}), "invalid_payload"),
        (frame("radar:subscribe", {"limit": True}), "invalid_payload"),
        (frame("radar:subscribe", {"limit": 1.5}), "invalid_payload"),
        (frame("radar:subscribe", {"limit": "5"}), "invalid_payload"),
        (frame("radar:subscribe", {"vibeOnly": 1}), "invalid_payload"),
        (frame("location:update", {"lat": 1}), "invalid_payload"),
        (frame("location:update", {"lat": True, "lng": 1}), "invalid_payload"),
        (frame("location:update", {"lat": 90.01, "lng": 1}), "invalid_payload"),
        (frame("location:update", {"lat": 1, "lng": -180.01}), "invalid_payload"),
        ('{"type":"location:update","payload":{"lat":1e999,"lng":1}}', "invalid_payload"),
        ('{"type":"location:update","payload":{"lat":NaN,"lng":1}}', "invalid_json"),
        (frame("chat:request", {}), "invalid_payload"),
        (frame("chat:request", {"targetSessionId": None}), "invalid_payload"),
        (frame("chat:request", {"targetSessionId": ""}), "invalid_payload"),
        (frame("chat:accept", {"requesterSessionId": 4}), "invalid_payload"),
        (frame("chat:message", {}), "invalid_payload"),
        (frame("chat:message", {"text": ""}), "invalid_payload"),
        (frame("chat:message", {"text": "x" * 1001}), "message_too_long"),
        (frame("chat:message", {"text": "x" * 17000}), "message_too_large"),
        (b"x" * 17000, "message_too_large"),
    ],
)
def test_a_frame_that_cannot_be_served_is_refused_with_its_word(text: str | bytes | None, code: str) -> None:
    with pytest.raises(errors.SignalsError) as refused:
        parse(text)
    assert refused.value.code == code
    assert refused.value.message


def test_half_a_surrogate_pair_is_not_text() -> None:
    escaped = '{"type":"chat:message","payload":{"text":"a\\ud83d"}}'
    for text in (escaped, '{"type":"chat:message","payload":{"text":"' + LONE + '"}}'):
        with pytest.raises(errors.SignalsError) as refused:
            parse(text)
        assert refused.value.code == "invalid_payload"


def test_a_message_counts_code_points_not_bytes() -> None:
    request = parse(frame("chat:message", {"text": "😀" * 1000}))
    assert request == protocol.SendMessage(text="😀" * 1000)


def test_null_is_absent_and_unknown_fields_are_ignored() -> None:
    request = parse(frame("radar:subscribe", {"limit": None, "vibeOnly": True, "colour": "red"}))
    assert request == protocol.SubscribeRadar(limit=50, vibe_only=True)
    assert parse('{"type":"chat:end"}') == protocol.EndChat()
    assert parse(frame("panic:trigger", {"x": 1})) == protocol.TriggerPanic()


def test_whole_degrees_are_as_good_as_fractions() -> None:
    assert parse(frame("location:update", {"lat": 90, "lng": -180})) == protocol.UpdateLocation(lat=90, lng=-180)


@given(st.text() | st.binary())
def test_anything_at_all_is_either_a_request_or_a_typed_refusal(data: str | bytes) -> None:
    try:
        parse(data)
    except errors.SignalsError as refused:
        assert json.loads(protocol.encode(protocol.refusal(refused)))["type"] == "error"


def test_a_notice_is_camel_case_json_with_its_type() -> None:
    accepted = protocol.ChatAccepted(chat_id="c", partner_session_id="s", partner_handle="QuietThinker42")
    assert json.loads(protocol.encode(accepted)) == {
        "type": "chat:accepted",
        "payload": {"chatId": "c", "partnerSessionId": "s", "partnerHandle": "QuietThinker42"},
    }


def test_an_expired_request_names_only_the_other_side() -> None:
    asker = json.loads(protocol.encode(protocol.ChatRequestExpired(target_session_id="b")))
    assert asker["payload"] == {"targetSessionId": "b"}


def test_an_error_frame_carries_the_wait_only_when_there_is_one() -> None:
    wait = json.loads(protocol.encode(protocol.refusal(errors.RateLimitExceeded(1500))))["payload"]
    assert wait["retryAfterMs"] == 1500
    plain = json.loads(protocol.encode(protocol.refusal(errors.NoActiveChat())))["payload"]
    assert set(plain) == {"code", "message"}


def test_a_person_without_a_place_has_a_null_tier_on_the_wire() -> None:
    person = protocol.RadarPerson(
        session_id="s", handle="h", vibe="banter", tags=(), signal=3, proximity=None, busy=False
    )
    update = json.loads(protocol.encode(protocol.RadarUpdate(people=(person,), total=1, timestamp=5)))
    assert update["payload"]["people"][0]["proximity"] is None


def test_a_number_of_any_length_is_still_json() -> None:
    long = "9" * 6000
    assert parse(f'{{"type":"chat:end","payload":{{"ignored":{long}}}}}') == protocol.EndChat()
    with pytest.raises(errors.InvalidPayload):
        parse(f'{{"type":"location:update","payload":{{"lat":{long},"lng":1}}}}')
