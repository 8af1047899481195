"""Servers that several tests share: both kinds, as they run in production."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import redis_here
from tests.flows.scaled import Scaled
from tests.flows.server import Server


def started(kind: str, data: Path, **settings: str) -> Server:
    """One process; or, with SERVERS_WEB=3, three of them and two watch processes behind a proxy."""
    if count := int(os.environ.get("SERVERS_WEB", "0")):
        redis_here.needed()
        return Scaled(data, count, server=kind, watches=2, **settings).start()
    return Server(kind, data, **settings).start()


@pytest.fixture(scope="session", params=["uvicorn", "daphne"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = started(request.param, tmp_path_factory.mktemp(request.param))
    yield running
    assert running.stop() == 0, running.log()
    assert running.complaints() == []


@pytest.fixture(scope="module", params=["uvicorn"])
def open_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose limits let a fuzzer through."""
    unlimited = {"FRAMES_PER_SECOND": "1000000", "FRAMES_BURST": "1000000", "REQUESTS_PER_SECOND": "1000000"}
    data = tmp_path_factory.mktemp(f"open-{request.param}")
    running = started(request.param, data, FRAMES_REFUSED_PER_MINUTE="100000000", **unlimited)
    yield running
    assert running.stop() == 0, running.log()
    assert running.complaints() == []
