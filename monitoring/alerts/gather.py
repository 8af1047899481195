"""The numbers of a window, from everything that is known: measures, outages, issues, heartbeats, mail, disk.

What is known of a stretch is read once, and windows are cut from it: the same for the last 15 seconds, for what was
missed while nobody looked, and for the back-test. A source that can't be read is broken, and the others go on.
"""

from __future__ import annotations

import logging
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple, TypeVar

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.models import Q

from monitoring.alerts.rules import Rule
from monitoring.alerts.snapshot import Snapshot, Timing
from monitoring.metrics.store import WEB
from monitoring.metrics.tiers import FINEST_S
from monitoring.metrics.timeline import Timeline
from monitoring.models import Heartbeat, IssueTransition, Monitor, Outage, OutboxMail
from monitoring.models.uptime import UPTIMEROBOT
from monitoring.runbooks.figures import disk_share
from monitoring.uptime import record
from monitoring.uptime.outage import Kind, Span
from signals import telemetry

log = logging.getLogger("icebreaker.watch")
T = TypeVar("T")
WATCH: Final = "watch"
DISK: Final = "disk.used"  # levels that the watch process measures, 0 to 1
DATABASE: Final = "database.used"
ISSUES: Final = {"issues.new": IssueTransition.Kind.NEW, "issues.regression": IssueTransition.Kind.REGRESSION}
LOUD: Final = ("error", "fatal")  # levels of an issue that somebody is told of
SOCKETS_MIN: Final = 20  # fewer sockets are no leak, however few sessions they have
AHEAD: Final = timedelta(minutes=1)  # what lies further ahead came before the clock was set back
TIMED: Final = (telemetry.WS_MESSAGE, telemetry.SIGNAL_RANK, telemetry.HTTP_REQUEST)
COUNTED: Final[dict[str, tuple[str, frozenset[str]]]] = {  # name: of which metric, all labels but these
    telemetry.ERRORS: (telemetry.ERRORS, frozenset()),
    "ws.refused": (telemetry.WS_OPENED, frozenset({"accepted"})),
}
LEVELS: Final = (telemetry.WS_CONNECTIONS, telemetry.SESSIONS, DISK, DATABASE)


class Watched(NamedTuple):
    """What is known of the monitors: when, and when one was down or slow."""

    known: Sequence[Span]
    troubled: Mapping[str, Sequence[Span]]
    certificate_ends_at: datetime | None


