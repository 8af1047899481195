"""What a page may load is as narrow as it can be: expressions are evaluated in the admin, and nowhere else."""

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db


def policy(client: Client, path: str) -> str:
    return client.get(path).headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    "path", ["/admin/", "/admin/login/", "/admin/monitoring/issue/", "/monitoring/", "/monitoring/runbooks/"]
)
def test_staff_pages_load_our_own_files_alone(admin_client: Client, path: str) -> None:
    said = policy(admin_client, path)
    assert said.startswith("default-src 'none'; script-src 'self' 'unsafe-eval';")
    assert "http" not in said and "*" not in said and "script-src 'self' 'unsafe-eval' 'unsafe-inline'" not in said


@pytest.mark.parametrize(
    "path", ["/", "/privacy", "/code-of-conduct", "/status", "/administration", "/nothing", "/monitoringx"]
)
def test_everybody_else_evaluates_nothing(client: Client, settings: object, path: str) -> None:
    settings.DEBUG = False  # type: ignore[attr-defined]
    said = policy(client, path)
    assert said.startswith("default-src 'none'") and "unsafe" not in said
