"""Several server processes behind one proxy, with Redis and one database between them."""

from __future__ import annotations

import asyncio
import itertools
import signal
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Self

import uvloop

from tests import redis_here
from tests.flows import stores
from tests.flows.server import Server, fill, free_port


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


class Scaled(Server):
    """`count` web processes that look like one server; each is in `processes`."""

    def __init__(self, data: Path, count: int = 3, redis_url: str = redis_here.URL, **settings: str) -> None:
        super().__init__("scaled", data)
        self.region = redis_here.new_region()
        shared = {**stores.place(data), "REDIS_URL": redis_url, "PRESENCE_REGION": self.region, **settings}
        self.processes: list[Server] = []
        for n in range(count):
            (data / f"web{n}" / "static").mkdir(parents=True)
            self.processes.append(Server("uvicorn", data / f"web{n}", **shared))
        self.proxy = Proxy([process.port for process in self.processes])
        self.port = self.proxy.port
        self.url, self.ws_url = f"http://127.0.0.1:{self.port}", f"ws://127.0.0.1:{self.port}/ws"
        for process in self.processes:
            process.env["PUBLIC_URL"] = self.url
        self.env = self.processes[0].env

    def start(self) -> Self:
        fill(self.env)
        for process in self.processes:
            process.launch()
        for process in self.processes:
            process.wait()
        self.proxy.start()
        return self

    def stop(self, how: int = signal.SIGTERM) -> int:
        codes = [process.stop(how) for process in self.processes]
        self.proxy.stop()
        return max(map(abs, codes))

    def log(self) -> str:
        return "".join(process.log() for process in self.processes)


def running(data: Path, **settings: str) -> Iterator[Scaled]:
    """Three processes; they have to end quietly and leave nothing in Redis."""
    redis_here.needed()
    server = Scaled(data, **settings).start()
    try:
        yield server
    finally:
        code = server.stop()
        redis_here.empty(server.region)
    assert code == 0, server.log()
    assert server.complaints() == []
