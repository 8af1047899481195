"""How long everything takes, and how much of it there is."""

from __future__ import annotations

from typing import Final

from monitoring.alerts.rules import MIN_SAMPLES
from monitoring.boards.board import Board, Spec
from monitoring.boards.chart import Chart, Line
from monitoring.boards.desk import Desk
from monitoring.boards.panel import Table
from monitoring.boards.thresholds import of_timing
from monitoring.boards.words import Unit, say, share
from signals import telemetry

PERCENTS: Final = (50, 95, 99)
LABELS_DRAWN: Final = 5
SLOWEST: Final = 15
SLOW_MS: Final = 1000.0
WHAT: Final = {
    telemetry.WS_MESSAGE: "Time of a message",
    telemetry.SIGNAL_RANK: "Time of a ranking",
    telemetry.RADAR_UPDATE: "Time of a radar",
    telemetry.CHAT_START: "Time of a chat start",
    telemetry.HTTP_REQUEST: "Time of a request",
    telemetry.DB_WRITE: "Time of a write",
}


def percentiles(desk: Desk, metric: str) -> Chart:
    """P50, P95 and P99 of all labels together."""
    timing = desk.timing(metric)
    lines = [Line(f"P{p}", timing.percentile(p)) for p in (95, 50, 99)]
    return desk.chart(WHAT[metric], Unit.MS, lines, thresholds=of_timing(metric))


def by_label(desk: Desk, metric: str) -> Chart:
    """P95 of the labels that have the most samples."""
    timing = desk.timing(metric)
    whole = timing.whole(edge_ms=SLOW_MS)
    most = sorted(whole, key=lambda label: (-whole[label][0], label))[:LABELS_DRAWN]
    lines = [Line(label or "all", timing.percentile(95, label)) for label in most]
    return desk.chart("P95", Unit.MS, lines, thresholds=of_timing(metric, "P95"))


def throughput(desk: Desk) -> Chart:
    named = (
        ("messages", telemetry.WS_MESSAGE),
        ("radars", telemetry.RADAR_UPDATE),
        ("requests", telemetry.HTTP_REQUEST),
        ("chat starts", telemetry.CHAT_START),
        ("writes", telemetry.DB_WRITE),
    )
    lines = [Line(name, desk.per_minute(desk.timing(metric).counts())) for name, metric in named]
    return desk.chart("How many", Unit.PER_MINUTE, lines)


def slowest(desk: Desk) -> Table:
    """Every path with its figures over the whole range, the slowest P95 first; those with few samples last."""
    found = []
    for metric in telemetry.TIMINGS:
        for label, (n, (p50, p95, p99), slow) in desk.timing(metric).whole(*PERCENTS, edge_ms=SLOW_MS).items():
            found.append(
                (n >= MIN_SAMPLES, p95 or 0.0, f"{metric} {label}".strip(), n, p50, p95, p99, slow / n if n else None)
            )
    ranked = sorted(found, key=lambda row: (-row[0], -row[1], row[2]))[:SLOWEST]
    rows = [
        [path, f"{n:,}", *(say(p, Unit.MS) for p in (p50, p95, p99)), share(slow)]
        for _, _, path, n, p50, p95, p99, slow in ranked
    ]
    return Table(("Path", "Samples", "P50", "P95", "P99", "Over 1 s"), rows)


def _timed(key: str, title: str, metric: str) -> Spec:
    return Spec(key, title, lambda desk: percentiles(desk, metric))


def _labelled(key: str, title: str, metric: str) -> Spec:
    return Spec(key, title, lambda desk: by_label(desk, metric))


BOARD: Final = Board(
    name="performance",
    title="Performance",
    permission="monitoring.view_measure",
    specs=(
        _timed("messages", "WebSocket messages", telemetry.WS_MESSAGE),
        _labelled("message-types", "WebSocket messages by type", telemetry.WS_MESSAGE),
        _timed("requests", "HTTP requests", telemetry.HTTP_REQUEST),
        _labelled("routes", "HTTP requests by route", telemetry.HTTP_REQUEST),
        _timed("engine", "Signal Engine", telemetry.SIGNAL_RANK),
        _timed("radars", "Radar updates", telemetry.RADAR_UPDATE),
        _timed("chats", "Chat starts", telemetry.CHAT_START),
        _timed("writes", "Database writes", telemetry.DB_WRITE),
        Spec("throughput", "Throughput", throughput, wide=True),
        Spec("slowest", "Slowest paths", slowest, wide=True),
    ),
)
