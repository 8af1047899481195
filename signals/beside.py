"""A command of ours beside the server: started with it, started again when it dies, and stopped with it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from time import monotonic
from typing import Final, Self

from django.conf import settings

STOP_WITHIN_S: Final = 10.0
LONG_ENOUGH_S: Final = 60.0  # who lived that long is started again at once when it dies
WAITS_S: Final = (1.0, 2.0, 5.0, 15.0, 30.0)


class Child:
    """One command and the thread that looks after it. It has a session of its own: Ctrl-C reaches it through us."""

    def __init__(
        self, command: Sequence[str], say: Callable[[str], object], waits_s: Sequence[float] = WAITS_S
    ) -> None:
        self.command, self.say, self.waits_s = tuple(command), say, waits_s
        self._stopping = threading.Event()
        self._lock = threading.Lock()  # between starting and stopping
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._look_after, name=self.command[0], daemon=True)

    def start(self) -> Self:
        self._thread.start()
        return self

    def stop(self) -> None:
        """End it and wait for that; kill what does not end in time."""
        with self._lock:
            self._stopping.set()
            process = self._process
        if process is not None:
            process.terminate()
            try:
                process.wait(STOP_WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()
        self._thread.join()

    def _look_after(self) -> None:
        deaths = 0
        while (process := self._begin()) is not None:
            began = monotonic()
            code = process.wait()
            if self._stopping.is_set():
                return
            deaths = 1 if monotonic() - began >= LONG_ENOUGH_S else deaths + 1
            wait_s = self.waits_s[min(deaths, len(self.waits_s)) - 1]
            self.say(f"`{self.command[0]}` ended ({code}); it is started again in {wait_s:g} s.")
            self._stopping.wait(wait_s)

    def _begin(self) -> subprocess.Popen[bytes] | None:
        with self._lock:
            if self._stopping.is_set():
                return None
            self._process = subprocess.Popen(  # noqa: S603 - our own commands
                [sys.executable, str(Path(settings.BASE_DIR) / "manage.py"), *self.command],
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
                start_new_session=True,
                stdin=subprocess.DEVNULL,
            )
            return self._process
