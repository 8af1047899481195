"""What uptime services see."""

import pytest
from django.test import AsyncClient

from monitoring import checks


@pytest.fixture
def client() -> AsyncClient:
    return AsyncClient()


async def test_liveness_says_who_is_here_and_asks_no_database(client: AsyncClient) -> None:
    answer = await client.get("/api/health")
    assert answer.status_code == 200
    assert answer.json() == {"status": "ok", "websocket": "connected", "sessions": 0}
    assert answer["Cache-Control"] == "no-store"
    assert not answer.cookies


@pytest.mark.django_db(transaction=True)
async def test_readiness_is_said_when_everything_answers(client: AsyncClient) -> None:
    answer = await client.get("/api/health/ready")
    assert (answer.status_code, answer.json()) == (200, {"status": "ready", "websocket": "connected"})
    assert answer["Cache-Control"] == "no-store"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("path", ["/api/health", "/api/health/ready"])
async def test_head_is_the_same_without_a_body_and_other_methods_are_refused(client: AsyncClient, path: str) -> None:
    head = await client.head(path)
    assert (head.status_code, head.content) == (200, b"")
    refused = await client.post(path)
    assert (refused.status_code, refused["Allow"]) == (405, "GET, HEAD")
    assert refused.json()["error"]["code"] == "METHOD_NOT_ALLOWED"


async def test_readiness_names_what_failed_and_nothing_more(
    client: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def failing() -> tuple[checks.Result, ...]:
        return checks.Result("presence", "", 1.0), checks.Result("database", "The database does not answer.", 9.0)

    monkeypatch.setattr("monitoring.views.health.readiness", failing)
    answer = await client.get("/api/health/ready")
    assert answer.status_code == 503
    assert answer.json() == {
        "status": "not ready",
        "websocket": "connected",
        "failed": {"database": "The database does not answer."},
    }
