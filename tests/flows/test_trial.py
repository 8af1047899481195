"""Errors on purpose, followed into the admin: by `manage.py raise_test_error`, and by three lines from anywhere."""

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx

from tests.flows.server import ROOT, Server, manage
from tests.flows.test_run import place, running

WITHIN_S = 10.0  # to be seen in the admin: 5, and as much for a machine that is busy with other tests
ROW = re.compile(r'class="issue-type">(\w+)<.*?field-count[^>]*>(\d+)<', re.S)


def three_lines(dsn: str, last: str) -> None:
    code = f"import sentry_sdk\nsentry_sdk.init({dsn!r})\n{last}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert "Traceback" in done.stderr


def sign_in(http: httpx.Client, password: str) -> None:
    http.get("/admin/login/")
    form = {"username": "admin", "password": password, "csrfmiddlewaretoken": http.cookies["csrftoken"]}
    assert http.post("/admin/login/?next=/admin/", data=form).url.path.startswith("/admin/overview")


def until_listed(http: httpx.Client, wanted: dict[str, int]) -> None:
    give_up_at = time.monotonic() + WITHIN_S
    while (found := {kind: int(n) for kind, n in ROW.findall(http.get("/admin/monitoring/issue/").text)}) != wanted:
        assert time.monotonic() < give_up_at, found


def test_three_lines_with_the_dsn_from_the_admin_make_an_issue_and_the_same_again_counts_it(tmp_path: Path) -> None:
    env, url = place(tmp_path)
    process = running(env)
    assert process.stdout
    said = ""
    try:
        while "Ctrl-C stops it" not in said:
            said += process.stdout.readline()
        with httpx.Client(base_url=url, trust_env=False, timeout=20, follow_redirects=True) as http:
            sign_in(http, re.findall(r"password  (\S+)", said)[0])
            dsn = re.findall(rf"http://\w+@{url[7:]}/1\b", http.get("/admin/monitoring/project/").text)[0]
            three_lines(dsn, "undefined_name")
            until_listed(http, {"NameError": 1})
            three_lines(dsn, "undefined_name")
            three_lines(dsn, "1 / 0")
            until_listed(http, {"NameError": 2, "ZeroDivisionError": 1})
            trial = manage("raise_test_error", env=env)
            assert f"{url}/admin/monitoring/issue/3/change/" in trial.stdout, trial.stdout + trial.stderr
            until_listed(http, {"NameError": 2, "ZeroDivisionError": 1, "TrialError": 1})
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert process.returncode == 0


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
