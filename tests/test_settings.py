"""Settings say what they need, and every variable that they read is documented."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def test_every_variable_that_settings_read_stands_in_the_example_and_no_other() -> None:
    read = set(re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', (ROOT / "icebreaker/settings.py").read_text("utf-8")))
    shown = set(re.findall(r"^# ([A-Z_]+)=", (ROOT / ".env.example").read_text("utf-8"), re.M))
    assert read == shown


STRONG = "0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJKLMNOPQRSTU"
WELL = {
    "SECRET_KEY": STRONG,
    "PUBLIC_URL": "https://icebreaker.example",
    "ALLOWED_HOSTS": "icebreaker.example",
    "EMAIL_URL": "smtp://127.0.0.1:25",
    "TRUSTED_PROXIES": "10.0.0.0/8",
    "METRICS_TOKEN": STRONG,
}


def checked(*options: str, **place: str) -> subprocess.CompletedProcess[str]:
    """`manage.py check` as production."""
    production = {"DEBUG": "false", "ENVIRONMENT": "production", "HTTPS": "true"}
    return subprocess.run(
        [sys.executable, "manage.py", "check", *options],
        check=False,
        cwd=ROOT,
        env={**os.environ, **production, **place},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"SECRET_KEY": ""}, "SECRET_KEY is missing or too weak"),
        ({"SECRET_KEY": "short"}, "SECRET_KEY is missing or too weak"),
        ({"SECRET_KEY": "x" * 60}, "SECRET_KEY is missing or too weak"),
        ({"ALLOWED_HOSTS": "icebreaker.example,*"}, "ALLOWED_HOSTS may not be '*'"),
        ({"PROBE_SECRET": "secret"}, "PROBE_SECRET is too weak"),
        ({"METRICS_TOKEN": "a" * 40}, "METRICS_TOKEN is too weak"),
        ({"SENTRY_WEBHOOK_SECRET": "1234"}, "SENTRY_WEBHOOK_SECRET is too weak"),
        ({"UPTIMEROBOT_WEBHOOK_SECRET": "1234"}, "UPTIMEROBOT_WEBHOOK_SECRET is too weak"),
    ],
)
def test_production_refuses_to_start_on_what_is_missing_or_weak_and_says_which(
    wrong: dict[str, str], sentence: str
) -> None:
    done = checked(**{**WELL, **wrong})
    assert done.returncode != 0
    assert sentence in done.stderr


def test_the_deployment_check_names_everything_that_a_place_for_real_people_lacks() -> None:
    well = checked("--deploy", "--fail-level", "WARNING", **WELL)
    assert well.returncode == 0, well.stderr
    bare = checked("--deploy", "--fail-level", "WARNING", SECRET_KEY=STRONG, EMAIL_URL="consolemail://")
    assert bare.returncode != 0
    assert all(f"signals.{name}" in bare.stderr for name in ("W001", "W003", "W004"))
    foreign = checked("--deploy", **{**WELL, "ALLOWED_HOSTS": "other.example"})
    assert "signals.W002" in foreign.stderr
