"""Whether all is well, at a glance: the sentence, what is open, and the few figures that say most."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from monitoring import overview
from monitoring.boards import errors, uptime
from monitoring.boards.board import Board, Spec
from monitoring.boards.chart import Chart, Line, Threshold
from monitoring.boards.desk import Desk
from monitoring.boards.links import change_page
from monitoring.boards.panel import Bars, Cell, Figure, Row, Table, Tiles, Verdict
from monitoring.boards.thresholds import of_rules, of_timing
from monitoring.boards.words import NOTHING, Unit, lasted, moment, number, say, share
from monitoring.metrics import store
from monitoring.models import DeployMarker, Heartbeat
from monitoring.uptime import record
from monitoring.uptime.outage import Span
from monitoring.watch import NAME
from signals import telemetry

LATELY: Final = timedelta(minutes=5)
DAY: Final = timedelta(days=1)
PATHS: Final = {
    telemetry.WS_MESSAGE: "WebSocket message",
    telemetry.SIGNAL_RANK: "Signal Engine",
    telemetry.RADAR_UPDATE: "Radar update",
    telemetry.CHAT_START: "Chat start",
    telemetry.HTTP_REQUEST: "HTTP request",
}


def verdict(desk: Desk) -> Verdict:
    """The sentence, and the incidents without a verdict."""
    now = overview.look(desk.now)
    rows: list[Row] = [
        [
            Cell(one.title, change_page("monitoring_incident", one.number)),
            "drill" if one.drill else one.severity,
            "quiet, waits for its verdict" if one.quiet else one.stage,
            moment(one.detected_at),
            lasted(desk.now - one.detected_at),
        ]
        for one in now.incidents
    ]
    table = Table(("Incident", "Severity", "Stage", "Since (UTC)", "For"), rows, "None waits for anybody.")
    return Verdict(now.state.name.lower(), now.sentence, table)


def paths(desk: Desk) -> Tiles:
    """P95 of each path in the last minutes, against its target and rules."""
    return Tiles([_path(metric, title, desk.now) for metric, title in PATHS.items()])


def _path(metric: str, title: str, now: datetime) -> Figure:
    found = store.window(metric, None, now - LATELY, now)
    if not found.count:
        return Figure(title, NOTHING, "", "nothing in the last 5 minutes")
    p95 = found.percentile(95)
    limits = of_timing(metric, "P95")
    state, passed = _judged(p95, limits)
    limit = passed or limits[0]
    words = f"{'over' if passed else 'under'} {say(limit.value, Unit.MS)} ({limit.label}), {number(found.count)} timed"
    return Figure(title, say(p95, Unit.MS), state, words)


def _judged(value: float, thresholds: list[Threshold]) -> tuple[str, Threshold | None]:
    worst = max((t for t in thresholds if value > t.value), key=lambda t: t.value, default=None)
    if worst is None:
        return "well", None
    return ("critical" if worst.severity == "critical" else "warning"), worst


def figures(desk: Desk) -> Tiles:
    """Errors, people, and whether everything that watches is alive."""
    now = desk.now
    return Tiles([_errors(now), *_people(now), _uptime(now), _deploy(now), _watch(now), _losses(now)])


def _errors(now: datetime) -> Figure:
    if not store.measured(now - LATELY, now):
        return Figure("Errors", NOTHING, "unknown", "nobody measured in the last 5 minutes")
    rate = store.count_sum(telemetry.ERRORS, None, now - LATELY, now) / (LATELY / timedelta(minutes=1))
    state, passed = _judged(rate, of_rules(telemetry.ERRORS))
    note = f"over {number(passed.value)} ({passed.label})" if passed else "in the last 5 minutes"
    return Figure("Errors", say(rate, Unit.PER_MINUTE), state, note)


def _people(now: datetime) -> list[Figure]:
    named = (
        ("People", telemetry.SESSIONS, "sessions, also of who just left"),
        ("Open chats", telemetry.CHATS_OPEN, "now"),
        ("Sockets", telemetry.WS_CONNECTIONS, "open now"),
    )
    found = [(title, note, store.latest_level(metric, now)) for title, metric, note in named]
    return [
        Figure(
            title,
            say(level, Unit.COUNT),
            "" if level is not None else "unknown",
            note if level is not None else "not told in the last 30 s",
        )
        for title, note, level in found
    ]


def _uptime(now: datetime) -> Figure:
    up = record.uptime_of(uptime.enabled(), Span(now - DAY, now)).share
    return Figure("Uptime, 24 h", share(up), *uptime.judged(up))


def _deploy(now: datetime) -> Figure:
    last = DeployMarker.objects.filter(at__lte=now).first()
    if last is None:
        return Figure("Last deploy", NOTHING, "", "none is known")
    return Figure("Last deploy", last.version, "", f"{lasted(now - last.at)} ago")


def _watch(now: datetime) -> Figure:
    beat = Heartbeat.objects.filter(name=NAME).first()
    if beat is None:
        return Figure("Watch process", NOTHING, "critical", "none ever ran here")
    age = now - beat.beat_at
    late = age > overview.LATE
    return Figure(
        "Watch process", lasted(age), "critical" if late else "well", "late" if late else "since its last beat"
    )


def _losses(now: datetime) -> Figure:
    lost = store.losses(now - DAY, now, now)
    slots = sum(lost.slots.values())
    if not slots and not lost.killed:
        return Figure("Losses, 24 h", "none", "well", "a crash can lose the last 5 s window of a process")
    words = [f"{n} × {seconds} s not written" for seconds, n in sorted(lost.slots.items())]
    words += [f"{lost.killed} × at most 5 s: processes that ended in the middle"] if lost.killed else []
    return Figure("Losses, 24 h", str(slots + lost.killed), "warning", "; ".join(words))


def p95(desk: Desk) -> Chart:
    """P95 of each path over time, with the rules that all of them share."""
    lines = [Line(title, desk.timing(metric).percentile(95)) for metric, title in PATHS.items()]
    return desk.chart("P95", Unit.MS, lines, thresholds=of_rules(telemetry.WS_MESSAGE))


def people(desk: Desk) -> Chart:
    named = (
        ("people", telemetry.SESSIONS),
        ("sockets", telemetry.WS_CONNECTIONS),
        ("open chats", telemetry.CHATS_OPEN),
    )
    return desk.chart("Now", Unit.COUNT, [Line(name, desk.level(metric)[0]) for name, metric in named])


def everything(desk: Desk) -> Bars:
    return uptime.bars(desk, uptime.enabled())


BOARD: Final = Board(
    name="overview",
    title="Overview",
    permission="monitoring.view_incident",
    specs=(
        Spec("well", "Is all well?", verdict, wide=True),
        Spec("figures", "Now", figures, wide=True),
        Spec("paths", "P95 of the last 5 minutes", paths, wide=True),
        Spec("uptime", "Uptime of everything", everything, wide=True),
        Spec("errors", "Errors a minute", errors.rate),
        Spec("p95", "P95 by path", p95),
        Spec("people", "People, sockets and chats", people, wide=True),
    ),
    at_once=frozenset({"well", "figures", "paths"}),
)
