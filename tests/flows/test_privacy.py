"""What people put in stays with them: no log line, database row or frame to a third has it."""

import asyncio
import json
import sqlite3

import httpx
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.flows.server import Client, Server, free_port, manage

LAT, LNG = 47.318257, 8.791346
COORDINATES = ("47.31", "8.79", "47,31", "8,79")
TEXT, CONTACT = "a sentence nobody else may read", "very.private@example.org"


class Postbox:
    def __init__(self) -> None:
        self.mails: list[Envelope] = []
        self.arrived = asyncio.Event()

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.mails.append(envelope)
        return "250 OK"


def everything_stored(server: Server) -> str:
    """Every row of every table, and every other file that the server wrote."""
    with sqlite3.connect(server.data / "icebreaker.sqlite3") as database:
        rows = "\n".join(database.iterdump())
    files = [p for p in server.data.rglob("*") if p.is_file() and "sqlite3" not in p.name]
    return rows + "\n".join(p.read_text(errors="replace") for p in files)


async def test_nothing_that_went_in_is_found_where_it_does_not_belong(tmp_path) -> None:  # type: ignore[no-untyped-def]
    postbox, port = Postbox(), free_port()
    mail = Controller(postbox, hostname="127.0.0.1", port=port)
    mail.start()
    server = Server("uvicorn", tmp_path, EMAIL_URL=f"smtp://127.0.0.1:{port}", LOG_LEVEL="DEBUG").start()
    try:
        place = {"lat": LAT, "lng": LNG}
        a, b, third = [await Client.arrive(server, location=place) for _ in range(3)]
        crowd = asyncio.create_task(
            asyncio.to_thread(
                manage,
                *("simulate", "--url", server.url, "--people", "25", "--seconds", "5", "--quiet"),
                *("--lat", str(LAT), "--lng", str(LNG), "--radius", "40"),
                env=server.env,
            )
        )
        async with a, b, third:
            await third.ask("radar:subscribe", {"limit": 500}, "radar:update")
            await a.ask("location:update", place, "radar:update")
            await a.call("PUT", "/api/profile/emergency-contact", {"emergencyContact": CONTACT})
            await a.ask("chat:request", {"targetSessionId": b.session_id}, "chat:request:ack")
            await b.hear("chat:request")
            await b.ask("chat:accept", {"requesterSessionId": a.session_id}, "chat:accepted")
            await a.hear("chat:accepted")
            await a.ask("chat:message", {"text": TEXT}, "chat:message")
            await third.call("POST", "/api/safety/report", {"targetSessionId": b.session_id, "category": "spam"})
            await a.socket.send(json.dumps({"type": "location:update", "payload": {"lat": LAT, "lng": "x" + TEXT}}))
            await a.ask("panic:trigger", {}, "error")  # of the broken position before it
            done = await crowd
            assert done.returncode == 0, done.stdout + done.stderr
            while len(third.heard) < 3:
                await third.next()
        async with httpx.AsyncClient(base_url=server.url, trust_env=False, verify=False) as http:
            await http.get("/ws", params={"token": b.token})
    finally:
        server.stop()
        mail.stop()
    stored, heard = everything_stored(server), json.dumps(third.heard)
    for where in (stored, heard):
        for secret in (TEXT, CONTACT, a.token, b.token, third.token, *COORDINATES, "127.0.0.1:"):
            assert secret not in where, f"{secret} was found"
    assert b.session_id not in stored
    assert len(postbox.mails) == 1
    letter = postbox.mails[0].content.decode()  # type: ignore[union-attr]
    assert postbox.mails[0].rcpt_tos == [CONTACT]
    assert not any(c in letter for c in (*COORDINATES, TEXT, a.token, a.session_id, a.handle))
