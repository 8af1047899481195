"""What uses the database hardest, on PostgreSQL: claims, leases, swaps of rows, retention, and plans of queries."""

import os
import secrets
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
SERVER = os.environ.get("POSTGRES_URL", "postgres://postgres@127.0.0.1:5432")
SUBSET = (
    "tests/postgres/claims.py",
    "tests/postgres/plans.py",
    "tests/signals/test_models.py",
    "tests/signals/services/test_orders.py",
    "tests/signals/services/test_retention.py",
    "tests/monitoring/test_watch.py",
    "tests/monitoring/alerts/test_actions.py",
    "tests/monitoring/alerts/test_outbox.py",
    "tests/monitoring/errors/test_digest.py",
    "tests/monitoring/errors/test_forgetting.py",
    "tests/monitoring/errors/test_many.py",
    "tests/monitoring/metrics/test_store.py",
    "tests/monitoring/metrics/test_retention.py",
    "tests/monitoring/uptime/test_record.py",
)


def reachable() -> str:
    """Why not, or nothing."""
    try:
        psycopg.connect(f"{SERVER}/postgres", connect_timeout=3).close()
    except psycopg.OperationalError as error:
        return str(error).splitlines()[0]
    return ""


@pytest.mark.postgres
@pytest.mark.timeout(600)
def test_the_hardest_users_of_the_database_pass_on_postgresql() -> None:
    if why := reachable():
        pytest.skip(f"NO POSTGRESQL at {SERVER} (POSTGRES_URL names another): {why}")
    name = f"icebreaker_{secrets.token_hex(4)}"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n0", *SUBSET],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": f"{SERVER}/{name}", "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
        timeout=590,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-8000:]
