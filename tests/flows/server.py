"""A real server process for the tests, and a real client of it."""

from __future__ import annotations

import asyncio
import atexit
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.flows import stores

ROOT = Path(__file__).resolve().parent.parent.parent
PLACE = {"lat": 52.5219, "lng": 13.4132}
SECRET = secrets.token_urlsafe(64)
DEADMAN = "Critical: Watch process is late"


def environment(data: Path, **more: str) -> dict[str, str]:
    """What a production-like process is started with; nothing of the tests' own settings."""
    kept = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV")}
    ours = {
        "ENV_FILE": os.devnull,
        "SECRET_KEY": SECRET,
        "DATA_DIR": str(data),
        "ENVIRONMENT": "test",
        "HTTPS": "false",
        "ONBOARDING_PER_MINUTE": "100000",
        "PYTHONUNBUFFERED": "1",
    }
    return {**kept, **ours, **more}


def manage(*command: str, env: dict[str, str], timeout: float = 60) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *command],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@cache
def migrated(on_postgres: bool) -> str:
    """The address of a migrated database to copy: migrating takes longer than most tests."""
    data = Path(tempfile.mkdtemp(prefix="icebreaker-migrated-"))
    atexit.register(shutil.rmtree, data)
    url = stores.new_database(data, "whole", on_postgres=on_postgres)
    stores.make(url)
    done = manage("migrate", "--verbosity", "0", env=environment(data, DATABASE_URL=url), timeout=240)
    assert done.returncode == 0, done.stderr
    return url


def fill(env: dict[str, str]) -> None:
    """Give a server a migrated database, unless its is somebody else's."""
    if stores.is_ours(url := env["DATABASE_URL"]):
        stores.copy(migrated(stores.is_postgres(url)), url)


class Server:
    """`manage.py serve` in a process of its own; its output goes to a file."""

    program: tuple[str, ...] = ("manage.py",)

    def __init__(self, kind: str, data: Path, **settings: str) -> None:
        self.kind, self.data, self.port = kind, data, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.ws_url = f"ws://127.0.0.1:{self.port}/ws"
        self.env = environment(data, PUBLIC_URL=self.url, **{**stores.place(data), **settings})
        self.log_file = data / f"{kind}.log"
        self.processes: list[Server] = [self]  # what answers behind `url`

    def start(self) -> Self:
        (self.data / "static").mkdir(exist_ok=True)
        fill(self.env)
        return self.run()

    def listen_on(self, host: str, port: int) -> None:
        """Elsewhere than on the port that was found."""
        self.port, self.env["HOST"] = port, host
        self.url, self.ws_url = f"http://{host}:{port}", f"ws://{host}:{port}/ws"

    def run(self) -> Self:
        """With the data as they are: a second time, it is a restart."""
        self.launch()
        return self.wait()

    def launch(self) -> None:
        self.output = self.log_file.open("w")
        self.process = subprocess.Popen(
            [sys.executable, *self.program, "serve", "--server", self.kind, "--port", str(self.port)],
            cwd=ROOT,
            env=self.env,
            stdout=self.output,
            stderr=subprocess.STDOUT,
        )

    def wait(self) -> Self:
        """Until it answers."""
        give_up_at = time.monotonic() + 60
        while not self.answers():
            assert self.process.poll() is None, self.log()
            assert time.monotonic() < give_up_at, self.log()
            time.sleep(0.05)
        return self

    def answers(self) -> bool:
        try:
            httpx.get(self.url + "/api/nothing", timeout=2, trust_env=False, verify=False)
        except httpx.HTTPError:
            return False
        return True

    def stop(self, how: int = signal.SIGTERM) -> int:
        """End the server; gives its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        code = self.process.wait(20)
        self.output.close()
        return code

    def log(self) -> str:
        return self.log_file.read_text()

    def complaints(self) -> list[str]:
        """Every line that it had to say, but for the watch being late: none runs here, so that is true."""
        return [line for line in self.log().splitlines() if line not in ("", "listening") and DEADMAN not in line]


class Client:
    """One person at one server."""

    def __init__(self, server: Server, **answer: Any) -> None:
        self.server = server
        self.session_id: str = answer["sessionId"]
        self.token: str = answer["token"]
        self.handle: str = answer["handle"]
        self.socket: ClientConnection
        self.heard: list[dict[str, Any]] = []

    @classmethod
    async def arrive(cls, server: Server, **more: Any) -> Self:
        body = {"vibe": "banter", "visibility": True, "location": PLACE, **more}
        async with httpx.AsyncClient(base_url=server.url, trust_env=False, verify=False) as http:
            answer = await http.post("/api/onboarding", json=body)
        assert answer.status_code == 201, answer.text
        return cls(server, **answer.json())

    async def call(self, method: str, path: str, body: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}"}
        async with httpx.AsyncClient(base_url=self.server.url, trust_env=False, verify=False, headers=headers) as http:
            return await http.request(method, path, json=body)

    async def __aenter__(self) -> Self:
        self.socket = await dial(self.server, self.token)
        self.greeting = await self.hear("connected")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.socket.close()

    async def say(self, type_: str, payload: Any = None) -> None:
        await self.socket.send(json.dumps({"type": type_, "payload": {} if payload is None else payload}))

    async def next(self, within_s: float = 10) -> dict[str, Any]:
        async with asyncio.timeout(within_s):
            frame: dict[str, Any] = json.loads(await self.socket.recv())
        self.heard.append(frame)
        return frame

    async def hear(self, type_: str) -> dict[str, Any]:
        """The payload of the next frame of this type; radars may come at any time and are passed over."""
        while True:
            frame = await self.next()
            if frame["type"] == type_:
                payload: dict[str, Any] = frame["payload"]
                return payload
            assert frame["type"] == "radar:update", frame

    async def hear_any(self, type_: str) -> dict[str, Any]:
        """The payload of the next frame of this type, in a crowd where anything may come before it."""
        while (frame := await self.next())["type"] != type_:
            pass
        payload: dict[str, Any] = frame["payload"]
        return payload

    async def ask(self, type_: str, payload: Any, answer: str) -> dict[str, Any]:
        await self.say(type_, payload)
        return await self.hear(answer)


async def dial(server: Server, token: str | None = None, **options: Any) -> ClientConnection:
    url = server.ws_url + (f"?token={token}" if token is not None else "")
    return await connect(url, compression=None, proxy=None, **options)


async def closed(socket: ClientConnection) -> tuple[list[dict[str, Any]], int]:
    """Every frame until the server closed, and the close code."""
    frames = []
    async with asyncio.timeout(15):
        with suppress(ConnectionClosed):
            while True:
                frames.append(json.loads(await socket.recv()))
    return frames, socket.close_code or 0