@dataclass(frozen=True, slots=True)
class Facts:
    """All that is known of a stretch. `live` holds what can only be read now, and so is true of its end alone."""

    end: datetime
    timeline: Timeline | None
    watched: Watched | None
    maintenance: Sequence[Span]
    issues: dict[str, Sequence[datetime]]  # when each was taken in, in order
    mails: Sequence[Span] | None  # from due to done
    beat_at: datetime | None = None  # of the watch process
    live: dict[str, float] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)
    resumed_at: datetime | None = None  # silence before that may have been ours
    _cut: dict[tuple[timedelta, datetime], Snapshot] = field(default_factory=dict)

    def snapshot(self, window: timedelta, at: datetime) -> Snapshot:
        """The window that ends at `at`; rules with the same window share it."""
        if (window, at) not in self._cut:
            self._cut[window, at] = self._snapshot(at - window, at)
        return self._cut[window, at]

    def forget(self) -> None:
        """Drop the windows that were cut."""
        self._cut.clear()

    def _snapshot(self, start: datetime, at: datetime) -> Snapshot:
        return Snapshot(
            start,
            at,
            timings=self._timings(start, at),
            counts=self._counts(start, at),
            levels=self._levels(at),
            ages=self._ages(at),
            broken=self.broken,
        )

    def _measured(self, start: datetime, at: datetime) -> bool:
        return self.timeline is not None and self.timeline.flushed(WEB, start, at)

    def _timings(self, start: datetime, at: datetime) -> dict[str, Timing]:
        if self.timeline is None or not self._measured(start, at):
            return {}
        return {metric: Timing(*self.timeline.timing(metric, start, at)) for metric in TIMED}

    def _counts(self, start: datetime, at: datetime) -> dict[str, float]:
        found: dict[str, float] = {}
        for name, seen in self.issues.items():
            found[name] = bisect_right(seen, at) - bisect_right(seen, start)
        if self.timeline is not None and self._measured(start, at):
            found |= {name: self.timeline.count(name, start, at) for name in COUNTED}
        return found

    def _levels(self, at: datetime) -> dict[str, float]:
        found: dict[str, float] = {}
        if self.timeline is not None:
            told = {metric: self.timeline.level(metric, at) for metric in LEVELS}
            found |= {name: value for name, value in told.items() if name in (DISK, DATABASE) and value is not None}
            sockets, sessions = told[telemetry.WS_CONNECTIONS], told[telemetry.SESSIONS]
            if sockets is not None and sessions is not None:
                found["sockets.by_session"] = 0.0 if sockets < SOCKETS_MIN else sockets / max(sessions, 1.0)
        found |= self._watched(at)
        return found | self.live if at == self.end else found

    def _watched(self, at: datetime) -> dict[str, float]:
        if self.watched is None:
            return {}
        found: dict[str, float] = {}
        if ends_at := self.watched.certificate_ends_at:
            found["certificate.days"] = (ends_at - at) / timedelta(days=1)
        if _covered(self.watched.known, at):
            work = _covered(self.maintenance, at)
            for name, spans in self.watched.troubled.items():
                found[name] = 0.0 if work else float(sum(s.from_at <= at < s.to_at for s in spans))
        return found

    def _ages(self, at: datetime) -> dict[str, timedelta]:
        found: dict[str, timedelta] = {}
        if self.timeline is not None:
            for role, name in ((WEB, "web.flush"), (WATCH, "watch.beat")):
                silent_s = self.timeline.silent_s(role, at)
                if silent_s is not None and self._silence_is_known(role, at):
                    found[name] = self._own(timedelta(seconds=silent_s), at)
        if self.beat_at:
            found["watch.beat"] = self._own(at - self.beat_at, at)
        if self.mails is not None:
            due = [mail.from_at for mail in self.mails if mail.from_at <= at < mail.to_at]
            found["mail.oldest"] = at - min(due, default=at)
        return found

    def _silence_is_known(self, role: str, at: datetime) -> bool:
        """While we did not look ourselves, all may have slept: silence is proven by whoever spoke after it."""
        if self.resumed_at is None or at >= self.resumed_at or self.timeline is None:
            return True
        return self.timeline.ends_after(role, at)

    def _own(self, age: timedelta, at: datetime) -> timedelta:
        """An age without the time before we looked."""
        if self.resumed_at is None or at < self.resumed_at:
            return age
        return min(age, at - self.resumed_at)


def _covered(spans: Iterable[Span], at: datetime) -> bool:
    return any(span.from_at <= at < span.to_at for span in spans)


def facts(
    rules: Iterable[Rule], start: datetime, end: datetime, *, resumed_at: datetime | None = None, tier_s: int = FINEST_S
) -> Facts:
    """What is known of the windows that end from `start` to `end`."""
    longest = max((rule.window for rule in rules), default=timedelta(0)) + timedelta(seconds=2 * FINEST_S)
    low, broken = start - max(longest, timedelta(minutes=5)), dict[str, str]()

    def read(sources: Iterable[str], reader: Callable[[], T]) -> T | None:
        try:
            return reader()
        except (DatabaseError, OSError, ValueError) as error:
            log.warning("%s can't be read: %s", ", ".join(sources), type(error).__name__)
            broken.update(dict.fromkeys(sources, f"reading failed with {type(error).__name__}"))
            return None

    window = Span(low, end + timedelta(seconds=1))  # its end belongs to it
    measured = (*TIMED, *COUNTED, "sockets.by_session", "web.flush")
    levels = ("outages.down", "outages.slow", "certificate.days")
    return Facts(
        end=end,
        timeline=read(
            measured, lambda: Timeline(low, end, timings=TIMED, counts=COUNTED, levels=LEVELS, tier_s=tier_s)
        ),
        watched=read(levels, lambda: _watched_in(window)),
        maintenance=read(levels[:2], lambda: record.maintenance_spans(window)) or (),
        issues=read(ISSUES, lambda: _issues(low, end)) or {},
        mails=read(["mail.oldest"], lambda: _mails(low, end)),
        broken=broken,
        resumed_at=resumed_at,
    )


