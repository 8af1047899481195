"""A command beside the server: started again when it dies, and gone when we stop."""

import signal
import threading

import psutil

from signals.beside import Child


def child(said: list[str], heard: threading.Semaphore, *command: str) -> Child:
    def say(line: str) -> None:
        said.append(line)
        heard.release()

    return Child(command, say, waits_s=(0.0,))


def test_a_command_that_ends_is_said_and_started_again_until_we_stop() -> None:
    said: list[str] = []
    heard = threading.Semaphore(0)
    mine = child(said, heard, "no-such-command").start()
    for _ in range(2):
        assert heard.acquire(timeout=60)
    mine.stop()
    assert said[0].startswith("`no-such-command` ended (1)")
    assert mine._process is not None and mine._process.poll() is not None


def test_stopping_ends_the_command_that_runs_and_starts_no_other() -> None:
    said: list[str] = []
    mine = child(said, threading.Semaphore(0), "shell", "-c", "import time; time.sleep(600)").start()
    while mine._process is None:
        threading.Event().wait(0.01)
    first = mine._process.pid
    mine.stop()
    assert not psutil.pid_exists(first) and not said
    assert mine._process.returncode == -signal.SIGTERM
