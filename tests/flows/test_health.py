"""A probe against a real server, and the container's own check."""

import socket
import time
from pathlib import Path

import httpx

from tests.flows.server import Server, manage

BUSY_S = 5  # what a busy machine may add; a database that holds anything up would add all of its own time


def test_a_probe_and_a_container_both_learn_that_it_is_ready(server: Server) -> None:
    assert httpx.get(f"{server.url}/api/health").json()["status"] == "ok"
    assert httpx.get(f"{server.url}/api/health/ready").json()["status"] == "ready"
    checked = manage("health_check", "monitoring:ready", f"127.0.0.1:{server.port}", env=server.env)
    assert (checked.returncode, checked.stdout) == (0, "ready.\n"), checked.stderr
    checked = manage("health_check", env={**server.env, "HOST": "0.0.0.0", "PORT": str(server.port)})
    assert checked.returncode == 0, checked.stderr


def test_liveness_is_answered_in_front_of_everything_under_whatever_name_we_are_asked(server: Server) -> None:
    with httpx.Client(base_url=server.processes[0].url, headers={"Host": "10.0.0.7"}) as http:
        answer = http.get("/api/health")
        assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
        assert {"Set-Cookie", "Server"}.isdisjoint(answer.headers)
        head = http.head("/api/health")
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["Content-Length"] == str(len(answer.content))
        assert http.get("/api/health/ready").status_code == 400, "Django is asked by its own name alone"
    refused = httpx.post(f"{server.url}/api/health", content=b"x" * 100_000)
    assert (refused.status_code, refused.json()["error"]["code"]) == (413, "PAYLOAD_TOO_LARGE")


def test_a_container_whose_server_is_gone_is_unhealthy(server: Server) -> None:
    checked = manage("health_check", "monitoring:ready", "127.0.0.1:1", env=server.env)
    assert checked.returncode == 2
    assert "No answer from 127.0.0.1:1" in checked.stderr


def test_a_container_whose_database_lacks_its_tables_is_told_why(tmp_path: Path) -> None:
    bare = Server("uvicorn", tmp_path)
    bare.start()
    try:
        undone = manage("migrate", "monitoring", "zero", "--verbosity", "0", env=bare.env)
        assert undone.returncode == 0, undone.stderr
        checked = manage("health_check", "monitoring:ready", f"127.0.0.1:{bare.port}", env=bare.env)
        assert checked.returncode == 1
        assert "503: not ready. migrations:" in checked.stderr
        checked = manage("health_check", "monitoring:live", f"127.0.0.1:{bare.port}", env=bare.env)
        assert checked.returncode == 0, "liveness asks no database"
    finally:
        bare.stop()


def test_a_database_that_hangs_makes_liveness_neither_slow_nor_wrong(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes a connection, and never says a word
        place = f"postgres://somebody@127.0.0.1:{silent.getsockname()[1]}/icebreaker"
        server = Server("uvicorn", tmp_path, DATABASE_URL=place).start()
        try:
            for _ in range(4):
                started = time.monotonic()
                ready = httpx.get(f"{server.url}/api/health/ready", timeout=30, trust_env=False)
                took_s = time.monotonic() - started
                assert ready.status_code == 503
                assert {"database", "migrations"} == ready.json()["failed"].keys()
                assert took_s < 2 + BUSY_S
                started = time.monotonic()
                live = httpx.get(f"{server.url}/api/health", timeout=30, trust_env=False)
                assert (live.status_code, live.json()["status"]) == (200, "ok")
                assert time.monotonic() - started < BUSY_S
        finally:
            server.stop()
