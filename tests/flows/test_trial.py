"""`manage.py raise_test_error`, with a watch process and without one."""

import subprocess
import sys
from pathlib import Path

from tests.flows.server import ROOT, Server, manage


def test_an_error_on_purpose_is_followed_into_the_admin(tmp_path: Path) -> None:
    server = Server("uvicorn", tmp_path).start()
    watch = subprocess.Popen(
        [sys.executable, "manage.py", "watch"],
        cwd=ROOT,
        env=server.env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        done = manage("raise_test_error", "--wait", "50", env=server.env)
    finally:
        watch.terminate()
        watch.wait(20)
        server.stop()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Filed under issue 1" in done.stdout
    assert f"{server.url}/admin/monitoring/issue/1/change/" in done.stdout


def test_without_a_watch_process_it_says_what_is_missing(tmp_path: Path) -> None:
    server = Server("uvicorn", tmp_path).start()
    server.stop()
    done = manage("raise_test_error", "--wait", "1", env=server.env)
    assert done.returncode == 1
    assert "1 files wait in the spool. Does `manage.py watch` run?" in done.stderr
