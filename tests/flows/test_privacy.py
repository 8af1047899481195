"""What people put in stays with them: no log line, database row, file or frame to a third has it.

PRIVACY_SECONDS=3600 looks at a whole hour of a crowd instead of a few seconds.
"""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path
from time import perf_counter
from typing import Any

import httpx
import pytest
import zstandard
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from signals.domain.proximity import cell_of
from signals.simulation.crowd import Make, gather
from signals.simulation.person import LINES, Person
from signals.simulation.plan import Plan
from signals.simulation.tally import Tally
from tests.flows import stores
from tests.flows.server import ROOT, Client, Server, dial, free_port

SECONDS = float(os.environ.get("PRIVACY_SECONDS", "6"))
LAT, LNG = -47.318257, 161.791346
PLACE = re.compile(r"(?<!\d)(?<!\d:)(?:47[.,]31[78]|161[.,]79[01])")  # where the crowd walks; a time is none
TEXT, CONTACT, UNREACHABLE = "a sentence nobody else may read", "very.private@example.org", "gone.away@example.net"
ADDRESS = "198.51.100.23"
EVERY_S, CHUNK = 10.0, 2**20
ZSTD = bytes.fromhex("28b52ffd")


class Postbox:
    """Takes mail for one of the two contacts."""

    def __init__(self) -> None:
        self.mails: list[Envelope] = []

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: Any) -> str:
        if address == UNREACHABLE:
            return f"550 no such mailbox: {address}"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.mails.append(envelope)
        return "250 OK"


def readable(data: bytes) -> Iterator[str]:
    """`data` as text, and whatever is compressed in it."""
    yield data.decode(errors="replace")
    at = data.find(ZSTD)
    while at >= 0:
        with suppress(zstandard.ZstdError):  # four bytes that only look like a beginning
            yield zstandard.ZstdDecompressor().decompressobj().decompress(data[at:]).decode(errors="replace")
        at = data.find(ZSTD, at + 1)


def stored(server: Server, seen: Counter[str]) -> Iterator[str]:
    """Every value of every table, compressed ones too, and every other file that the processes wrote; counted."""
    with stores.database(server.env) as ask:
        for table in stores.tables(server.env):
            for row in ask(f'SELECT * FROM "{table}"'):
                seen["rows"] += 1
                for value in row:
                    yield from readable(value) if isinstance(value, bytes) else (str(value),)
    for file in server.data.rglob("*"):
        if file.is_file() and "sqlite3" not in file.name:
            data = file.read_bytes()
            seen["files"] += 1
            seen["log lines"] += data.count(b"\n") if file.suffix == ".log" else 0
            yield from readable(data)


class Ears:
    """Everything that people hear, kept in a file, and the tokens and ids that they are known by."""

    def __init__(self, file: Path, patch: pytest.MonkeyPatch) -> None:
        self.file, self.frames = file, 0
        self.writing = file.open("w")
        self.tokens: set[str] = set()
        self.ids: set[str] = set()
        hear, stay = Person._hear, Person._stay

        def listening(person: Person, frame: dict[str, Any]) -> None:
            self.hear(json.dumps(frame))
            hear(person, frame)

        async def noting(person: Person) -> None:
            if person.token:
                self.know(person)
            await stay(person)

        patch.setattr(Person, "_hear", listening)
        patch.setattr(Person, "_stay", noting)

    def know(self, person: Person | Client) -> None:
        self.tokens.add(person.token)
        self.ids.add(person.session_id)

    def hear(self, frame: str) -> None:
        self.frames += 1
        self.writing.write(frame + "\n")

    async def attend(self, client: Client, its_own: str = "") -> None:
        """Note all that came to a client and comes from now on, without what it may hear."""
        for frame in client.heard:
            self.hear(json.dumps(frame).replace(its_own, ""))
        while True:
            self.hear(str(await client.socket.recv()).replace(its_own, ""))

    def heard(self) -> Iterator[str]:
        self.writing.close()
        with self.file.open() as frames:
            while lines := frames.readlines(CHUNK):
                yield "".join(lines)


def watching(server: Server) -> subprocess.Popen[bytes]:
    command = [sys.executable, "manage.py", "watch"]
    with (server.data / "watch.log").open("wb") as output:
        return subprocess.Popen(command, cwd=ROOT, env=server.env, stdout=output, stderr=subprocess.STDOUT)


async def crowd(server: Server) -> Tally:
    plan, tally = Plan(server.url, LAT, LNG, 40, perf_counter() + SECONDS), Tally()
    await gather(Make(25), 1, plan, tally, lambda _: None)
    return tally


async def go_on(a: Client, *others: Client) -> None:
    """Say the sentence again, all at the same place: whoever says nothing for an hour is gone."""
    while True:
        await asyncio.sleep(EVERY_S)
        await a.say("chat:message", {"text": TEXT})
        for person in (a, *others):
            await person.say("location:update", {"lat": LAT, "lng": LNG})


