"""What a client may rely on, over real sockets, under both servers."""

import asyncio
import json
from time import perf_counter

import pytest
from websockets.exceptions import InvalidStatus

from tests.flows.server import PLACE, Client, Server, closed, dial


async def meet(a: Client, b: Client) -> None:
    await a.ask("chat:request", {"targetSessionId": b.session_id}, "chat:request:ack")
    request = await b.hear("chat:request")
    assert request["fromHandle"] == a.handle
    await b.ask("chat:accept", {"requesterSessionId": a.session_id}, "chat:accepted")
    assert (await a.hear("chat:accepted"))["partnerHandle"] == b.handle


async def test_two_strangers_see_each_other_ask_talk_and_part(server: Server) -> None:
    a, b = await Client.arrive(server), await Client.arrive(server)
    async with a, b:
        assert a.greeting["handle"] == a.handle
        seen = await a.ask("radar:subscribe", {"limit": 500}, "radar:update")
        assert b.session_id in {p["sessionId"] for p in seen["people"]}
        assert all(p["proximity"] == "room" for p in seen["people"] if p["sessionId"] == b.session_id)
        await meet(a, b)
        await a.say("chat:message", {"text": "Hello 😀"})
        mine, theirs = await a.hear("chat:message"), await b.hear("chat:message")
        assert (mine["text"], mine["sender"]) == ("Hello 😀", "me")
        assert (theirs["text"], theirs["sender"]) == ("Hello 😀", "them")
        await b.say("chat:end")
        assert (await a.hear("chat:end"))["reason"] == (await b.hear("chat:end"))["reason"] == "user_exit"
        assert (await a.ask("chat:message", {"text": "?"}, "error"))["code"] == "no_active_chat"


async def test_every_socket_of_a_session_hears_everything_and_a_new_one_is_told_where_it_stands(
    server: Server,
) -> None:
    a, b = await Client.arrive(server), await Client.arrive(server)
    async with a, b:
        await a.ask("chat:request", {"targetSessionId": b.session_id}, "chat:request:ack")
        async with await dial(server, b.token) as second:
            assert json.loads(await second.recv())["type"] == "connected"
            assert json.loads(await second.recv())["type"] == "chat:request"
            await b.hear("chat:request")
            await b.ask("chat:accept", {"requesterSessionId": a.session_id}, "chat:accepted")
            assert json.loads(await second.recv())["type"] == "chat:accepted"
            await b.say("chat:message", {"text": "twice"})
            assert json.loads(await second.recv())["payload"]["sender"] == "me"
        async with await dial(server, a.token) as back:
            assert json.loads(await back.recv())["type"] == "connected"
            assert json.loads(await back.recv())["type"] == "chat:accepted"


async def test_somebody_who_arrives_is_on_the_radar_of_who_watches_within_a_second(server: Server) -> None:
    a = await Client.arrive(server)
    async with a:
        await a.ask("radar:subscribe", {"limit": 500}, "radar:update")
        b = await Client.arrive(server)
        async with asyncio.timeout(2), b:
            while True:
                pushed = await a.hear("radar:update")
                if b.session_id in {p["sessionId"] for p in pushed["people"]}:
                    break


async def test_panic_ends_everything_and_the_other_side_hears_a_goodbye(server: Server) -> None:
    a, b = await Client.arrive(server), await Client.arrive(server)
    async with a, b:
        await meet(a, b)
        await a.say("panic:trigger")
        frames, code = await closed(a.socket)
        assert code == 1000
        assert [f["type"] for f in frames] == ["panic:triggered"]
        assert frames[0]["payload"]["contactAlerted"] is False
        assert (await b.hear("chat:end"))["reason"] == "user_exit"
    frames, code = await closed(await dial(server, a.token))
    assert (frames[0]["payload"]["code"], code) == ("session_not_found", 4404)


