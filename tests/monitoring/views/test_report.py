"""Staff see every check and process; a scraper with the token reads what was measured, and nobody else does."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from monitoring.metrics import flusher
from monitoring.metrics.flusher import Flusher
from monitoring.metrics.recorder import MetricsRecorder
from monitoring.models import Heartbeat

pytestmark = pytest.mark.django_db(transaction=True)
S = timedelta(seconds=1)


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(User.objects.create_user("ada", is_staff=True))
    return client


@pytest.fixture
def measuring(monkeypatch: pytest.MonkeyPatch) -> Flusher:
    recorder = MetricsRecorder()
    recorder.observe("ws.message", 150.0, 'odd "label" \\')
    recorder.count("errors", "http", 3)
    recorder.level("sessions", 4, "")
    running = Flusher(recorder, "web")
    now = timezone.now()
    running.tick(now)
    running.write(now)
    monkeypatch.setattr(flusher, "_running", running)
    return running


def test_staff_see_every_check_the_processes_and_the_jobs(staff: Client, measuring: Flusher) -> None:
    now = timezone.now()
    Heartbeat.objects.create(name="watch", beat_at=now - 3 * S)
    Heartbeat.objects.create(name="job:probe", beat_at=now - 9 * S)
    answer = staff.get(reverse("monitoring:health"))
    text = answer.content.decode()
    assert answer.status_code == 200 and "no-store" in answer["Cache-Control"]
    for name in ("database", "migrations", "channel_layer", "presence", "watch", "measures", "disk", "job:probe"):
        assert name in text
    assert text.count("<td>well</td>") == 7
    assert '<th scope="row">web</th>' in text


def test_the_report_says_in_a_sentence_what_is_late(staff: Client, measuring: Flusher) -> None:
    Heartbeat.objects.create(name="watch", beat_at=timezone.now() - 500 * S)
    text = staff.get(reverse("monitoring:health")).content.decode()
    assert "The watch process last beat 50" in text
    Heartbeat.objects.all().delete()
    assert "No watch process ever ran here." in staff.get(reverse("monitoring:health")).content.decode()


def test_nobody_else_sees_the_report(client: Client) -> None:
    answer = client.get(reverse("monitoring:health"))
    assert answer.status_code == 302 and "login" in answer["Location"]


def test_a_scraper_with_the_token_reads_openmetrics(client: Client, measuring: Flusher, settings: object) -> None:
    settings.METRICS_TOKEN = "a-long-secret"  # type: ignore[attr-defined]
    answer = client.get("/monitoring/metrics", headers={"Authorization": "Bearer a-long-secret"})
    lines = answer.content.decode().splitlines()
    assert answer["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
    assert lines[-1] == "# EOF"
    odd = r'label="odd \"label\" \\"'
    assert f'icebreaker_ws_message_seconds_bucket{{{odd},le="0.1"}} 0' in lines
    assert f'icebreaker_ws_message_seconds_bucket{{{odd},le="0.2"}} 1' in lines
    assert f"icebreaker_ws_message_seconds_sum{{{odd}}} 0.150000" in lines
    assert 'icebreaker_errors_total{label="http"} 3' in lines
    assert 'icebreaker_sessions{label=""} 4' in lines
    assert 'icebreaker_check_up{check="database"} 1' in lines
    assert 'icebreaker_check_up{check="watch"} 0' in lines


@pytest.mark.parametrize("given", ["", "Bearer wrong", "Bearer ", "a-long-secret", "Bearer a-long-secret x"])
def test_a_wrong_token_or_none_reads_nothing(client: Client, settings: object, given: str) -> None:
    settings.METRICS_TOKEN = "a-long-secret"  # type: ignore[attr-defined]
    answer = client.get("/monitoring/metrics", headers={"Authorization": given} if given else {})
    assert answer.status_code == 403
    assert b"icebreaker" not in answer.content


def test_without_a_token_set_none_is_right_and_staff_may_read(staff: Client, client: Client) -> None:
    assert Client().get("/monitoring/metrics", headers={"Authorization": "Bearer "}).status_code == 403
    assert staff.get("/monitoring/metrics").content.endswith(b"# EOF\n")
    assert staff.post("/monitoring/metrics").status_code == 405
