"""A probe against a real server, and the container's own check."""

import httpx

from tests.flows.server import Server, manage


def test_a_probe_and_a_container_both_learn_that_it_is_ready(server: Server) -> None:
    assert httpx.get(f"{server.url}/api/health").json()["status"] == "ok"
    assert httpx.get(f"{server.url}/api/health/ready").json()["status"] == "ready"
    checked = manage("health_check", "monitoring:ready", f"127.0.0.1:{server.port}", env=server.env)
    assert checked.returncode == 0, checked.stderr


def test_a_container_whose_server_is_gone_is_unhealthy(server: Server) -> None:
    checked = manage("health_check", "monitoring:ready", "127.0.0.1:1", env=server.env)
    assert checked.returncode != 0
