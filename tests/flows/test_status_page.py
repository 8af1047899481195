"""The public status page of a real server, before and after its database is really gone."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests.flows.server import Server, manage

pytestmark = pytest.mark.timeout(240)


def look(server: Server, path: str = "/status") -> httpx.Response:
    return httpx.get(server.url + path, timeout=20, trust_env=False)


def remove(database: Path) -> None:
    for file in database.parent.glob(f"{database.name}*"):
        file.unlink()


def damage(database: Path) -> None:
    remove(database)
    database.write_bytes(b"this is no database any more" * 1000)


def test_a_database_that_is_gone_or_damaged_costs_the_public_no_page(tmp_path: Path) -> None:
    database = tmp_path / "icebreaker.sqlite3"
    server = Server(
        "uvicorn", tmp_path, DATABASE_URL=f"sqlite:///{database}"
    )  # a file, whatever others use: it is damaged
    server.start()
    try:
        whole = look(server)
        assert whole.status_code == 200 and "nobody has looked lately" in whole.text
        for wreck in (remove, damage):
            wreck(database)
            server.stop()
            server.run()
            for path in ("/status", "/status.json", "/status.svg", "/status.atom"):
                assert look(server, path).status_code == 200, path
            assert int(look(server).headers["Age"]) >= 0 and "nobody has looked lately" in look(server).text
            assert look(server, "/api/health").status_code == 200
            assert manage("status", env=server.env).returncode == 3
    finally:
        server.stop()
