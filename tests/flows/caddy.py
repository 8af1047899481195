"""The proxy that `deploy/` ships, run by Debian's Caddy: without certificates, and `web` means addresses here."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Self

ROOT = Path(__file__).resolve().parent.parent.parent
SINCE_27 = "stream_close_delay"


def trouble() -> str:
    """Why it can't be run here, or nothing."""
    if missing := [program for program in ("caddy", "unshare") if not shutil.which(program)]:
        return f"there is no {' and no '.join(missing)} on this machine"
    return "" if os.geteuid() == 0 else "only root may give a process an /etc/hosts of its own"


class Caddy:
    """`hosts` all listen on `behind`; people come by `port`."""

    def __init__(self, port: int, hosts: list[str], behind: int) -> None:
        self.port, self.hosts, self.behind = port, hosts, behind
        self.data = Path(tempfile.mkdtemp(prefix="icebreaker-caddy-"))

    def start(self) -> Self:
        (self.data / "Caddyfile").write_text(self._config())
        (self.data / "hosts").write_text("127.0.0.1 localhost\n" + "".join(f"{host} web\n" for host in self.hosts))
        home = {"XDG_DATA_HOME": str(self.data), "XDG_CONFIG_HOME": str(self.data), "HOME": str(self.data)}
        self.log = (self.data / "log").open("w")
        self.process = subprocess.Popen(
            ["unshare", "-m", "sh", "-c", "mount --bind hosts /etc/hosts && exec caddy run --config Caddyfile"],
            cwd=self.data,
            env={"PATH": os.environ["PATH"], "DOMAIN": f"http://127.0.0.1:{self.port}", **home},
            stdout=self.log,
            stderr=self.log,
        )
        self._until_listening()
        return self

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(30)
        self.log.close()
        shutil.rmtree(self.data, ignore_errors=True)

    def _config(self) -> str:
        """As it is deployed, but for the port, and a line that versions before 2.7 don't know."""
        lines = (ROOT / "deploy/Caddyfile").read_text("utf-8").replace("port 8000", f"port {self.behind}").splitlines()
        version = subprocess.run(["caddy", "version"], capture_output=True, text=True, check=True).stdout.lstrip("v")
        if tuple(map(int, version.split(".")[:2])) < (2, 7):
            lines = [line for line in lines if SINCE_27 not in line]
        return "\n".join(["{", "\tadmin off", "}", *lines, ""])

    def _until_listening(self) -> None:
        give_up_at = time.monotonic() + 30
        while True:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return
            assert self.process.poll() is None, (self.data / "log").read_text()
            assert time.monotonic() < give_up_at
            time.sleep(0.05)
