"""A real SMTP server that takes, refuses, delays or drops, as it is told; it keeps what it took."""

from __future__ import annotations

import asyncio
import socket
import time
from collections import deque
from collections.abc import Iterable
from email import message_from_bytes
from email.message import Message
from email.policy import default
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

TAKE, REFUSE, DROP, BUSY, TAKE_AND_DROP, DELAY, STALL = (
    "take",
    "refuse",
    "drop",
    "busy",
    "take_and_drop",
    "delay",
    "stall",
)


class MailServer:
    """Answers each mail by the next of `moods`, and when they are used up by the last one."""

    def __init__(self, moods: Iterable[str] = (TAKE,)) -> None:
        self.moods = deque(moods)
        self.taken: list[Message] = []
        self.taken_at: list[float] = []
        self.delay_s = 0.0
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port)

    def __enter__(self) -> MailServer:
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop(no_assert=True)

    @property
    def ids(self) -> list[str]:
        return [str(message["Message-ID"]) for message in self.taken]

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.moods[0] == REFUSE:
            self._next()
            return "550 5.1.1 There is no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        mood = self._next()
        if mood == BUSY:
            return "451 4.3.0 Try again later"
        if mood == DELAY:
            await asyncio.sleep(self.delay_s)
        while mood == STALL and not server.transport.is_closing():  # a byte now and then: no answer is ever late
            server.transport.write(b"2")
            await asyncio.sleep(0.02)
        if mood not in (DROP, STALL):
            content: Any = envelope.original_content
            self.taken.append(message_from_bytes(content, policy=default))
            self.taken_at.append(time.time())
        if mood in (DROP, TAKE_AND_DROP):
            server.transport.abort()
        return "250 OK taken"

    def _next(self) -> str:
        return self.moods.popleft() if len(self.moods) > 1 else self.moods[0]
