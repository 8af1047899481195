"""Servers that several tests share: both kinds, as they run in production."""

from collections.abc import Iterator

import pytest

from tests.flows.server import Server


@pytest.fixture(scope="session", params=["uvicorn", "daphne"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = Server(request.param, tmp_path_factory.mktemp(request.param)).start()
    yield running
    assert running.stop() == 0, running.log()
    assert running.complaints() == []


@pytest.fixture(scope="module", params=["uvicorn"])
def open_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose limits let a fuzzer through."""
    unlimited = {"FRAMES_PER_SECOND": "1000000", "FRAMES_BURST": "1000000", "REQUESTS_PER_SECOND": "1000000"}
    data = tmp_path_factory.mktemp(f"open-{request.param}")
    running = Server(request.param, data, FRAMES_REFUSED_PER_MINUTE="100000000", **unlimited).start()
    yield running
    assert running.stop() == 0, running.log()
    assert running.complaints() == []
