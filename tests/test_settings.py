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


@pytest.mark.parametrize("secret", ["", "short", "x" * 60])
def test_production_refuses_to_start_on_a_missing_or_weak_secret(secret: str) -> None:
    place = {**os.environ, "DEBUG": "false", "SECRET_KEY": secret}
    done = subprocess.run(
        [sys.executable, "manage.py", "check"],
        check=False,
        cwd=ROOT,
        env=place,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode != 0
    assert "SECRET_KEY is missing or too weak" in done.stderr
