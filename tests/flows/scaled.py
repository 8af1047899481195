"""Several server processes behind one proxy, with Redis and one database between them."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Self

import uvloop

from tests import redis_here
from tests.flows import caddy, stores
from tests.flows.caddy import Caddy
from tests.flows.server import ROOT, Server, fill, free_port


class Proxy:
    """TCP to one of several ports in turn, bytes as they come; one that refuses is passed over. In a thread."""

    def __init__(self, ports: list[int]) -> None:
        self.port, self._ports = free_port(), itertools.cycle(ports)
        self._count = len(ports)
        self._loop = uvloop.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        self._stopping = asyncio.Event()
        server = await asyncio.start_server(self._pass, "127.0.0.1", self.port)
        self._ready.set()
        await self._stopping.wait()
        server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            behind, onward = await self._dial()
        except OSError:
            writer.close()
            return
        await asyncio.gather(_pump(reader, onward), _pump(behind, writer))

    async def _dial(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        for _ in range(self._count):
            with suppress(OSError):
                return await asyncio.open_connection("127.0.0.1", next(self._ports))
        raise ConnectionRefusedError


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


def _begun(watch: subprocess.Popen[bytes], log: Path) -> None:
    """Until it watches: who is told to stop while still loading is killed by it."""
    give_up_at = time.monotonic() + 60
    while watch.poll() is None and b"watches as" not in log.read_bytes():
        assert time.monotonic() < give_up_at, log.read_text()
        time.sleep(0.05)


class Scaled(Server):
    """`count` web processes that look like one server, each in `processes`, and as many watch processes as wanted.

    In front is a proxy of ours, which spreads evenly; SERVERS_PROXY=caddy takes the one that is deployed.
    """

    def __init__(
        self,
        data: Path,
        count: int = 3,
        redis_url: str = redis_here.URL,
        *,
        server: str = "uvicorn",
        watches: int = 0,
        by_caddy: bool = os.environ.get("SERVERS_PROXY") == "caddy",
        **settings: str,
    ) -> None:
        super().__init__(server, data)
        self.region = stores.new_region()
        shared = {**stores.place(data), "REDIS_URL": redis_url, "PRESENCE_REGION": self.region, **settings}
        self.processes = []
        (data / "static").mkdir()
        for n in range(count):
            (data / f"web{n}").mkdir()  # its log; they share a disk, as the watch has to find their errors
            self.processes.append(Server(server, data / f"web{n}", **{"DATA_DIR": str(data), **shared}))
        self.proxy = self._caddy() if by_caddy else Proxy([process.port for process in self.processes])
        self.port = self.proxy.port
        self.url, self.ws_url = f"http://127.0.0.1:{self.port}", f"ws://127.0.0.1:{self.port}/ws"
        for process in self.processes:
            process.env["PUBLIC_URL"] = self.url
        self.env = self.processes[0].env
        self.watch_logs = [data / f"watch{n}.log" for n in range(watches)]
        self.watches: list[subprocess.Popen[bytes]] = []

    def _caddy(self) -> Caddy:
        assert not caddy.trouble(), caddy.trouble()
        hosts, behind = [f"127.0.1.{n + 1}" for n in range(len(self.processes))], free_port()
        for process, host in zip(self.processes, hosts, strict=True):
            process.listen_on(host, behind)
            process.env |= {"TRUSTED_PROXIES": "127.0.0.1", "ALLOWED_HOSTS": ",".join(["127.0.0.1", *hosts])}
        return Caddy(free_port(), hosts, behind)

    def start(self) -> Self:
        fill(self.env)
        return self.run()

    def run(self) -> Self:
        for process in self.processes:
            process.launch()
        for process in self.processes:
            process.wait()
        self.proxy.start()
        for log in self.watch_logs:
            self.start_watch(log)
        return self

    def start_watch(self, log: Path) -> None:
        with log.open("ab") as output:
            command = [sys.executable, "manage.py", "watch"]
            self.watches.append(subprocess.Popen(command, cwd=ROOT, env=self.env, stdout=output, stderr=output))

    def stop(self, how: int = signal.SIGTERM) -> int:
        for watch, log in zip(self.watches, self.watch_logs, strict=True):
            _begun(watch, log)
            watch.send_signal(how)
        codes = [process.stop(how) for process in self.processes] + [watch.wait(30) for watch in self.watches]
        self.proxy.stop()
        return max(map(abs, codes))

    def log(self) -> str:
        said = [process.log() for process in self.processes]
        return "".join(said + [log.read_text() for log in self.watch_logs if log.exists()])

    def complaints(self) -> list[str]:
        """Of all of them; that a watch process comes, leads and goes is none."""
        return [line for line in super().complaints() if " INFO icebreaker.watch: " not in line]


def running(data: Path, **settings: str) -> Iterator[Scaled]:
    """Three web and two watch processes; they have to end quietly."""
    redis_here.needed()
    server = Scaled(data, watches=2, **settings).start()
    try:
        yield server
    finally:
        code = server.stop()
        redis_here.empty(server.region)
    assert code == 0, server.log()
    assert server.complaints() == []
