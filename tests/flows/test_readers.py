"""Somebody who sends and does not read: the server reads no further, and everybody else is served meanwhile."""

from __future__ import annotations

import json
import select
import socket
from pathlib import Path

import pytest
from websockets.client import ClientProtocol
from websockets.protocol import OPEN
from websockets.uri import parse_uri

from tests.flows.server import Client, Server

CROWD, LITTLE, MUCH = 30, 8_192, 64 * 2**20
STUCK_S = 2
ASK = json.dumps({"type": "radar:subscribe", "payload": {"limit": 50}}).encode() + b" " * 15_000


class Mute:
    """A client that never reads once it is greeted, and whose machine keeps little for it."""

    def __init__(self, client: Client) -> None:
        self.wire = socket.socket()
        self.wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, LITTLE)
        self.wire.settimeout(10)
        self.wire.connect(("127.0.0.1", client.server.port))
        self.protocol = ClientProtocol(parse_uri(f"{client.server.ws_url}?token={client.token}"))
        self.protocol.send_request(self.protocol.connect())
        self.wire.sendall(b"".join(self.protocol.data_to_send()))
        while self.protocol.state is not OPEN:
            self.protocol.receive_data(self.wire.recv(4096))
        self.wire.setblocking(False)

    def pour(self) -> int:
        """Ask until nobody takes it any more; gives how many bytes were taken."""
        taken, rest = 0, b""
        while taken < MUCH and select.select([], [self.wire], [], STUCK_S)[1]:
            if not rest:
                self.protocol.send_text(ASK)
                rest = b"".join(self.protocol.data_to_send())
            sent = self.wire.send(rest)
            taken, rest = taken + sent, rest[sent:]
        return taken


@pytest.mark.parametrize("kind", ["uvicorn", "daphne"])
async def test_who_does_not_read_is_read_no_further_and_keeps_nobody_waiting(kind: str, tmp_path: Path) -> None:
    server = Server(kind, tmp_path, FRAMES_PER_SECOND="1000000", FRAMES_BURST="1000000").start()
    try:
        crowd = [await Client.arrive(server) for _ in range(CROWD)]
        mute = Mute(crowd[0])
        with mute.wire:
            assert mute.pour() < MUCH
            async with crowd[1] as other:
                assert len((await other.ask("radar:subscribe", {}, "radar:update"))["people"]) == CROWD - 1
    finally:
        server.stop()
    assert server.complaints() == []