@pytest.mark.parametrize(
    ("token", "code", "close"),
    [
        (None, "missing_token", 4401),
        ("", "missing_token", 4401),
        ("nonsense", "invalid_token", 4401),
        ("a.b", "invalid_token", 4401),
        ("%00", "invalid_token", 4401),
        ("%ff%fe", "invalid_token", 4401),
        ("x" * 5000, "invalid_token", 4401),
    ],
)
async def test_a_token_that_is_none_is_told_so_and_closed(
    server: Server, token: str | None, code: str, close: int
) -> None:
    frames, closed_with = await closed(await dial(server, token))
    assert [(f["type"], f["payload"]["code"]) for f in frames] == [("error", code)]
    assert closed_with == close


async def test_a_token_has_one_spelling(server: Server) -> None:
    token = (await Client.arrive(server)).token
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    for other in (f"{token}=", f"{token}%20", f"%20{token}", token.upper(), f"{token}.", token.replace(".", "~")):
        frames, _ = await closed(await dial(server, other))
        assert frames[0]["payload"]["code"] == "invalid_token", other
    for letter in last.replace(token[-1], "")[::7]:
        frames, _ = await closed(await dial(server, token[:-1] + letter))
        assert frames[0]["payload"]["code"] == "invalid_token"


async def test_the_token_may_come_as_a_subprotocol_pair(server: Server) -> None:
    me = await Client.arrive(server)
    async with await dial(server, subprotocols=["icebreaker.v1", me.token]) as socket:
        assert socket.subprotocol == "icebreaker.v1"
        assert json.loads(await socket.recv())["payload"]["sessionId"] == me.session_id
    async with await dial(server, me.token, subprotocols=["icebreaker.v1"]) as socket:
        assert json.loads(await socket.recv())["type"] == "connected"
    frames, code = await closed(await dial(server, subprotocols=["icebreaker.v1", "wrong"]))
    assert (frames[0]["payload"]["code"], code) == ("invalid_token", 4401)


@pytest.mark.parametrize("origin", ["null", "http://evil.example", "http://127.0.0.1:1", "https://127.0.0.1"])
async def test_a_foreign_page_is_refused_at_the_handshake(server: Server, origin: str) -> None:
    me = await Client.arrive(server)
    with pytest.raises(InvalidStatus) as refused:
        await dial(server, me.token, origin=origin)
    assert refused.value.response.status_code == 403


async def test_our_own_page_and_no_page_are_welcome(server: Server) -> None:
    me = await Client.arrive(server)
    for origin in (server.url, None):
        async with await dial(server, me.token, origin=origin) as socket:
            assert json.loads(await socket.recv())["type"] == "connected"


async def test_another_path_is_refused(server: Server) -> None:
    from websockets.asyncio.client import connect

    for path in ("/ws/", "/", "/ws/x"):
        with pytest.raises(InvalidStatus) as refused:
            await connect(server.ws_url.removesuffix("/ws") + path, proxy=None)
        assert refused.value.response.status_code == 403


async def test_the_sixth_socket_of_a_session_is_refused(server: Server) -> None:
    me = await Client.arrive(server)
    sockets = [await dial(server, me.token) for _ in range(5)]
    for socket in sockets:
        assert json.loads(await socket.recv())["type"] == "connected"
    frames, code = await closed(await dial(server, me.token))
    assert (frames[0]["payload"]["code"], code) == ("connection_limit_exceeded", 4429)
    await sockets.pop().close()
    async with asyncio.timeout(5):
        while True:  # the server hears of the close a moment later
            again = await dial(server, me.token)
            first = json.loads(await again.recv())
            await again.close()
            if first["type"] == "connected":
                break
    for socket in sockets:
        await socket.close()


