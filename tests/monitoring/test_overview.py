"""One sentence and one exit code for how it stands, the same on the page and on the terminal."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.contrib.auth.models import Permission, User
from django.core.management import call_command
from django.db import OperationalError, connection
from django.test import Client
from django.urls import reverse

from monitoring.incidents import actions
from monitoring.incidents.stages import Firing, Verdict
from monitoring.models import Recipient
from monitoring.overview import DISK_OVER, LATE, Open, State, judge, look

ROOT = Path(__file__).resolve().parents[2]
T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)


def one(severity: str = "critical", *, drill: bool = False, quiet: bool = False) -> Open:
    return Open(1, "Service is down", severity, "detected", T0, drill, quiet)


def status(*options: str) -> tuple[int, str]:
    out = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("status", *options, stdout=out)
    return int(str(ended.value.code)), out.getvalue()


@pytest.mark.parametrize(
    ("incidents", "disk", "figures", "state"),
    [
        ((), 0.5, {}, State.WELL),
        ((one("warning"), one()), 0.5, {}, State.CRITICAL),
        ((one("warning"),), 0.5, {}, State.WARNING),
        ((one(drill=True),), 0.5, {}, State.WELL),
        ((one(quiet=True),), 0.5, {}, State.WELL),
        ((), DISK_OVER + 0.01, {}, State.CRITICAL),
        ((), DISK_OVER, {}, State.WELL),
        ((), 0.5, {"migrations.pending": "2"}, State.WARNING),
    ],
)
def test_the_worst_that_holds_is_the_state(
    incidents: tuple[Open, ...], disk: float, figures: dict[str, str], state: State
) -> None:
    assert judge(incidents, disk, figures)[0] is state


@pytest.mark.django_db
def test_the_terminal_follows_an_incident_from_critical_to_well() -> None:
    incident = actions.attach(Firing("1", "service-down", "Service is down", "critical", T0), T0)
    code, text = status()
    assert code == 2
    assert text.startswith("Not well: Service is down.")
    code, text = status("--json")
    said = json.loads(text)
    assert (code, said["state"], said["incidents"][0]["detected_at"]) == (2, "critical", T0.isoformat())
    later = T0 + timedelta(hours=1)
    actions.resolve(
        incident,
        verdict=Verdict.REAL,
        cause="x",
        follow_ups="",
        sessions_hit=None,
        by=None,
        now=later,
    )
    assert look(later).state is State.UNKNOWN  # nobody looks at alerts, so that none is open means nothing
    actions.sync([], later)
    deaf = look(later + LATE)
    assert (deaf.state, "Nobody would be told" in deaf.sentence) == (State.WARNING, True)
    Recipient.objects.create(name="ann", address="ann@example.org", verified_at=T0, created_at=T0)
    assert look(later + LATE).state is State.WELL
    stale = look(later + LATE + timedelta(seconds=1))
    assert (stale.state, stale.incidents) == (State.UNKNOWN, ())
    assert "13:00:00 UTC" in stale.sentence


@pytest.mark.django_db
def test_what_is_over_is_not_called_unwell_any_more_though_it_waits_for_its_verdict() -> None:
    Recipient.objects.create(name="ann", address="ann@example.org", verified_at=T0, created_at=T0)
    fired = Firing("1", "service-down", "Service is down", "critical", T0)
    actions.sync([fired], T0)
    over = T0 + timedelta(minutes=3)
    actions.sync([replace(fired, ended_at=over)], over)
    seen = look(over)
    assert (seen.state, seen.sentence) == (State.WELL, "Nothing fires; 1 waits for a verdict.")


@pytest.mark.django_db
def test_trouble_that_is_known_outweighs_that_nobody_looks_any_more() -> None:
    actions.attach(Firing("1", "service-down", "Service is down", "critical", T0), T0)
    assert look(T0 + timedelta(days=1)).state is State.CRITICAL


@pytest.mark.django_db
def test_a_database_that_fails_is_unknown_and_never_well() -> None:
    def refuse(*_: object) -> None:
        raise OperationalError("no route to secret-host")

    with connection.execute_wrapper(refuse):
        code, text = status("--json")
    assert code == 3
    assert json.loads(text)["state"] == "unknown"
    assert "secret-host" not in text


def test_watching_says_it_again_until_ctrl_c(tmp_path: Path) -> None:
    place = {**os.environ, "DATABASE_URL": f"sqlite:///{tmp_path / 'empty.sqlite3'}", "DATA_DIR": str(tmp_path)}
    command = [sys.executable, "manage.py", "status", "--json", "--watch", "1"]
    with subprocess.Popen(command, cwd=ROOT, env=place, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        states = [json.loads(process.stdout.readline())["state"] for _ in range(2)]
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 3
    assert states == ["unknown", "unknown"]  # no table is there yet


@pytest.mark.django_db
def test_the_pages_have_the_sentence_the_incident_and_how_alerts_served() -> None:
    user = User.objects.create_user("ada", is_staff=True)
    client = Client()
    client.force_login(user)
    overview, alerts = reverse("monitoring:overview"), reverse("monitoring:alerts")
    assert client.get(overview).status_code == 403
    user.user_permissions.add(Permission.objects.get(codename="view_incident"))
    assert "No incident was resolved." in client.get(alerts).content.decode()
    now = datetime.now(UTC)
    past = actions.attach(Firing("1", "slow-health", "Slow", "warning", now - timedelta(minutes=50)), now)
    actions.acknowledge(past, by=user, now=now - timedelta(minutes=47))
    words = {"cause": "", "follow_ups": "", "sessions_hit": None, "by": user}
    actions.resolve(past, verdict=Verdict.FALSE_ALARM, now=now - timedelta(minutes=30), **words)  # type: ignore[arg-type]
    current = actions.attach(Firing("2", "service-down", "<b>Down</b>", "critical", now), now)
    text = client.get(overview).content.decode()
    assert "<b>Down" not in text
    assert "Not well: &lt;b&gt;Down&lt;/b&gt;." in text
    assert reverse("admin:monitoring_incident_change", args=[current.pk]) in text
    text = client.get(alerts).content.decode()
    for cell in ("slow-health", ">3 min<", ">20 min<", ">100 %"):
        assert cell in text
