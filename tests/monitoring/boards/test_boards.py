"""Each board shows what happened: in its tables, its figures and its words."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError, connection

from monitoring.boards import board as boards
from monitoring.boards import ranges
from monitoring.boards.board import Board, Spec, look
from monitoring.boards.chart import Chart
from monitoring.boards.panel import Bars, Panel, Table, Tiles, Verdict
from monitoring.boards.shelf import BOARDS, may_see
from monitoring.models import (
    Alert,
    DeployMarker,
    Event,
    Heartbeat,
    Incident,
    Issue,
    IssueHour,
    IssueTransition,
    Maintenance,
    Monitor,
    Outage,
    OutboxMail,
    ProbeResult,
    Project,
    Refused,
    RuleSetting,
    Watched,
)
from signals import telemetry
from tests.monitoring.boards.process import Process

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def seen(name: str, length: str = "24h", now: datetime = NOON) -> dict[str, Panel]:
    return {panel.key: panel for panel in look(BOARDS[name], ranges.usual(length, now), now)}


def body(panel: Panel, kind: type) -> Any:
    assert isinstance(panel.body, kind), panel
    return panel.body


def figures(panel: Panel) -> dict[str, tuple[str, str, str]]:
    return {one.label: (one.value, one.state, one.note) for one in body(panel, Tiles).figures}


def cells(panel: Panel) -> list[list[str]]:
    return [[str(cell) for cell in row] for row in body(panel, Table).rows]


def sums(chart: Chart) -> dict[str, float]:
    return {line.label: sum(value or 0 for value in line.values) for line in chart.lines}


@pytest.mark.parametrize("name", BOARDS)
@pytest.mark.parametrize("length", ranges.USUAL)
def test_every_board_stands_without_any_history(name: str, length: str) -> None:
    assert all(panel.body is not None for panel in seen(name, length).values())


def test_the_overview_says_errors_p95_people_and_who_watches() -> None:
    web = Process(NOON - 4 * MINUTE)
    web.recorder.count(telemetry.ERRORS, "page", 30)
    for value, metric in (
        (5.0, telemetry.WS_MESSAGE),
        (300.0, telemetry.SIGNAL_RANK),
        (2500.0, telemetry.HTTP_REQUEST),
    ):
        web.recorder.observe(metric, value, "")
    web.recorder.level(telemetry.SESSIONS, 7, "")
    web.until(NOON).write()
    DeployMarker.objects.create(version="1.2.3", environment="test", at=NOON - 2 * HOUR)
    Heartbeat.objects.create(name="watch", beat_at=NOON - timedelta(seconds=8))
    panels = seen("overview")
    now = figures(panels["figures"])
    assert now["Errors"] == ("6/min", "warning", "over 5 (warning)")
    assert now["People"] == ("7", "", "sessions, also of who just left")
    assert now["Open chats"][:2] == ("–", "unknown")
    assert now["Last deploy"] == ("1.2.3", "", "2 h ago")
    assert now["Watch process"] == ("8 s", "well", "since its last beat")
    assert now["Losses, 24 h"][:2] == ("none", "well")
    paths = figures(panels["paths"])
    assert paths["WebSocket message"][1] == "well"
    assert paths["Signal Engine"][1:] == ("warning", "over 200 ms (target for P95), 1 timed")
    assert paths["HTTP request"][1:] == ("critical", "over 2 s (critical for P95), 1 timed")
    assert paths["Chat start"][:2] == ("–", "")


def test_the_overview_says_when_nobody_measures_and_nobody_watches() -> None:
    now = figures(seen("overview")["figures"])
    assert now["Errors"][1] == "unknown"
    assert now["Watch process"] == ("–", "critical", "none ever ran here")
    Heartbeat.objects.create(name="watch", beat_at=NOON - HOUR)
    assert figures(seen("overview")["figures"])["Watch process"] == ("1 h", "critical", "late")


def test_a_process_that_ended_in_the_middle_is_a_loss() -> None:
    web = Process(NOON - HOUR)
    web.until(NOON - HOUR + MINUTE).write()
    value, state, note = figures(seen("overview")["figures"])["Losses, 24 h"]
    assert (value, state) == ("1", "warning")
    assert "at most 5 s" in note


def test_an_open_incident_is_in_the_verdict_with_a_way_to_it() -> None:
    incident = Incident.objects.create(title="Down", rule="r", severity="critical", detected_at=NOON - HOUR)
    incident.alerts.create(key="1", rule="r", title="Down", severity="critical", began_at=NOON - HOUR)
    verdict = body(seen("overview")["well"], Verdict)
    assert (verdict.state, verdict.sentence) == ("critical", "Not well: Down.")
    row = verdict.open.rows[0]
    assert (str(row[0]), row[0].href, row[4]) == ("Down", f"/admin/monitoring/incident/{incident.pk}/change/", "1 h")


@pytest.fixture
def issue() -> Issue:
    project = Project.objects.get(slug="backend")
    found = Issue.objects.create(
        project=project,
        type="ValueError",
        value="no",
        first_seen_at=NOON - 3 * HOUR,
        last_seen_at=NOON,
        count=9,
        people=4,
    )
    for kind, hours in (("new", 3), ("regression", 1), ("resolved", 2)):
        IssueTransition.objects.create(issue=found, kind=kind, at=NOON - hours * HOUR)
    for hours, n in ((3, 5), (1, 2), (30, 100)):
        IssueHour.objects.create(issue=found, hour=NOON - hours * HOUR, count=n)
    for minutes in (5, 6, 90):
        at = NOON - minutes * MINUTE
        Event.objects.create(
            project=project, issue=found, event_id=f"{minutes}", occurred_at=at, received_at=at, data=b""
        )
    return found


@pytest.mark.parametrize(("length", "events"), [("24h", 7), ("7d", 107), ("1h", 2)])
def test_the_error_board_counts_events_by_project_and_issue(issue: Issue, length: str, events: int) -> None:
    panels = seen("errors", length)
    assert sums(body(panels["projects"], Chart)) == {"Icebreaker Backend": events}
    row = cells(panels["top"])[0]
    assert row[:5] == ["ValueError: no", "Icebreaker Backend", str(events), "4", "Unresolved"]


@pytest.mark.usefixtures("issue")
def test_new_and_returned_issues_and_refusals_are_counted() -> None:
    Refused.objects.create(reason="quota", hour=NOON - 2 * HOUR, count=12)
    panels = seen("errors")
    assert sums(body(panels["begun"], Chart)) == {"new": 1, "came back": 1}
    assert sums(body(panels["refused"], Chart)) == {"quota": 12}


def test_the_threshold_that_staff_set_is_the_one_that_is_drawn() -> None:
    assert [t.value for t in body(seen("errors")["rate"], Chart).thresholds] == [5, 10]
    RuleSetting.objects.create(name="error-rate-warning", over=7, clear=3, window_s=60, hold_s=0, keep_s=300)
    RuleSetting.objects.create(
        name="error-rate-critical", over=10, clear=3, window_s=60, hold_s=0, keep_s=300, enabled=False
    )
    assert [t.value for t in body(seen("errors")["rate"], Chart).thresholds] == [7]


@pytest.fixture
def monitor() -> Monitor:
    Monitor.objects.exclude(pk=Monitor.objects.all()[0].pk).delete()
    found = Monitor.objects.get()
    Watched.objects.create(monitor=found, first_at=NOON - DAY, last_at=NOON - 6 * HOUR)
    Watched.objects.create(monitor=found, first_at=NOON - 3 * HOUR, last_at=NOON)
    Outage.objects.create(
        monitor=found,
        kind="down",
        opened_at=NOON - 2 * HOUR,
        confirmed_at=NOON,
        closed_at=NOON - HOUR,
        reason="refused",
    )
    Outage.objects.create(monitor=found, kind="slow", opened_at=NOON - 30 * MINUTE, confirmed_at=NOON)
    Maintenance.objects.create(from_at=NOON - 8 * HOUR, to_at=NOON - 7 * HOUR, reason="disks")
    for minutes, took in ((2, 30.0), (7, 50.0), (12, None)):
        ProbeResult.objects.create(
            monitor=found, at=NOON - minutes * MINUTE, answer="good" if took else "failed", took_ms=took
        )
    return found


def test_the_uptime_board_tells_down_slow_unknown_and_maintenance_apart(monitor: Monitor) -> None:
    bars = body(seen("uptime")[f"bar-{monitor.pk}"], Bars)
    gap = monitor.policy.gap
    totals = {
        name: sum((getattr(p, name) for p in bars.pieces), timedelta()) for name in ("down", "slow", "unknown", "work")
    }
    assert totals == {"down": HOUR, "slow": 30 * MINUTE, "unknown": 3 * HOUR - gap, "work": HOUR}
    assert sum((piece.length for piece in bars.pieces), timedelta()) == DAY
    assert bars.uptime == pytest.approx(1 - HOUR / (DAY - HOUR - 3 * HOUR + gap))
    assert {piece.state for piece in bars.pieces} >= {"up", "down", "slow", "unknown", "work"}


def test_response_times_have_their_limits_and_outages_their_reason(monitor: Monitor) -> None:
    panels = seen("uptime")
    chart = body(panels[f"answers-{monitor.pk}"], Chart)
    assert [line.values[-1] for line in chart.lines] == [50.0, 40.0]
    assert [t.value for t in chart.thresholds] == [100, monitor.slow_ms]
    rows = cells(panels["outages"])
    assert [row[1] for row in rows] == ["Slow", "Down"]
    assert (rows[0][3], rows[1][4], rows[1][5]) == ("still open", "1 h", "refused")
    assert figures(panels["totals"])["24 hours"][1] == "warning"


def test_the_alert_board_says_how_soon_somebody_was_told_and_answered() -> None:
    for minutes, drill, told_s in ((60, False, 40), (30, False, 90), (20, True, 5)):
        fired = NOON - minutes * MINUTE
        alert = Alert.objects.create(
            rule="service-down",
            title="Service is down",
            severity="critical",
            began_at=fired,
            fired_at=fired,
            acknowledged_at=fired + 2 * MINUTE,
            resolved_at=fired + 10 * MINUTE,
            drill=drill,
            peak=1,
        )
        mail = OutboxMail.objects.create(
            kind="fired",
            state="sent",
            message_id=f"<{minutes}>",
            created_at=fired,
            due_at=fired,
            next_attempt_at=fired,
            sent_at=fired + timedelta(seconds=told_s),
        )
        mail.alerts.add(alert)
    Incident.objects.create(
        title="x",
        rule="r",
        severity="critical",
        detected_at=NOON - HOUR,
        resolved_at=NOON - MINUTE,
        verdict="false_alarm",
    )
    panels = seen("alerts")
    found = figures(panels["figures"])
    assert found["Alerts"] == ("2", "", "2 critical")
    assert found["Time to acknowledge"] == ("2 min", "well", "median; 2 of 2 within 5 min")
    assert found["From firing to mail"] == ("40 s", "warning", "median; 2 of 3 within 1 min")
    assert found["False alarms"] == ("100 %", "warning", "1 of 1 incidents")
    assert sums(body(panels["fired"], Chart)) == {"critical": 2, "drill": 1}
    assert sums(body(panels["mails"], Chart)) == {"sent": 3}
    assert cells(panels["history"])[0][:5] == ["Service is down", "drill", "2026-03-01 11:40:00", "2 min", "10 min"]


def test_connections_are_shown_with_who_was_turned_away() -> None:
    web = Process(NOON - 10 * MINUTE)
    web.recorder.level(telemetry.WS_CONNECTIONS, 12, "")
    web.recorder.level(telemetry.SESSIONS, 4, "")
    web.recorder.count(telemetry.WS_OPENED, "accepted", 60)
    web.recorder.count(telemetry.WS_OPENED, "INVALID_TOKEN", 5)
    web.recorder.count(telemetry.WS_CLOSED, "1006", 10)
    web.until(NOON).write()
    panels = seen("connections")

    def top(key: str) -> dict[str, float]:
        chart = body(panels[key], Chart)
        return {line.label: max(value or 0 for value in line.values) for line in chart.lines}

    assert top("by-session") == {"sockets by session": 3}
    assert top("opened") == {"accepted": 12, "INVALID_TOKEN": 1}
    assert top("turned-away") == {"INVALID_TOKEN": 1}
    assert top("closed") == {"1006 lost": 2}


def test_one_panel_that_can_not_be_read_leaves_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(execute: Any, sql: str, *rest: Any) -> Any:
        if "monitoring_outage" in sql:
            raise OperationalError("database is locked")
        return execute(sql, *rest)

    with connection.execute_wrapper(refuse):
        panels = seen("uptime")
    assert panels["outages"].body is None
    assert [key for key, panel in panels.items() if panel.body is not None] == [
        f"answers-{monitor.pk}" for monitor in Monitor.objects.all()
    ]


def test_what_is_wrong_with_a_reader_is_told_once_and_the_page_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(telemetry, "capture", lambda error, **tags: told.append(f"{error!r} {tags['component']}"))
    broken = Board("b", "B", "p", (Spec("bad", "Bad", lambda desk: {}["x"]), Spec("ok", "Ok", lambda desk: Tiles([]))))
    panels = look(broken, ranges.usual("1h", NOON), NOON)
    assert [panel.body for panel in panels] == [None, Tiles([])]
    assert told == ["KeyError('x') boards"]


def test_monitors_that_can_not_be_listed_are_said_to_be_missing() -> None:
    def away() -> list[Spec]:
        raise OperationalError("locked")

    panels = look(Board("b", "B", "p", (), away), ranges.usual("1h", NOON), NOON)
    assert [(panel.key, panel.body) for panel in panels] == [("more", None)]


def test_a_board_is_for_active_staff_with_its_permission() -> None:
    board = BOARDS["overview"]
    assert not may_see(User(is_staff=False, is_superuser=True), board)
    assert not may_see(User(is_staff=True, is_superuser=True, is_active=False), board)
    assert may_see(User(is_staff=True, is_superuser=True), board)
    assert boards.look(board, ranges.usual("1h", NOON), NOON, only="nothing of this name") == []