REFUSED: list[tuple[str | bytes, str]] = [
    ("", "invalid_json"),
    ("not json", "invalid_json"),
    (b'{"type":"chat:end"}', "invalid_json"),
    (b"", "invalid_json"),
    ("[]", "invalid_payload"),
    ("7", "invalid_payload"),
    ("{}", "missing_type"),
    ('{"type":7}', "missing_type"),
    ('{"type":""}', "unknown_type"),
    ('{"type":"chat:dance"}', "unknown_type"),
    ('{"type":"radar:subscribe","payload":{"limit":true}}', "invalid_payload"),
    ('{"type":"radar:subscribe","payload":{"limit":501}}', "invalid_payload"),
    ('{"type":"location:update","payload":{"lat":1e999,"lng":0}}', "invalid_payload"),
    ('{"type":"location:update","payload":{"lat":91,"lng":0}}', "invalid_payload"),
    ('{"type":"chat:message","payload":{"text":"\\ud800"}}', "invalid_payload"),
    (json.dumps({"type": "chat:message", "payload": {"text": "x" * 1001}}), "message_too_long"),
    ("x" * 16385, "message_too_large"),
    ("x" * 300_000, "message_too_large"),
    (b"x" * 16385, "message_too_large"),
    ('{"type":"chat:request","payload":{"targetSessionId":"nobody"}}', "chat_request_failed"),
    ('{"type":"chat:accept","payload":{"requesterSessionId":"nobody"}}', "chat_accept_failed"),
    ('{"type":"chat:decline","payload":{"requesterSessionId":"nobody"}}', "chat_decline_failed"),
    ('{"type":"chat:end"}', "no_active_chat"),
]


async def test_whatever_is_refused_is_said_in_a_word_and_the_socket_lives(server: Server) -> None:
    me = await Client.arrive(server)
    async with me:
        for frame, code in REFUSED:
            await me.socket.send(frame)
            answer = await me.hear("error")
            assert answer["code"] == code, frame[:60]
            assert answer["message"].endswith(".")
        await me.ask("radar:subscribe", {}, "radar:update")


async def test_bytes_that_are_no_text_close_that_socket_alone(server: Server) -> None:
    a, b = await Client.arrive(server), await Client.arrive(server)
    async with a, b:
        await a.socket.send(b"\xff\xfe", text=True)
        _, code = await closed(a.socket)
        assert code == (1007 if server.kind == "uvicorn" else 1006)  # Daphne drops it without a word
        await b.ask("radar:subscribe", {}, "radar:update")


async def test_forty_frames_at_once_are_served_and_the_next_is_told_to_wait(server: Server) -> None:
    me = await Client.arrive(server)
    async with me:
        started = perf_counter()
        for _ in range(60):
            await me.socket.send('{"type":"chat:end"}')
        codes = [(await me.hear("error")) for _ in range(60)]
        came_back = 20 * (perf_counter() - started)  # room for more, on a machine that is slow
    assert all(c["code"] == "no_active_chat" for c in codes[:40])
    late = [c for c in codes if c["code"] == "rate_limit_exceeded"]
    assert 20 - came_back - 1 <= len(late) <= 20
    assert all(0 < c["retryAfterMs"] <= 50 for c in late)


async def test_a_flood_is_cut_off_after_ten_thousand_refusals(server: Server) -> None:
    me, other = await Client.arrive(server), await Client.arrive(server)
    async with me, other:

        async def flood() -> None:
            for _ in range(10_100):
                await me.socket.send("x")

        flooding = asyncio.create_task(flood())
        frames, code = await closed(me.socket)
        flooding.cancel()
        assert code == 4429
        assert 10_000 <= len(frames) <= 10_002
        assert frames[-1]["type"] == "error"
        await other.ask("radar:subscribe", {}, "radar:update")


async def test_an_early_position_in_the_same_cell_is_answered_and_another_is_refused(server: Server) -> None:
    me = await Client.arrive(server)
    async with me:
        await me.ask("location:update", PLACE, "radar:update")
        answer = await me.ask("location:update", {"lat": 52.6, "lng": 13.5}, "error")
        assert answer["code"] == "rate_limit_exceeded"
        assert answer["retryAfterMs"] > 0
