"""What probes from outside found: up, down, slow, not watched, and maintenance, each shown as what it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from statistics import median
from typing import Any, Final

from django.db.models import Func, IntegerField, Q

from monitoring.boards.board import Board, Spec
from monitoring.boards.chart import Chart, Line, Threshold
from monitoring.boards.desk import Desk
from monitoring.boards.links import change_page
from monitoring.boards.panel import Bars, Cell, Figure, Row, Stretch, Table, Tiles
from monitoring.boards.words import Unit, lasted, moment, share
from monitoring.metrics import targets
from monitoring.models import Monitor, Outage, ProbeResult
from monitoring.uptime import record
from monitoring.uptime.outage import Answer, Kind, Span, length, subtract

PERIODS: Final = {"24 hours": 1, "7 days": 7, "30 days": 30, "90 days": 90}
OUTAGES: Final = 30
PROBES_A_STEP: Final = 2  # so that a probe that comes late leaves no hole


class Epoch(Func):
    """A moment as whole seconds since the epoch: a month of probes takes a fifth of the time that dates take."""

    output_field = IntegerField()

    def as_sqlite(self, compiler: Any, connection: Any, **more: Any) -> Any:
        return self.as_sql(compiler, connection, template="CAST(strftime('%%%%s', %(expressions)s) AS INTEGER)")

    def as_postgresql(self, compiler: Any, connection: Any, **more: Any) -> Any:
        return self.as_sql(compiler, connection, template="FLOOR(EXTRACT(EPOCH FROM %(expressions)s))::bigint")


def enabled() -> list[Monitor]:
    return list(Monitor.objects.filter(enabled=True))


def totals(desk: Desk) -> Tiles:
    """The uptime of everything that is watched, against the target."""
    monitors, found = enabled(), []
    for words, days in PERIODS.items():
        up = record.uptime_of(monitors, Span(desk.now - timedelta(days=days), desk.now))
        found.append(Figure(words, share(up.share), *judged(up.share), ""))
    return Tiles(found)


def judged(up: float | None) -> tuple[str, str]:
    """How an uptime stands against the target, as a state and in words."""
    if up is None:
        return "unknown", "nobody watched"
    return ("well" if targets.UPTIME.is_met(up) else "warning"), f"target: {targets.UPTIME.words}"


def bars(desk: Desk, monitors: Sequence[Monitor]) -> Bars:
    """The time of these monitors, piece by piece; down is when any of them was."""
    few = desk.bars()
    start, end = few.range.start, few.range.end
    whole = Span(start, end)
    unknown = subtract([whole], record.known_spans(monitors, whole))
    work = subtract(record.maintenance_spans(whole), unknown)
    left_out = [*unknown, *work]
    down = subtract(record.outage_spans(monitors, whole), left_out)
    slow = subtract(record.outage_spans(monitors, whole, Kind.SLOW), [*left_out, *down])
    pieces = []
    for at in few.times:
        piece = Span(max(at, start), min(at + few.range.step, end))
        found = (_within(spans, piece) for spans in (down, slow, unknown, work))
        pieces.append(Stretch(piece.from_at, piece.to_at - piece.from_at, *found))
    return Bars(pieces, record.uptime_of(monitors, whole).share)


def answers(desk: Desk, monitor: Monitor) -> Chart:
    """How long this monitor's answers took: the middle one and the slowest of each step."""
    steps = desk.slower(timedelta(seconds=monitor.interval_s * PROBES_A_STEP))
    start, end = steps.span
    rows = ProbeResult.objects.filter(monitor=monitor, at__gte=start, at__lt=end, took_ms__isnull=False)
    found: list[list[float]] = [[] for _ in steps.times]
    for at_s, took_ms in rows.exclude(answer=Answer.UNKNOWN).order_by().values_list(Epoch("at"), "took_ms"):
        if (index := steps.step_at(at_s)) is not None:
            found[index].append(took_ms)
    known = record.known_spans([monitor], Span(start, end))
    lines = [
        Line("slowest", [max(took) if took else None for took in found]),
        Line("median", [median(took) if took else None for took in found]),
    ]
    return steps.chart(
        "Time of an answer",
        Unit.MS,
        lines,
        thresholds=_thresholds(monitor),
        measured=[_touches(known, at, at + steps.range.step) for at in steps.times],
    )


def outages(desk: Desk) -> Table:
    """Confirmed outages that touch this time, the latest first."""
    start, end = desk.span
    rows = Outage.objects.filter(Q(closed_at=None) | Q(closed_at__gt=start), opened_at__lt=end)
    found: list[Row] = [
        [
            Cell(one.monitor.name, change_page("monitoring_outage", one.pk)),
            one.get_kind_display(),
            moment(one.opened_at),
            moment(one.closed_at) if one.closed_at else "still open",
            lasted((one.closed_at or desk.now) - one.opened_at),
            one.reason,
        ]
        for one in rows.select_related("monitor")[:OUTAGES]
    ]
    return Table(("Monitor", "Kind", "From (UTC)", "To", "Lasted", "Reason"), found, "No outage in this time.")


def _thresholds(monitor: Monitor) -> list[Threshold]:
    slow = Threshold("slow", float(monitor.slow_ms), "warning")
    if monitor.address.rstrip("/").endswith(f"/{targets.HEALTH.label}"):
        return [Threshold("target for a health answer", targets.HEALTH.limit), slow]
    return [slow]


def _within(spans: Iterable[Span], piece: Span) -> timedelta:
    return length(Span(max(s.from_at, piece.from_at), min(s.to_at, piece.to_at)) for s in spans)


def _touches(spans: Iterable[Span], start: datetime, end: datetime) -> bool:
    return any(span.from_at < end and span.to_at > start for span in spans)


def _of_each() -> list[Spec]:
    return [spec for monitor in enabled() for spec in _of(monitor)]


def _of(monitor: Monitor) -> tuple[Spec, Spec]:
    return (
        Spec(f"bar-{monitor.pk}", monitor.name, lambda desk: bars(desk, [monitor]), wide=True),
        Spec(
            f"answers-{monitor.pk}", f"{monitor.name}: response times", lambda desk: answers(desk, monitor), wide=True
        ),
    )


BOARD: Final = Board(
    name="uptime",
    title="Uptime",
    permission="monitoring.view_outage",
    specs=(
        Spec("totals", "Uptime of everything", totals, wide=True),
        Spec("outages", "Outages", outages, wide=True),
    ),
    family=_of_each,
)