def live(facts: Facts) -> Facts:
    """The same with what can only be read now, which is also kept as a measure, for later."""
    for name, reader in ((DISK, disk_share), (DATABASE, database_share)):
        try:
            facts.live[name] = value = reader()
        except (DatabaseError, OSError) as error:
            facts.broken[name] = f"reading failed with {type(error).__name__}"
        else:
            telemetry.level(name, value)
    return facts


def beat(now: datetime, started_at: datetime) -> Facts:
    """What the dead-man's switch needs: how long ago the watch process showed that it is well."""
    row = Heartbeat.objects.filter(name=WATCH).first()
    return Facts(now, None, None, (), {}, None, beat_at=row.beat_at if row else started_at, resumed_at=started_at)


def database_share() -> float:
    """How full the database is, against DATABASE_MAX_BYTES."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT pg_database_size(current_database())")
        else:
            cursor.execute(
                "SELECT (page_count - freelist_count) * page_size"
                " FROM pragma_page_count(), pragma_freelist_count(), pragma_page_size()"
            )
        row = cursor.fetchone()
    return float(row[0]) / float(settings.DATABASE_MAX_BYTES)


def see_issues(at: datetime, now: datetime) -> int:
    """Take in what became known since: from now on it belongs to the window that ends at `at`, however old it is."""
    fresh = IssueTransition.objects.filter(kind__in=ISSUES.values(), seen_at=None)
    return fresh.filter(Q(at__lte=at) | Q(at__gt=now + AHEAD)).update(seen_at=at)


def issues_within(name: str, start: datetime, end: datetime) -> Any:
    """The turning points that a count is made of, oldest first."""
    return IssueTransition.objects.filter(
        kind=ISSUES[name], seen_at__gt=start, seen_at__lte=end, issue__level__in=LOUD
    ).order_by("seen_at", "pk")


def _issues(start: datetime, end: datetime) -> dict[str, Sequence[datetime]]:
    rows = IssueTransition.objects.filter(
        kind__in=ISSUES.values(), seen_at__gt=start, seen_at__lte=end, issue__level__in=LOUD
    )
    found: dict[str, list[datetime]] = {kind: [] for kind in ISSUES.values()}
    for kind, seen_at in rows.order_by("seen_at").values_list("kind", "seen_at"):
        if seen_at:  # the filter's word, once more for the type checker
            found[kind].append(seen_at)
    return {name: found[kind] for name, kind in ISSUES.items()}


def _mails(start: datetime, end: datetime) -> list[Span]:
    owed = Q(state=OutboxMail.State.WAITING) | Q(sent_at__gte=start)
    rows = OutboxMail.objects.filter(owed, due_at__lte=end).values_list("due_at", "sent_at")
    return [Span(due_at, sent_at or end + timedelta(days=1)) for due_at, sent_at in rows]


def _watched_in(window: Span) -> Watched:
    monitors = list(Monitor.objects.filter(enabled=True))
    known = record.known_spans(monitors, window)
    told = [m for m in monitors if m.prober == UPTIMEROBOT and m.known.probed_at]
    known += [Span(m.known.probed_at, window.to_at + timedelta(days=1)) for m in told if m.known.probed_at]
    ends = [m.certificate_expires_at for m in monitors if m.certificate_expires_at]
    return Watched(known, _confirmed(monitors, window), min(ends, default=None))


def _confirmed(monitors: list[Monitor], window: Span) -> dict[str, list[Span]]:
    """Outages from when they were proven: nobody could have known before."""
    found: dict[str, list[Span]] = {f"outages.{kind}": [] for kind in Kind}
    rows = Outage.objects.filter(monitor__in=monitors, confirmed_at__lt=window.to_at)
    for outage in rows.exclude(closed_at__lt=window.from_at):
        until = max(outage.confirmed_at, outage.closed_at) if outage.closed_at else window.to_at + timedelta(days=1)
        found[f"outages.{outage.kind}"].append(Span(outage.confirmed_at, until))
    return found
