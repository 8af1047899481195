"""Probes look over real sockets; a prober that is itself blind knows nothing."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from monitoring.drills.effects import PROBED
from monitoring.uptime.outage import Answer
from monitoring.uptime.probe import Prober, Seen, Target
from tests.monitoring.uptime.service import Service, running

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    async with running() as service:
        yield service


def target(service: Service, way: str = "http", **said: Any) -> Target:
    path = "/ws" if way == "websocket" else "/api/health"
    return Target(**{
        "id": 1, "name": "It", "way": way, "url": service.url + path, "expects": "", "interval_s": 300, "timeout_s": 2,
        "slow_ms": 1000, **said,
    })  # fmt: skip


async def look(service: Service, way: str = "http", prober: Prober | None = None, **said: Any) -> Seen:
    return await (prober or Prober()).probe(target(service, way, **said), NOW)


async def test_a_good_answer_is_good_and_timed(service: Service) -> None:
    seen = await look(service, expects='"ok"')
    assert (seen.answer, seen.reason, seen.at) == (Answer.GOOD, "", NOW)
    assert seen.took_ms is not None and 0 < seen.took_ms < 1000


async def test_another_status_is_a_failure_that_says_so(service: Service) -> None:
    service.status = 503
    seen = await look(service)
    assert (seen.answer, seen.took_ms, seen.reason) == (Answer.FAILED, None, "The answer was 503.")


async def test_a_drill_that_says_so_is_a_failure_that_says_so(service: Service) -> None:
    service.status, service.text = 503, '{"status":"drill"}'
    seen = await look(service, expects='"ok"')
    assert (seen.answer, seen.reason) == (Answer.FAILED, PROBED)


async def test_a_redirect_is_no_good_answer(service: Service) -> None:
    service.status = 302
    assert (await look(service)).answer is Answer.FAILED


async def test_an_answer_without_the_expected_text_is_a_failure(service: Service) -> None:
    assert (await look(service, expects="something else")).reason == "The answer lacks the expected text."


async def test_an_endless_answer_is_a_failure(service: Service) -> None:
    service.text = "x" * 100_000
    assert (await look(service)).reason == "The answer is longer than 64 KiB."


async def test_a_late_answer_is_slow(service: Service) -> None:
    service.wait_s = 0.05
    assert (await look(service, slow_ms=20)).answer is Answer.SLOW


@pytest.mark.parametrize("way", ["http", "websocket"])
async def test_no_answer_within_the_limit_is_a_failure(service: Service, way: str) -> None:
    service.wait_s = 30
    seen = await look(service, way, timeout_s=1)
    assert (seen.answer, seen.reason) == (Answer.FAILED, "No answer within 1 s.")


@pytest.mark.parametrize("way", ["http", "websocket"])
async def test_a_closed_port_is_a_failure(service: Service, way: str) -> None:
    seen = await look(service, way, url="http://127.0.0.1:1/ws")
    assert (seen.answer, seen.reason) == (Answer.FAILED, "The connection was refused.")


async def test_a_handshake_goes_up_to_connected_as_an_invisible_session(service: Service) -> None:
    seen = await look(service, "websocket")
    assert (seen.answer, seen.reason) == (Answer.GOOD, "")
    assert [msgspec.json.decode(body) for body in service.bodies] == [{"vibe": "surprise", "visibility": False}]


async def test_one_session_serves_many_probes_and_is_renewed_when_it_is_over(service: Service) -> None:
    prober = Prober()
    over = {"type": "error", "payload": {"code": "token_expired", "message": "Over."}}
    good = {"type": "connected", "payload": {}}
    service.first = [good, good, over, good]
    for _ in range(3):
        assert (await look(service, "websocket", prober)).answer is Answer.GOOD
    assert (service.onboarded, service.sockets) == (2, 4)


@pytest.mark.parametrize(
    "first",
    [{"type": "error", "payload": {"code": "connection_limit_exceeded"}}, {"type": "hello"}, ["a list"], "not json"],
)
async def test_any_other_first_frame_is_a_failure(service: Service, first: object) -> None:
    service.first = [first]
    seen = await look(service, "websocket")
    assert seen.answer is Answer.FAILED and seen.reason


async def test_a_failure_while_the_canary_fails_too_is_unknown(service: Service) -> None:
    prober = Prober(canary_url="http://127.0.0.1:1/")
    service.status = 503
    seen = await look(service, prober=prober)
    assert (seen.answer, seen.reason) == (Answer.UNKNOWN, "The prober itself is cut off.")
    service.status = 200
    assert (await look(service, prober=prober)).answer is Answer.GOOD


async def test_a_failure_while_the_canary_answers_is_a_failure(service: Service) -> None:
    async with running() as canary:
        service.status = 503
        assert (await look(service, prober=Prober(canary_url=canary.url))).answer is Answer.FAILED


async def test_a_prober_that_was_held_up_knows_nothing(service: Service) -> None:
    service.wait_s = 0.2
    probing = asyncio.create_task(look(service, slow_ms=100))
    await asyncio.sleep(0.1)
    time.sleep(0.8)  # the whole loop stands still, as on a stopped machine
    assert (await probing).reason == "The prober itself was held up."


def tls(folder: Path, days: int) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context with a certificate of its own that is good for `days`, and a client's that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=30))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    (folder / "key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    )
    (folder / "cert").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(folder / "cert", folder / "key")
    return server, ssl.create_default_context(cafile=str(folder / "cert"))


@pytest.mark.parametrize("way", ["http", "websocket"])
async def test_the_end_of_the_certificate_is_told(tmp_path: Path, way: str) -> None:
    server, trust = tls(tmp_path, days=10)
    async with running(server) as service:
        seen = await look(service, way, Prober(trust=trust))
    assert seen.answer is Answer.GOOD and seen.certificate_expires_at
    assert timedelta(days=9) < seen.certificate_expires_at - datetime.now(UTC) <= timedelta(days=10)


@pytest.mark.parametrize("way", ["http", "websocket"])
async def test_a_certificate_that_is_over_is_a_failure_that_says_so(tmp_path: Path, way: str) -> None:
    server, trust = tls(tmp_path, days=-1)
    async with running(server) as service:
        seen = await look(service, way, Prober(trust=trust))
    assert (seen.answer, seen.reason) == (Answer.FAILED, "The certificate is not valid: certificate has expired.")
