"""A Redis and a PostgreSQL of a test's own, to be stopped, frozen, killed and started again."""

from __future__ import annotations

import atexit
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from tempfile import mkdtemp
from typing import Self

import psycopg
import pytest

from tests.flows.server import free_port

POSTGRES_BIN = Path(os.environ.get("POSTGRES_BIN", "/usr/lib/postgresql/15/bin"))


class PrivateRedis:
    """redis-server on a free port, in memory alone."""

    def __init__(self, *options: str) -> None:
        self.port, self.options = free_port(), options
        self.url = f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> Self:
        program = shutil.which("redis-server")
        if program is None:
            pytest.skip("there is no redis-server on this machine: faults of Redis are not tested")
        options = ("--save", "", "--appendonly", "no", "--bind", "127.0.0.1", "--loglevel", "warning")
        self.process = subprocess.Popen(
            [program, "--port", str(self.port), *options, *self.options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        _until_listening(self.port)
        return self

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def freeze(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)


class PrivatePostgres:
    """A cluster of its own on a free port, run by the user postgres."""

    def __init__(self) -> None:
        place = Path(mkdtemp(prefix="icebreaker-pg-"))  # not among pytest's folders, which are closed to others
        atexit.register(shutil.rmtree, place, ignore_errors=True)
        self.port, self.data = free_port(), place / "data"
        self.url = f"postgres://postgres@127.0.0.1:{self.port}/postgres"

    def make(self) -> Self:
        if not (POSTGRES_BIN / "initdb").is_file():
            pytest.skip(f"there is no initdb in {POSTGRES_BIN}: faults of PostgreSQL are not tested")
        self.data.mkdir()
        if os.geteuid() == 0:
            self.data.parent.chmod(0o755)
            shutil.chown(self.data, "postgres", "postgres")
        self._run("initdb", "-D", str(self.data), "-A", "trust", "-U", "postgres", "--no-sync")
        return self.start()

    def start(self) -> Self:
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off"
        self._run("pg_ctl", "-D", str(self.data), "-w", "-o", options, "-l", str(self.data / "log"), "start")
        return self

    def stop(self) -> None:
        self._run("pg_ctl", "-D", str(self.data), "-m", "immediate", "-w", "stop")

    def answers(self) -> bool:
        with suppress(psycopg.OperationalError), psycopg.connect(self.url, connect_timeout=2):
            return True
        return False

    def _run(self, program: str, *arguments: str) -> None:
        user = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
        subprocess.run(
            [str(POSTGRES_BIN / program), *arguments],
            user=user if os.geteuid() == 0 else None,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=True,
            timeout=60,
        )


def _until_listening(port: int) -> None:
    give_up_at = time.monotonic() + 20
    while True:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        assert time.monotonic() < give_up_at
        time.sleep(0.02)
