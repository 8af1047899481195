"""A drill from end to end, everything real: server, watch process, mail server, and the pages that staff use.

It is started in the admin, noticed by a rule, mailed, acknowledged by the link in the mail, worked through by its
runbook, stopped, and written up.
"""

from __future__ import annotations

import email
import email.policy
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.flows.server import ROOT, Server, free_port, manage

T = TypeVar("T")
PASSWORD = "a long password of this test"
ADDRESS = "ada@example.org"
NOTICED_S = 150  # a busy machine is slow; the figure itself is measured by the bench


class Mailbox:
    """Keeps every mail that the server took."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        mail = email.message_from_bytes(envelope.content or b"", policy=email.policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        return "250 OK"

    def about(self, words: str) -> EmailMessage | None:
        return next((mail for mail in self.mails if words in str(mail["Subject"])), None)


def until(found: Callable[[], T | None], what: str, seconds: float = 60) -> T:
    """Ask again and again until there is something."""
    give_up_at = time.monotonic() + seconds
    while not (it := found()):
        assert time.monotonic() < give_up_at, f"{what} did not come"
        time.sleep(0.5)
    return it


def link(mail: EmailMessage, kind: str) -> str:
    """The one link of this kind, the same in the text and in the HTML."""
    part = mail.get_body(("plain",))
    assert part
    said = re.search(rf"http://\S+/monitoring/{kind}/\S+/", part.get_content())
    html = mail.get_body(("html",))
    assert said
    assert html and said[0] in html.get_content()
    return said[0]


class Staff:
    """Somebody with a browser's manners: cookies, and the token of each form."""

    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=url, trust_env=False, follow_redirects=True, timeout=30)

    def post(self, path: str, **said: str) -> str:
        self.http.get(path)
        token = self.http.cookies.get("csrftoken") or ""
        answer = self.http.post(
            path, data={"csrfmiddlewaretoken": token, **said}, headers={"Referer": str(self.http.base_url)}
        )
        assert answer.status_code == 200, (path, answer.status_code)
        return answer.text

    def get(self, path: str) -> str:
        answer = self.http.get(path)
        assert answer.status_code == 200, (path, answer.status_code)
        return answer.text

    def first(self, path: str, model: str) -> str | None:
        """The page of the first row of a list."""
        found = re.search(rf"/admin/monitoring/{model}/\d+/change/", self.get(path))
        return found[0] if found else None


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, int]]:
    kept, port = Mailbox(), free_port()
    controller: Any = Controller(kept, hostname="127.0.0.1", port=port)
    controller.start()
    yield kept, port
    controller.stop()


@pytest.fixture
def place(tmp_path: Path, mailbox: tuple[Mailbox, int]) -> Iterator[Server]:
    """A server and its watch process, with a superuser."""
    server = Server("uvicorn", tmp_path, EMAIL_URL=f"smtp://127.0.0.1:{mailbox[1]}").start()
    env = {**server.env, "DJANGO_SUPERUSER_PASSWORD": PASSWORD}
    done = manage("createsuperuser", "--noinput", "--username", "ada", "--email", "root@example.org", env=env)
    assert done.returncode == 0, done.stderr
    with (tmp_path / "watch.log").open("w") as log:
        watch = subprocess.Popen(
            [sys.executable, "manage.py", "watch"], cwd=ROOT, env=server.env, stdout=log, stderr=subprocess.STDOUT
        )
        yield server
        watch.terminate()
        code = watch.wait(30)
    server.stop()
    said = (tmp_path / "watch.log").read_text()
    assert code == 0, said
    assert "Traceback" not in said, said


@pytest.mark.timeout(300)
def test_a_drill_is_noticed_mailed_acknowledged_worked_through_and_written_up(
    place: Server, mailbox: tuple[Mailbox, int]
) -> None:
    box, staff = mailbox[0], Staff(place.url)
    anybody = httpx.Client(trust_env=False, timeout=30)
    staff.post("/admin/login/", username="ada", password=PASSWORD, next="/admin/monitoring/drill/")

    # Somebody is to be told, and confirms it by a mail.
    staff.post("/admin/monitoring/recipient/add/", name="Ada", address=ADDRESS)
    asked = until(lambda: box.about("confirm this address"), "the mail that asks")
    assert "Confirmed" in anybody.post(link(asked, "confirm")).text

    # The drill begins; every page says so.
    page = staff.post("/admin/monitoring/drill/add/", kind="errors", minutes="5", reason="A test of all of it")
    assert "Under way" in page
    assert "DRILL." in staff.get("/admin/monitoring/alert/")
    drill = staff.first("/admin/monitoring/drill/", "drill")
    assert drill

    # It is noticed and mailed, and says what it is.
    mail = until(lambda: box.about("[DRILL]"), "the mail about the drill", NOTICED_S)
    assert ADDRESS in mail["To"]
    assert "made on purpose" in str(mail.get_body(("plain",)))
    answer = link(mail, "acknowledge")

    # A scanner opens the link; then the reader presses its button, without signing in.
    assert "Yes, acknowledge" in anybody.get(answer).text
    named = re.search(r"/admin/monitoring/alert/\d+/change/", str(mail.get_body(("plain",))).replace("=\n", ""))
    assert named
    alert = named[0]
    assert "Nobody has acknowledged it" in staff.get(alert)
    assert "yours" in anybody.post(answer).text
    assert "Ada has it since" in staff.get(alert)
    assert "acknowledged it" in anybody.post(answer).text

    # It is stopped at once, and the incident is worked through.
    assert "Stopped." in staff.post(drill)
    incident = until(lambda: staff.first("/admin/monitoring/incident/", "incident"), "the incident")
    until(lambda: "Acknowledged." in staff.get(incident), "the acknowledgement")
    name, step = re.findall(
        r'name="runbook" value="([^"]+)"><input type="hidden" name="step" value="([^"]+)"', staff.get(incident)
    )[0]
    assert "Not done after all" in staff.post(incident, do="step", runbook=name, step=step, done="1")
    assert "real" in staff.post(incident, do="resolve", verdict="real", cause="x")  # refused: a drill is a drill
    staff.post(incident, do="resolve", verdict="drill", cause="On purpose.", follow_ups="None")
    written = staff.get(incident.replace("/change/", "/write-up.md"))
    for told in ("verdict: drill", "Acknowledged", "Done: ", "Resolved: drill"):
        assert told in written

    # How long each step took stands on the drill's page.
    def timed() -> bool:
        rows = dict(re.findall(r'<th scope="row">([^<]+)</th><td>([^<]+)</td>', staff.get(drill)))
        return all(
            rows[step] != "not yet" for step in ("In effect", "Detected", "Mail accepted", "Acknowledged", "Ended")
        )

    until(timed, "the times of the drill")
    staff.http.close()
    anybody.close()
