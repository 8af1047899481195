"""A short campaign of kill -9: no mail lost, no alert twice. `KILLS=100 python -m bench kills` is the long one."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.flows import stores

ROOT = Path(__file__).resolve().parents[3]


def test_watch_processes_that_are_killed_lose_no_mail_and_fire_nothing_twice(tmp_path: Path) -> None:
    url = stores.place(tmp_path)["DATABASE_URL"]
    stores.make(url)
    done = subprocess.run(
        [sys.executable, "-m", "bench", "kills"],
        check=False,
        cwd=ROOT,
        env={**os.environ, "KILLS": "4", "DATABASE_URL": url},
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert re.search(r"\b0 of 8 lost, \d+ twice, (\d+) alerts of \1 rules", done.stdout), done.stdout + done.stderr
