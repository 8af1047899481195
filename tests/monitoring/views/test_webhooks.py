"""Only who knows the secret is heard, and every message once; bodies are those that the senders document."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from django.test import Client
from django.utils import timezone

from monitoring.models import Delivery, Heartbeat, Monitor, Outage, ProbeResult
from monitoring.uptime import hooks, record
from monitoring.uptime.outage import Answer
from monitoring.uptime.probe import Seen
from monitoring.uptime.remote import Report
from monitoring.uptime.signing import Forged, check_fresh, sign

pytestmark = pytest.mark.django_db
RECORDED = Path(__file__).parents[1] / "recorded"
MINUTE = timedelta(minutes=1)
SECRET = "a secret that two hosts share"


@pytest.fixture(autouse=True)
def secrets(settings: Any) -> None:
    settings.PROBE_SECRET = SECRET
    settings.SENTRY_WEBHOOK_SECRET = "sentry-secret"
    settings.UPTIMEROBOT_WEBHOOK_SECRET = "robot-secret"


# --- remote probers -----------------------------------------------------------------------------------------------


def report(client: Client, body: bytes, secret: str = SECRET, at: datetime | None = None, **headers: str) -> Any:
    said = f"{(at or timezone.now()).timestamp():.6f}"
    signed = {"X-Icebreaker-Time": said, "X-Icebreaker-Signature": sign(secret, said, body), **headers}
    return client.post("/hooks/probes", body, content_type="application/json", headers=signed)


@pytest.fixture
def berlin() -> Monitor:
    return Monitor.objects.create(name="From Berlin", address="/api/health", prober="berlin")


def seen(monitor: Monitor, *answers: Answer) -> bytes:
    start = timezone.now() - MINUTE * len(answers)
    return msgspec.json.encode(
        Report("berlin", [Seen(monitor.pk, start + n * MINUTE / 3, a, 5.0) for n, a in enumerate(answers)])
    )


def test_a_report_becomes_results_and_outages_and_is_answered_with_targets(client: Client, berlin: Monitor) -> None:
    answer = report(client, seen(berlin, *[Answer.FAILED] * 3))
    assert answer.status_code == 200
    assert (answer.json()["kept"], answer.json()["changes"]) == (3, 1)
    assert [t["id"] for t in answer.json()["targets"]] == [berlin.pk]
    assert Outage.objects.get().monitor == berlin and ProbeResult.objects.count() == 3
    assert Heartbeat.objects.filter(name="prober:berlin").exists()


def test_a_report_that_comes_again_is_refused(client: Client, berlin: Monitor) -> None:
    body, at = seen(berlin, Answer.GOOD), timezone.now()
    assert [report(client, body, at=at).status_code for _ in range(3)] == [200, 409, 409]


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({"secret": "another"}, 403),
        ({"at": datetime(2020, 1, 1, tzinfo=UTC)}, 403),
        ({"X-Icebreaker-Time": "1"}, 403),
        ({"X-Icebreaker-Signature": ""}, 403),
        ({"X-Icebreaker-Signature": "ü"}, 403),
    ],
)
def test_a_forged_or_old_report_is_refused(client: Client, berlin: Monitor, said: Any, status: int) -> None:
    assert report(client, seen(berlin, Answer.FAILED), **said).status_code == status
    assert not ProbeResult.objects.exists()


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"prober":"","seen":[]}', b'{"prober":"uptimerobot","seen":[]}'])
def test_a_signed_report_of_another_form_is_refused(client: Client, body: bytes) -> None:
    assert report(client, body).status_code == 400


def test_nobody_is_heard_while_no_secret_is_set(client: Client, berlin: Monitor, settings: Any) -> None:
    settings.PROBE_SECRET = settings.SENTRY_WEBHOOK_SECRET = settings.UPTIMEROBOT_WEBHOOK_SECRET = ""
    assert report(client, seen(berlin, Answer.GOOD), secret="").status_code == 403
    assert robot(client, secret="").status_code == 403
    assert sentry(client, "sentry_event_alert", secret="").status_code == 403


def test_parts_that_are_cut_elsewhere_have_another_signature() -> None:
    assert sign("k", "ab", "c") != sign("k", "a", "bc") != sign("k", "abc")


@pytest.mark.parametrize("said", ["", "x", "nan", "inf", "-inf", "1e400"])
def test_no_strange_number_is_a_fresh_time(said: str) -> None:
    with pytest.raises(Forged):
        check_fresh(said, timezone.now())


def test_only_posts_are_taken_and_no_endless_ones(client: Client) -> None:
    for path in ("probes", "sentry", "uptimerobot"):
        assert client.get(f"/hooks/{path}").status_code == 405
        big = client.post(f"/hooks/{path}", b"x" * (1024 * 1024 + 1), content_type="application/json")
        assert big.status_code == 413


# --- UptimeRobot --------------------------------------------------------------------------------------------------


def robot(client: Client, header: str = "", **said: Any) -> Any:
    body = msgspec.json.decode((RECORDED / "uptimerobot_down.json").read_bytes())
    body |= {"alertDateTime": str(int(timezone.now().timestamp())), **said}
    headers = {"Authorization": header} if header else {}
    return client.post(
        "/hooks/uptimerobot", msgspec.json.encode(body), content_type="application/json", headers=headers
    )


def test_down_and_up_of_uptimerobot_are_an_outage_of_a_monitor_of_its_own(client: Client) -> None:
    then = int(timezone.now().timestamp()) - 300
    assert robot(client, alertDateTime=str(then)).status_code == 200
    outage = Outage.objects.get()
    assert (outage.monitor.prober, outage.kind, outage.closed_at) == ("uptimerobot", "down", None)
    assert outage.opened_at.timestamp() == then and outage.reason == "HTTP 503 - Service Unavailable"
    assert record.levels(timezone.now())["outages.down"] == 1
    assert robot(client, alertType="2", alertTypeFriendlyName="Up", alertDateTime=then + 240).status_code == 200
    outage.refresh_from_db()
    assert outage.closed_at and outage.closed_at.timestamp() == then + 240
    assert record.levels(timezone.now())["outages.down"] == 0


def test_uptimerobot_may_send_its_secret_as_a_header(client: Client) -> None:
    assert robot(client, header="Bearer robot-secret", secret="").status_code == 200
    assert robot(client, header="Bearer another").status_code == 403


def test_the_same_alert_of_uptimerobot_twice_is_refused_and_changes_nothing(client: Client) -> None:
    at = str(int(timezone.now().timestamp()))
    assert [robot(client, alertDateTime=at).status_code for _ in range(2)] == [200, 409]
    assert Outage.objects.count() == Delivery.objects.count() == 1


def test_late_news_of_uptimerobot_does_not_undo_later_news(client: Client) -> None:
    now = int(timezone.now().timestamp())
    robot(client, alertType="2", alertDateTime=str(now))
    robot(client, alertType="1", alertDateTime=str(now - 60))
    assert not Outage.objects.exists()


def test_a_certificate_that_expires_is_noted_and_is_no_outage(client: Client) -> None:
    answer = robot(client, alertType="3", alertTypeFriendlyName="SSL expiry", sslExpiryDaysLeft="7")
    assert answer.status_code == 200 and not Outage.objects.exists()


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({"secret": "guess"}, 403),
        ({"secret": None}, 403),
        ({"secret": ["robot-secret"]}, 403),
        ({"alertDateTime": "1000"}, 403),
        ({"alertDateTime": "99999999999"}, 403),
        ({"alertDateTime": "*alertDateTime*"}, 400),
        ({"alertDateTime": "9" * 40}, 400),
        ({"alertType": "99"}, 400),
        ({"monitorID": "*monitorID*"}, 400),
    ],
)
def test_what_uptimerobot_would_not_send_is_refused(client: Client, said: Any, status: int) -> None:
    assert robot(client, **said).status_code == status
    assert not Outage.objects.exists() and not Delivery.objects.exists()


# --- Sentry -------------------------------------------------------------------------------------------------------


def sentry(client: Client, name: str, secret: str = "sentry-secret", body: bytes = b"", **headers: str) -> Any:
    body = body or (RECORDED / f"{name}.json").read_bytes()
    signed = {
        "Request-ID": "4d1d4f5f",
        "Sentry-Hook-Resource": name.removeprefix("sentry_"),
        "Sentry-Hook-Timestamp": str(int(timezone.now().timestamp())),
        "Sentry-Hook-Signature": hmac.new(secret.encode(), body, hashlib.sha256).hexdigest(),
        **headers,
    }
    return client.post("/hooks/sentry", body, content_type="application/json", headers=signed)


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("sentry_event_alert", "Very Important Alert Rule!: ReferenceError: heck is not defined"),
        ("sentry_metric_alert", "Critical: Too many errors (critical)"),
    ],
)
def test_an_alert_of_sentry_is_kept_once(client: Client, name: str, title: str) -> None:
    assert [sentry(client, name).status_code for _ in range(2)] == [200, 409]
    kept = Delivery.objects.get()
    assert (kept.source, kept.title) == ("sentry", title) and kept.link.startswith("https://sentry.io/")


def test_another_resource_of_sentry_is_kept_by_its_name(client: Client) -> None:
    body = b'{"action":"created","data":{"installation":{}}}'
    assert sentry(client, "sentry_installation", body=body).status_code == 200
    assert Delivery.objects.get().title == "installation created"


def test_a_body_of_sentry_that_was_changed_on_its_way_is_refused(client: Client) -> None:
    signature = hmac.new(b"sentry-secret", b"{}", hashlib.sha256).hexdigest()
    assert sentry(client, "sentry_event_alert", **{"Sentry-Hook-Signature": signature}).status_code == 403
    assert sentry(client, "sentry_event_alert", **{"Sentry-Hook-Timestamp": "1500000000"}).status_code == 403
    assert sentry(client, "sentry_event_alert", secret="guess").status_code == 403
    assert not Delivery.objects.exists()


@pytest.mark.parametrize("body", [b"[]", b"no", b"{}", b'{"data":[]}', b'{"data":{"event":[]}}', b"\xff"])
def test_a_signed_body_of_another_form_is_refused_and_breaks_nothing(client: Client, body: bytes) -> None:
    assert sentry(client, "sentry_event_alert", body=body).status_code == 400


def test_a_link_elsewhere_is_not_kept_unless_it_is_https(client: Client) -> None:
    body = b'{"data":{"event":{"title":"x","web_url":"javascript:alert(1)"}}}'
    assert sentry(client, "sentry_event_alert", body=body).status_code == 200
    assert Delivery.objects.get().link == ""


def test_staff_end_an_outage_whose_end_nobody_told_us(client: Client) -> None:
    robot(client)
    outage = Outage.objects.get()
    assert record.end(outage.pk, now=timezone.now()) and not record.end(outage.pk, now=timezone.now())
    assert record.levels(timezone.now())["outages.down"] == 0


def test_old_deliveries_go_and_those_of_probers_after_an_hour(client: Client, berlin: Monitor) -> None:
    sentry(client, "sentry_event_alert")
    report(client, seen(berlin, Answer.GOOD))
    record.prune(timezone.now() + 2 * 60 * MINUTE)
    assert [d.source for d in Delivery.objects.all()] == ["sentry"]
    assert hooks.LATE_MOST < record.HISTORY_KEPT
