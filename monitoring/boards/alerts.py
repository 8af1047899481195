"""How well alerts served: what fired, how soon somebody was told and answered, and how often it was for nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from statistics import median
from typing import Final

from django.db.models import Min, Q, QuerySet

from monitoring.alerts.book import BY_NAME
from monitoring.alerts.rules import Kind, Severity
from monitoring.boards.board import Board, Spec
from monitoring.boards.chart import Chart, Line, Threshold
from monitoring.boards.desk import Desk
from monitoring.boards.links import change_page
from monitoring.boards.panel import Cell, Figure, Row, Table, Tiles
from monitoring.boards.words import NOTHING, Unit, lasted, moment, say, share
from monitoring.incidents.record import by_rule
from monitoring.models import Alert, Incident, OutboxMail

TOLD_WITHIN: Final = timedelta(seconds=60)
ANSWERED_WITHIN: Final = timedelta(minutes=5)
ROWS: Final = 50


def figures(desk: Desk) -> Tiles:
    """What fired, and how that went, without drills."""
    fired = list(_fired(desk).filter(drill=False))
    critical = [one for one in fired if one.severity == Severity.CRITICAL]
    answered = [one.acknowledged_at - one.fired_at for one in fired if one.acknowledged_at]
    ended = [one.resolved_at - one.fired_at for one in fired if one.resolved_at]
    told = [took for _, took in _told(desk)]
    judged = Incident.objects.filter(resolved_at__gte=desk.range.start, resolved_at__lt=desk.range.end)
    real, false = (judged.filter(verdict=v).count() for v in (Incident.Verdict.REAL, Incident.Verdict.FALSE_ALARM))
    return Tiles(
        (
            Figure("Alerts", str(len(fired)), "", f"{len(critical)} critical"),
            _within("Time to acknowledge", answered, ANSWERED_WITHIN),
            _within("Time to resolve", ended),
            _within("From firing to mail", told, TOLD_WITHIN),
            _false(real, false),
        )
    )


def _within(label: str, took: Sequence[timedelta], limit: timedelta | None = None) -> Figure:
    """The median, and how many stayed within the limit."""
    if not took:
        return Figure(label, NOTHING, "", "none in this time")
    middle = lasted(timedelta(seconds=median(one.total_seconds() for one in took)))
    if limit is None:
        return Figure(label, middle, "", f"median; the longest {lasted(max(took))}")
    good = sum(one <= limit for one in took)
    state = "well" if good == len(took) else "warning"
    return Figure(label, middle, state, f"median; {good} of {len(took)} within {lasted(limit)}")


def _false(real: int, false: int) -> Figure:
    total = real + false
    if not total:
        return Figure("False alarms", NOTHING, "", "no incident was judged")
    return Figure("False alarms", share(false / total), "warning" if false else "well", f"{false} of {total} incidents")


def fired(desk: Desk) -> Chart:
    """Alerts that fired, by severity."""
    bars, found = desk.bars(), list(_fired(desk).values_list("severity", "drill", "fired_at"))
    by_kind = {
        "critical": [at for severity, drill, at in found if severity == Severity.CRITICAL and not drill],
        "warning": [at for severity, drill, at in found if severity == Severity.WARNING and not drill],
        "drill": [at for _, drill, at in found if drill],
    }
    return bars.counted("Alerts", {name: bars.tally(moments) for name, moments in by_kind.items()})


def mails(desk: Desk) -> Chart:
    """Mails by what came of them, when they were owed."""
    bars = desk.bars()
    start, end = bars.span
    rows = OutboxMail.objects.filter(created_at__gte=start, created_at__lt=end).order_by()
    found = list(rows.values_list("state", "created_at"))
    by_state = {state.label.lower(): [at for its, at in found if its == state] for state in OutboxMail.State}
    return bars.counted("Mails", {name: bars.tally(moments) for name, moments in by_state.items()})


def told(desk: Desk) -> Chart:
    """How long it took from firing until SMTP had taken the first mail; the slowest of each step."""
    bars, slowest = desk.bars(), dict[int, float]()
    for at, took in _told(desk):
        if (index := bars.step_of(at)) is not None:
            slowest[index] = max(slowest.get(index, 0.0), took.total_seconds())
    line = Line("slowest", [slowest.get(index) for index in range(len(bars.times))])
    limit = Threshold("target", TOLD_WITHIN.total_seconds())
    everywhere = [True] * len(bars.times)
    return bars.chart("From firing to mail", Unit.SECONDS, [line], thresholds=[limit], measured=everywhere)


def served(desk: Desk) -> Table:
    """By the rule that began it: medians over resolved incidents, and the share that was a false alarm."""
    rows = [
        [
            record.rule,
            str(record.incidents),
            NOTHING if record.to_acknowledge is None else lasted(record.to_acknowledge),
            NOTHING if record.to_resolve is None else lasted(record.to_resolve),
            share(record.false_share),
        ]
        for record in by_rule(desk.range.start, desk.range.end)
    ]
    head = ("First rule", "Resolved", "Time to acknowledge (median)", "Time to resolve (median)", "False alarms")
    return Table(head, rows, "No incident was resolved.")


def history(desk: Desk) -> Table:
    """Alerts that fired in this time, the latest first."""
    rows: list[Row] = [
        [
            Cell(one.title, change_page("monitoring_alert", one.pk)),
            "drill" if one.drill else one.severity,
            moment(one.fired_at),
            lasted(one.acknowledged_at - one.fired_at) if one.acknowledged_at else NOTHING,
            lasted(one.resolved_at - one.fired_at) if one.resolved_at else "still open",
            _worst(one),
            one.muted or ("known too late to tell anybody" if one.late else one.detail),
        ]
        for one in _fired(desk)[:ROWS]
    ]
    head = ("Alert", "Severity", "Fired (UTC)", "Acknowledged after", "Resolved after", "Worst value", "About")
    return Table(head, rows, "No alert in this time.")


def _worst(alert: Alert) -> str:
    """The worst value while it was open; for a slow path that is the share of slow samples."""
    rule = BY_NAME.get(alert.rule)
    is_share = rule is not None and rule.condition.kind is Kind.SHARE
    return say(alert.peak, Unit.SHARE if is_share else Unit.COUNT)


def incidents(desk: Desk) -> Table:
    """Incidents that touch this time, the latest first."""
    found = Incident.objects.filter(detected_at__lt=desk.range.end).filter(
        Q(resolved_at=None) | Q(resolved_at__gte=desk.range.start)
    )
    rows: list[Row] = [
        [
            Cell(one.title, change_page("monitoring_incident", one.pk)),
            one.severity,
            one.get_stage_display(),
            moment(one.detected_at),
            lasted(one.acknowledged_at - one.detected_at) if one.acknowledged_at else NOTHING,
            lasted(one.resolved_at - one.detected_at) if one.resolved_at else "open",
            one.get_verdict_display() or ("Drill" if one.drill else NOTHING),
        ]
        for one in found[:ROWS]
    ]
    head = ("Incident", "Severity", "Stage", "Detected (UTC)", "Acknowledged after", "Resolved after", "Verdict")
    return Table(head, rows, "No incident in this time.")


def _fired(desk: Desk) -> QuerySet[Alert]:
    return Alert.objects.filter(fired_at__gte=desk.range.start, fired_at__lt=desk.range.end)


def _told(desk: Desk) -> list[tuple[datetime, timedelta]]:
    """For each alert somebody was told of: when it fired, and how long its first mail took."""
    first = Min("mails__sent_at", filter=Q(mails__kind=OutboxMail.Kind.FIRED))
    rows = _fired(desk).order_by().annotate(first_mail_at=first).exclude(first_mail_at=None)
    return [(at, sent_at - at) for at, sent_at in rows.values_list("fired_at", "first_mail_at")]


BOARD: Final = Board(
    name="alerts",
    title="Alerts",
    permission="monitoring.view_incident",
    specs=(
        Spec("figures", "In this time", figures, wide=True),
        Spec("fired", "Alerts fired", fired),
        Spec("told", "From firing to mail", told),
        Spec("served", "How alerts served", served, wide=True),
        Spec("history", "Alerts", history, wide=True),
        Spec("incidents", "Incidents", incidents, wide=True),
        Spec("mails", "Mails", mails, wide=True),
    ),
)
