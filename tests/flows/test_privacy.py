"""What people put in stays with them: no log line, database row, file or frame to a third has it.

PRIVACY_SECONDS=3600 looks at a whole hour of a crowd instead of a few seconds.
"""

import asyncio
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
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
from tests.flows.server import ROOT, Client, Server, dial, free_port

SECONDS = float(os.environ.get("PRIVACY_SECONDS", "6"))
LAT, LNG = -47.318257, 161.791346
PLACE = re.compile(r"(?<!\d)(?:47[.,]31\d|161[.,]79\d)")
TEXT, CONTACT, UNREACHABLE = "a sentence nobody else may read", "very.private@example.org", "gone.away@example.net"
ADDRESS = "198.51.100.23"
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


def stored(place: Path) -> Iterator[str]:
    """Every value of every table, compressed ones too, and every other file that the processes wrote."""
    with sqlite3.connect(place / "icebreaker.sqlite3") as database:
        for (table,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            for row in database.execute(f'SELECT * FROM "{table}"'):
                for value in row:
                    yield from readable(value) if isinstance(value, bytes) else (str(value),)
    for file in place.rglob("*"):
        if file.is_file() and "sqlite3" not in file.name:
            yield from readable(file.read_bytes())


class Ears:
    """Everything that the crowd hears, and the tokens it goes in with."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.frames: list[str] = []
        self.tokens: set[str] = set()
        hear, stay = Person._hear, Person._stay

        def listening(person: Person, frame: dict[str, Any]) -> None:
            self.frames.append(json.dumps(frame))
            hear(person, frame)

        async def noting(person: Person) -> None:
            self.tokens.add(person.token)
            await stay(person)

        patch.setattr(Person, "_hear", listening)
        patch.setattr(Person, "_stay", noting)


def watching(server: Server) -> subprocess.Popen[bytes]:
    command = [sys.executable, "manage.py", "watch"]
    with (server.data / "watch.log").open("wb") as output:
        return subprocess.Popen(command, cwd=ROOT, env=server.env, stdout=output, stderr=subprocess.STDOUT)


async def crowd(server: Server) -> Tally:
    plan, tally = Plan(server.url, LAT, LNG, 40, perf_counter() + SECONDS), Tally()
    await gather(Make(25), 1, plan, tally, lambda _: None)
    return tally


async def live(server: Server) -> tuple[list[Client], Tally]:
    """Three meet in a crowd, and do everything that takes something private."""
    place = {"lat": LAT, "lng": LNG}
    a, b, third = people = [await Client.arrive(server, location=place) for _ in range(3)]
    around = asyncio.create_task(crowd(server))
    async with a, b, third:
        await third.ask("radar:subscribe", {"limit": 500}, "radar:update")
        await a.ask("location:update", place, "radar:update")
        await a.call("PUT", "/api/profile/emergency-contact", {"emergencyContact": CONTACT})
        await b.call("PUT", "/api/profile/emergency-contact", {"emergencyContact": UNREACHABLE})
        await a.ask("chat:request", {"targetSessionId": b.session_id}, "chat:request:ack")
        while (await b.hear_any("chat:request"))["fromSessionId"] != a.session_id:
            pass
        await b.say("chat:accept", {"requesterSessionId": a.session_id})
        await a.hear_any("chat:accepted")
        await a.say("chat:message", {"text": TEXT})
        await b.hear_any("chat:message")
        await third.call("POST", "/api/safety/report", {"targetSessionId": b.session_id, "category": "spam"})
        await a.say("location:update", {"lat": LAT, "lng": "x" + TEXT})
        await a.hear_any("error")
        for presser in (a, b):
            await presser.say("panic:trigger")
            await presser.hear_any("panic:triggered")
        tally = await around
    headers = {"X-Forwarded-For": ADDRESS, "Referer": f"{server.url}/?token={third.token}"}
    async with httpx.AsyncClient(base_url=server.url, trust_env=False, verify=False, headers=headers) as http:
        await http.get("/ws", params={"token": third.token})
        await http.post("/api/onboarding", json={"vibe": TEXT, "visibility": True, "location": place})
        await http.post(f"/api/{TEXT}/{third.token}", content=b"{" + CONTACT.encode())
    await (await dial(server, third.token, additional_headers=headers)).close()
    return people, tally


async def test_nothing_that_went_in_is_found_where_it_does_not_belong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    postbox, port, ears = Postbox(), free_port(), Ears(monkeypatch)
    mail = Controller(postbox, hostname="127.0.0.1", port=port)
    mail.start()
    place = {"EMAIL_URL": f"smtp://127.0.0.1:{port}", "LOG_LEVEL": "DEBUG", "TRUSTED_PROXIES": "127.0.0.1"}
    server = Server("uvicorn", tmp_path, **place).start()
    watch = watching(server)
    try:
        people, tally = await live(server)
    finally:
        server.stop()  # which gives the mail that is refused its last try, and tells that it is lost
        watch.send_signal(signal.SIGTERM)
        watch.wait(30)
        mail.stop()
    a, b, third = people
    assert not tally.errors, tally.summary()
    kept = list(stored(tmp_path))
    assert any("PanicMailLost" in text for text in kept), "the error was not kept: what was searched is not all"
    assert sum("websocket.message" in t or "ws.message" in t for t in kept), "no measure was kept"
    heard = [*ears.frames, *map(json.dumps, third.heard)]
    assert len(heard) > 100
    cell = cell_of(LAT, LNG)
    secrets = {TEXT, CONTACT, UNREACHABLE, ADDRESS, str(cell), f"{cell:x}", *ears.tokens, *(p.token for p in people)}
    for text in (*kept, *heard):
        assert not PLACE.search(text), text[:2000]
        found = {secret for secret in secrets if secret in text}
        assert not found, f"{found} in {text[:2000]}"
    for text in kept:
        assert b.session_id not in text
        assert not any(line in text for line in LINES[1:4])
    (letter,) = postbox.mails
    assert letter.rcpt_tos == [CONTACT]
    said = letter.content.decode()  # type: ignore[union-attr]
    assert not PLACE.search(said)
    assert not any(secret in said for secret in (TEXT, a.token, a.session_id, a.handle))
