"""One command on a bare machine: it sets up, serves a crowd, and stops cleanly."""

import os
import re
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import httpx

from tests.flows.server import ROOT, Client, Server, environment, free_port, manage


def running(env: dict[str, str], *more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "manage.py", "run", *more],
        cwd=ROOT,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def until_ready(url: str, process: subprocess.Popen[str]) -> None:
    give_up_at = time.monotonic() + 60
    while time.monotonic() < give_up_at:
        assert process.poll() is None, process.communicate()[0]
        try:
            httpx.get(url + "/api/nothing", timeout=2, trust_env=False)
        except httpx.HTTPError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("the server did not come up")


def place(tmp_path: Path) -> tuple[dict[str, str], str]:
    port = free_port()
    env = environment(tmp_path / "var", ENV_FILE=str(tmp_path / ".env"), PORT=str(port))
    for settled in ("SECRET_KEY", "HTTPS", "ENVIRONMENT", "ONBOARDING_PER_MINUTE"):
        del env[settled]
    return env, f"http://127.0.0.1:{port}"


def test_a_first_start_sets_up_and_serves_a_crowd_and_a_second_one_keeps_what_is_there(tmp_path: Path) -> None:
    env, url = place(tmp_path)
    process = running(env)
    try:
        until_ready(url, process)
        crowd = manage("simulate", "--url", url, "--people", "30", "--seconds", "6", "--quiet", env=env)
    finally:
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=30)
    assert crowd.returncode == 0, crowd.stdout + crowd.stderr
    assert "Nobody saw an error." in crowd.stdout
    assert re.search(r"^chats +[1-9]", crowd.stdout, re.M), crowd.stdout
    assert process.returncode == 0, said
    assert url in said
    assert said.rstrip().endswith("Stopped.")
    assert "Traceback" not in said
    assert " WARNING " not in said
    password = re.search(r"password  (\S+)", said)
    assert password
    stored = b"".join(p.read_bytes() for p in tmp_path.rglob("*") if p.is_file())
    assert password[1].encode() not in stored
    secrets = tmp_path / ".env"
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o600
    kept = secrets.read_text()

    again = running({**env, "SERVER": "daphne"})
    until_ready(url, again)
    again.send_signal(signal.SIGTERM)
    said, _ = again.communicate(timeout=30)
    assert again.returncode == 0, said
    assert "password" not in said
    assert "Traceback" not in said
    assert secrets.read_text() == kept


def test_a_port_that_is_taken_is_said_in_words(tmp_path: Path) -> None:
    import socket

    env, _ = place(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        env["PORT"] = str(taken.getsockname()[1])
        said = running(env).communicate(timeout=60)[0]
    assert "is taken" in said
    assert "Traceback" not in said


def test_a_crowd_without_a_server_is_told_so() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    done = manage("simulate", "--url", url, "--wait", "0", env={**os.environ})
    assert done.returncode != 0
    assert "No server answers" in done.stderr


async def test_a_visitor_of_the_demonstration_meets_somebody_who_answers_wherever_they_are(tmp_path: Path) -> None:
    env, url = place(tmp_path)
    process = running(env, "--people", "6")
    try:
        until_ready(url, process)
        far_away = {"lat": -33.8568, "lng": 151.2153}
        me = await Client.arrive(
            cast("Server", SimpleNamespace(url=url, ws_url=url.replace("http", "ws") + "/ws")), location=far_away
        )
        async with me:
            seen = await me.ask("radar:subscribe", {}, "radar:update")
            while len(seen["people"]) < 4:
                seen = await me.hear("radar:update")
            assert {p["proximity"] for p in seen["people"]} == {None}
            await me.ask("chat:request", {"targetSessionId": seen["people"][0]["sessionId"]}, "chat:request:ack")
            await me.hear("chat:accepted")
            assert (await me.hear("chat:message"))["sender"] == "them"
            await me.say("chat:message", {"text": "Is this seat free?"})
            assert (await me.hear("chat:message"))["sender"] == "me"
            assert (await me.hear("chat:message"))["sender"] == "them"
    finally:
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=30)
    assert "4 of them" in said
    assert process.returncode == 0, said
    assert "Traceback" not in said
