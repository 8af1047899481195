"""Three processes, Redis and a proxy: what a client may rely on holds, and nobody notices which process is whose."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Iterator

import pytest

from signals.presence import records
from tests import redis_here
from tests.flows.scaled import Scaled, running
from tests.flows.server import Client, Server, closed, dial
from tests.flows.test_calls import (  # noqa: F401 - the same tests, by this module's server
    test_a_block_hides_both_and_is_not_done_twice,
    test_an_emergency_contact_is_kept_trimmed_deleted_and_refused_in_words,
    test_hiding_takes_somebody_off_the_radar,
    test_onboarding_gives_a_session_a_handle_and_a_token,
    test_three_reporters_exclude_somebody,
)
from tests.flows.test_health import (  # noqa: F401
    test_a_probe_and_a_container_both_learn_that_it_is_ready,
)
from tests.flows.test_sockets import (  # noqa: F401
    meet,
    test_a_token_has_one_spelling,
    test_an_early_position_in_the_same_cell_is_answered_and_another_is_refused,
    test_every_socket_of_a_session_hears_everything_and_a_new_one_is_told_where_it_stands,
    test_panic_ends_everything_and_the_other_side_hears_a_goodbye,
    test_somebody_who_arrives_is_on_the_radar_of_who_watches_within_a_second,
    test_two_strangers_see_each_other_ask_talk_and_part,
)

pytestmark = pytest.mark.redis


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scaled]:
    roomy = {"REQUESTS_PER_SECOND": "1000", "FRAMES_PER_SECOND": "1000", "FRAMES_BURST": "1000"}
    yield from running(tmp_path_factory.mktemp("scaled"), **roomy)


async def each_at_its_own(server: Scaled) -> list[Client]:
    """One person at each process."""
    return [await Client.arrive(process) for process in server.processes]


async def test_people_of_three_processes_meet_talk_and_part(server: Scaled) -> None:
    a, b, c = await each_at_its_own(server)
    async with a, b, c:
        for who, others in ((a, (b, c)), (b, (a, c)), (c, (a, b))):
            seen = await who.ask("radar:subscribe", {"limit": 500}, "radar:update")
            assert {o.session_id for o in others} <= {p["sessionId"] for p in seen["people"]}
        await meet(a, b)
        await a.say("chat:message", {"text": "from the other machine"})
        assert (await b.hear("chat:message"))["sender"] == "them"
        assert (await a.hear("chat:message"))["sender"] == "me"
        answer = await c.ask("chat:request", {"targetSessionId": b.session_id}, "error")
        assert answer["code"] == "chat_request_failed"
        await b.say("chat:end")
        assert (await a.hear("chat:end"))["reason"] == (await b.hear("chat:end"))["reason"] == "user_exit"


async def test_a_session_with_sockets_at_two_processes_hears_at_both_and_is_ended_at_both(server: Scaled) -> None:
    a, b, _ = await each_at_its_own(server)
    async with a, b, await dial(server.processes[2], a.token) as elsewhere:
        assert json.loads(await elsewhere.recv())["type"] == "connected"
        await meet(a, b)
        assert json.loads(await elsewhere.recv())["type"] == "chat:request:ack"
        assert json.loads(await elsewhere.recv())["type"] == "chat:accepted"
        await a.say("chat:message", {"text": "both"})
        assert (await b.hear("chat:message"))["text"] == "both"
        assert json.loads(await elsewhere.recv())["payload"]["sender"] == "me"
        await a.say("panic:trigger")
        frames, code = await closed(elsewhere)
        assert ([f["type"] for f in frames], code) == (["panic:triggered"], 1000)
        assert (await closed(a.socket))[1] == 1000
        assert (await b.hear("chat:end"))["reason"] == "user_exit"


async def test_what_changes_at_one_process_is_on_the_radars_of_the_others_within_a_second(server: Scaled) -> None:
    a, b, c = await each_at_its_own(server)
    async with a, b, c:
        for who in (a, b):
            await who.ask("radar:subscribe", {"limit": 500}, "radar:update")
        await asyncio.sleep(1)  # what others did before may be pushed until then
        await c.call("PUT", "/api/profile/visibility", {"visibility": False})
        async with asyncio.timeout(2):
            for who in (a, b):
                while c.session_id in {p["sessionId"] for p in (await who.hear("radar:update"))["people"]}:
                    pass


async def test_a_message_to_somebody_without_a_socket_is_refused_and_not_lost(server: Scaled) -> None:
    a, b, _ = await each_at_its_own(server)
    async with a:
        async with b:
            await meet(a, b)
        while True:  # the record may still name the socket that has just closed
            await a.say("chat:message", {"text": "anybody?"})
            frame = await a.next()
            if frame["type"] == "error":
                assert frame["payload"]["code"] == "chat_message_failed"
                break


async def test_random_actions_from_several_processes_never_leave_two_partners_or_one_side(server: Scaled) -> None:
    draw = random.Random(11)
    people = [await Client.arrive(server.processes[n % 3]) for n in range(9)]
    ids = [who.session_id for who in people]
    for who in people:
        await who.__aenter__()

    async def act(who: Client) -> None:
        for _ in range(30):
            other = ids[(ids.index(who.session_id) + draw.choice((-1, 1))) % len(ids)]  # few, so that many meet
            await who.socket.send(
                draw.choice(
                    (
                        json.dumps({"type": "chat:request", "payload": {"targetSessionId": other}}),
                        json.dumps({"type": "chat:accept", "payload": {"requesterSessionId": other}}),
                        json.dumps({"type": "chat:accept", "payload": {"requesterSessionId": other}}),
                        '{"type": "chat:end"}',
                    )
                )
            )
            if draw.random() < 0.3:
                await asyncio.sleep(0.01)

    async def listen(who: Client) -> None:
        async for frame in who.socket:
            who.heard.append(json.loads(frame))

    listening = [asyncio.create_task(listen(who)) for who in people]
    done = asyncio.gather(*(act(who) for who in people))
    async with asyncio.timeout(60):
        while not done.done():
            await talks(server, ids)
    async with asyncio.timeout(10):  # everybody is told where it ended
        while {who.session_id: _partner(who) for who in people} != await talks(server, ids):
            await asyncio.sleep(0.02)
    for task in listening:
        task.cancel()
    await asyncio.gather(*listening, return_exceptions=True)
    assert sum(f["type"] == "chat:accepted" for who in people for f in who.heard) > 10
    for who in people:
        await who.socket.close()


async def talks(server: Scaled, ids: list[str]) -> dict[str, str | None]:
    """Who talks to whom, by the records as they stand at one moment. Every chat has two sides."""
    async with redis_here.reader() as store:
        kept = await store.mget([f"ib:{{{server.region}}}:s:{i}" for i in ids])
    found = {i: records.unpack(record) for i, record in zip(ids, kept, strict=True)}
    partners = {
        i: session.party.talk.partner if session and session.party.talk else None for i, session in found.items()
    }
    assert all(partners[other] == i for i, other in partners.items() if other), "one-sided"
    return partners


def _partner(who: Client) -> str | None:
    """Whom this client believes to be talking to."""
    partner = None
    for frame in who.heard:
        if frame["type"] == "chat:accepted":
            partner = frame["payload"]["partnerSessionId"]
        elif frame["type"] == "chat:end":
            partner = None
    return partner


def test_the_server_of_this_module_is_three(server: Server) -> None:
    assert isinstance(server, Scaled)
    assert len(server.processes) == 3
