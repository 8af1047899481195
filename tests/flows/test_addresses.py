"""Who calls is counted by address, behind our own proxies too."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.flows.server import Server
from tests.flows.test_calls import WHOLE, refused


@pytest.fixture(scope="module")
def behind_a_proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    place: Path = tmp_path_factory.mktemp("proxied")
    running = Server("uvicorn", place, ONBOARDING_PER_MINUTE="3", TRUSTED_PROXIES="127.0.0.0/8,10.0.0.0/8").start()
    yield running
    assert running.stop() == 0, running.log()


def onboard(server: Server, forwarded: str) -> httpx.Response:
    with httpx.Client(base_url=server.url, trust_env=False, verify=False) as client:
        return client.post("/api/onboarding", json=WHOLE, headers={"X-Forwarded-For": forwarded})


def test_a_fourth_onboarding_in_a_minute_from_one_address_waits_and_another_address_does_not(
    behind_a_proxy: Server,
) -> None:
    assert [onboard(behind_a_proxy, "203.0.113.7").status_code for _ in range(3)] == [201] * 3
    late = onboard(behind_a_proxy, "203.0.113.7")
    refused(late, 429, "RATE_LIMITED")
    assert 1 <= int(late.headers["retry-after"]) <= 20
    assert onboard(behind_a_proxy, "203.0.113.8").status_code == 201


def test_what_a_client_claims_before_the_proxy_is_no_other_address(behind_a_proxy: Server) -> None:
    claims = [f"192.0.2.{n}, 203.0.113.99, 10.1.2.3" for n in range(4)]
    assert [onboard(behind_a_proxy, claim).status_code for claim in claims] == [201, 201, 201, 429]


def test_one_ipv6_network_is_one_client(behind_a_proxy: Server) -> None:
    answers = [onboard(behind_a_proxy, f"2001:db8:1:2::{n:x}").status_code for n in range(4)]
    assert answers == [201, 201, 201, 429]
    assert onboard(behind_a_proxy, "2001:db8:1:3::1").status_code == 201


def test_a_refused_body_is_told_what_is_wrong_and_not_that_it_waits(behind_a_proxy: Server) -> None:
    with httpx.Client(base_url=behind_a_proxy.url, trust_env=False, verify=False) as client:
        for _ in range(6):
            answer = client.post("/api/onboarding", json={}, headers={"X-Forwarded-For": "203.0.113.50"})
            refused(answer, 400, "VALIDATION_ERROR")
    assert onboard(behind_a_proxy, "203.0.113.50").status_code == 201