async def talk_until(end: asyncio.Task[Tally], ears: Ears, a: Client, b: Client, third: Client) -> None:
    """`a` and `b` go on, and all that the three hear is noted; the two may hear the sentence."""
    works = go_on(a, b, third), ears.attend(a, TEXT), ears.attend(b, TEXT), ears.attend(third)
    tasks = [asyncio.create_task(work) for work in works]
    done, _ = await asyncio.wait([end, *tasks], return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    gone = await asyncio.gather(*tasks, return_exceptions=True)
    assert done == {end}, gone


async def live(server: Server, ears: Ears) -> tuple[list[Client], Tally]:
    """Three meet in a crowd, and do everything that takes something private."""
    place = {"lat": LAT, "lng": LNG}
    a, b, third = people = [await Client.arrive(server, location=place) for _ in range(3)]
    around = asyncio.create_task(crowd(server))
    async with a, b, third:
        await third.say("radar:subscribe", {"limit": 500})
        await third.hear_any("radar:update")
        await a.say("location:update", place)
        await a.hear_any("radar:update")
        await a.call("PUT", "/api/profile/emergency-contact", {"emergencyContact": CONTACT})
        await b.call("PUT", "/api/profile/emergency-contact", {"emergencyContact": UNREACHABLE})
        await a.say("chat:request", {"targetSessionId": b.session_id})
        await a.hear_any("chat:request:ack")
        while (await b.hear_any("chat:request"))["fromSessionId"] != a.session_id:
            pass
        await b.say("chat:accept", {"requesterSessionId": a.session_id})
        await a.hear_any("chat:accepted")
        await a.say("chat:message", {"text": TEXT})
        await b.hear_any("chat:message")
        await third.call("POST", "/api/safety/report", {"targetSessionId": b.session_id, "category": "spam"})
        await a.say("location:update", {"lat": LAT, "lng": "x" + TEXT})
        await a.hear_any("error")
        await talk_until(around, ears, a, b, third)
        for presser in (a, b):
            await presser.say("panic:trigger")
            await presser.hear_any("panic:triggered")
        tally = await around
    headers = {"X-Forwarded-For": ADDRESS, "Referer": f"{server.url}/?token={third.token}"}
    async with httpx.AsyncClient(base_url=server.url, trust_env=False, verify=False, headers=headers) as http:
        await http.get("/ws", params={"token": third.token})
        await http.post("/api/onboarding", json={"vibe": TEXT, "visibility": True, "location": place})
        await http.post(f"/api/{TEXT}/{third.token}", content=b"{" + CONTACT.encode())
        await http.get(f"/{TEXT}/{third.token}")
    await (await dial(server, third.token, additional_headers=headers)).close()
    return people, tally


async def test_nothing_that_went_in_is_found_where_it_does_not_belong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    postbox, port, ears = Postbox(), free_port(), Ears(tmp_path / "frames", monkeypatch)
    mail = Controller(postbox, hostname="127.0.0.1", port=port)
    mail.start()
    data = tmp_path / "data"
    data.mkdir()
    settings = {"LOG_LEVEL": "DEBUG", "TRUSTED_PROXIES": "127.0.0.1", "SENTRY_TRACES_SAMPLE_RATE": "1"}
    server = Server("uvicorn", data, EMAIL_URL=f"smtp://127.0.0.1:{port}", **settings).start()
    watch = watching(server)
    try:
        people, tally = await live(server, ears)
    finally:
        server.stop()  # which gives the mail that is refused its last try, and tells that it is lost
        watch.send_signal(signal.SIGTERM)
        watch.wait(30)
        mail.stop()
    a = people[0]
    assert not tally.errors, tally.summary()
    seen: Counter[str] = Counter(frames=ears.frames, people=len(ears.ids), mails=len(postbox.mails))
    kept = list(stored(server, seen))
    with capsys.disabled():
        sys.stdout.write("".join(f"\nsearched: {n:,} {what}" for what, n in seen.items()))
    assert any("PanicMailLost" in text for text in kept), "the error was not kept: what was searched is not all"
    assert sum("websocket.message" in t or "ws.message" in t for t in kept), "no measure was kept"
    assert min(seen["rows"], seen["frames"]) > 100, seen
    assert seen["log lines"], seen
    for person in people:
        ears.know(person)
    cell = cell_of(LAT, LNG)
    secrets = {TEXT, CONTACT, UNREACHABLE, ADDRESS, str(cell), f"{cell:x}", *ears.tokens}
    for text in chain(kept, ears.heard()):
        assert not PLACE.search(text), text[:2000]
        found = {secret for secret in secrets if secret in text}
        assert not found, f"{found} in {text[:2000]}"
    for text in kept:
        assert not {person for person in ears.ids if person in text}, text[:2000]
        assert not any(line in text for line in LINES[1:4])
    letters = [mail for mail in postbox.mails if mail.rcpt_tos == [CONTACT]]
    assert len(letters) == 1
    for letter in postbox.mails:
        said = letter.content.decode()  # type: ignore[union-attr]
        assert not PLACE.search(said)
        assert not any(secret in said for secret in (TEXT, a.token, a.session_id, a.handle))
