"""What went wrong: how often, in which part, which kinds are new, and what was turned away."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Count, Q, Sum
from django.db.models.functions import TruncMinute

from monitoring.boards.board import Board, Spec
from monitoring.boards.chart import Chart, Line, leading
from monitoring.boards.desk import Desk
from monitoring.boards.links import change_page
from monitoring.boards.panel import Cell, Row, Table
from monitoring.boards.thresholds import of_rules
from monitoring.boards.words import Unit, moment
from monitoring.models import Event, Issue, IssueHour, IssueTransition, Refused
from signals import telemetry

HOUR: Final = timedelta(hours=1)
COMPONENTS: Final = 5
ISSUES: Final = 15
BEGUN: Final = (IssueTransition.Kind.NEW, IssueTransition.Kind.REGRESSION)


def rate(desk: Desk) -> Chart:
    """Errors a minute: all of them, and by the part of the program they came from."""
    parts = leading(desk.counts(telemetry.ERRORS), COMPONENTS)
    lines = [Line("all", desk.total(telemetry.ERRORS)), *(parts if len(parts) > 1 else [])]
    return desk.chart("Errors", Unit.PER_MINUTE, lines, thresholds=of_rules(telemetry.ERRORS))


def by_project(desk: Desk) -> Chart:
    """Events that were taken in, by sender."""
    bars = desk.bars() if desk.range.length <= HOUR else desk.bars(HOUR)
    start, end = bars.span
    if bars.range.step < HOUR:
        events = Event.objects.filter(received_at__gte=start, received_at__lt=end).order_by()
        minutes = events.annotate(at=TruncMinute("received_at")).values_list("project__name", "at")
        found = list(minutes.annotate(n=Count("pk")))
    else:
        hours = IssueHour.objects.filter(hour__gte=start, hour__lt=end).order_by()
        found = list(hours.values_list("issue__project__name", "hour").annotate(n=Sum("count")))
    return bars.counted("Events", _laid_out(bars, found))


def begun(desk: Desk) -> Chart:
    """Kinds of error that are new, and resolved ones that came back."""
    bars = desk.bars()
    start, end = bars.span
    found = list(IssueTransition.objects.filter(kind__in=BEGUN, at__gte=start, at__lt=end).values_list("kind", "at"))
    by_kind = {kind.label.lower(): bars.tally(at for its, at in found if its == kind) for kind in BEGUN}
    return bars.counted("Issues", by_kind)


def top(desk: Desk) -> Table:
    """The issues with the most events in this time."""
    start, end = desk.span
    if desk.range.length <= HOUR:
        within = Q(events__received_at__gte=start, events__received_at__lt=end)
        ranked = Issue.objects.annotate(here=Count("events", filter=within)).filter(here__gt=0)
    else:
        within = Q(hours__hour__gte=start - HOUR, hours__hour__lt=end)
        ranked = Issue.objects.annotate(here=Sum("hours__count", filter=within)).filter(here__gt=0)
    rows: list[Row] = [
        [
            Cell(str(issue), change_page("monitoring_issue", issue.pk)),
            issue.project.name,
            f"{issue.here:,}",
            f"{issue.people:,}",
            issue.get_status_display(),
            moment(issue.first_seen_at),
            moment(issue.last_seen_at),
        ]
        for issue in ranked.select_related("project").order_by("-here", "-last_seen_at")[:ISSUES]
    ]
    return Table(("Issue", "Project", "Events", "Sessions ever", "Status", "First seen", "Last seen"), rows)


def refused(desk: Desk) -> Chart:
    """What the door for errors turned away, or lost, by reason."""
    bars = desk.bars(HOUR)
    start, end = bars.span
    rows = Refused.objects.filter(hour__gte=start, hour__lt=end).values_list("reason", "hour", "count")
    return bars.counted("Refused items", _laid_out(bars, rows))


def _laid_out(desk: Desk, rows: Iterable[tuple[str, datetime, int]]) -> dict[str, list[int]]:
    """Counts by name and step, the biggest first."""
    found: defaultdict[str, list[int]] = defaultdict(lambda: [0] * len(desk.times))
    for name, at, n in rows:
        if (index := desk.step_of(at)) is not None:
            found[name][index] += n
    return dict(sorted(found.items(), key=lambda pair: -sum(pair[1])))


BOARD: Final = Board(
    name="errors",
    title="Errors",
    permission="monitoring.view_issue",
    specs=(
        Spec("rate", "Errors a minute", rate, wide=True),
        Spec("projects", "Events by project", by_project),
        Spec("begun", "New issues and regressions", begun),
        Spec("top", "Top issues", top, wide=True),
        Spec("refused", "Refused by the error door", refused, wide=True),
    ),
)
