"""From records to rows, many at once: events into issues and turning points. Runs inside the digest's transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from monitoring.errors import counting, forward, many, sent
from monitoring.errors.counting import hour_of
from monitoring.errors.decode import read
from monitoring.errors.event import Event as Read
from monitoring.errors.fingerprint import VERSION, Group, group
from monitoring.errors.record import Record, expand
from monitoring.errors.regression import Standing, Status, came_back
from monitoring.models import (
    Event,
    ForwardItem,
    Grouping,
    Issue,
    IssueTransition,
    Project,
    Release,
    Sent,
)

ISSUES_MAX: Final = 10_000  # in a project; beyond that everything new is one issue
OVERFLOW: Final = Group(f"{VERSION}:overflow", "explicit", "Other errors", "Too many kinds to keep apart.", "")


@dataclass(frozen=True, slots=True)
class Arrived:
    """An event that was not known before; of what it says only that which becomes a column, since many wait at once."""

    project_id: int
    event_id: str
    level: str
    release: str
    environment: str
    person: str
    group: Group
    occurred_at: datetime
    received_at: datetime
    data: bytes


def file(records: Iterable[Record]) -> int:
    """Write all that the records mean; gives the number of new events. Raises whatever a broken record raises."""
    records = list(records)
    wanted = {record.project_id for record in records}
    projects = {p.pk: p for p in Project.objects.select_for_update().filter(pk__in=wanted).order_by("pk")}
    refused: Counter[tuple[int, str, datetime]] = Counter()
    arrived: dict[tuple[int, str], Arrived] = {}
    others: list[Sent] = []
    for record in records:
        received_at = datetime.fromtimestamp(record.received_at, UTC)
        for refusal in record.refusals:
            refused[refusal.project_id, refusal.reason[:40], hour_of(received_at)] += refusal.count
        if record.pieces and record.project_id not in projects:
            refused[record.project_id, "unknown_project", hour_of(received_at)] += len(record.pieces)
            continue
        for piece in record.pieces:
            if piece.kind == "event":
                key = (record.project_id, piece.key)
                if key in arrived:
                    refused[record.project_id, "duplicate", hour_of(received_at)] += 1
                else:
                    arrived[key] = _arrived(record, piece.key, piece.data, received_at)
                continue
            others.append(sent.row(record, piece, received_at))
            if piece.kind == "client_report":
                for reason, n in sent.lost_by_client(piece).items():
                    refused[record.project_id, reason, hour_of(received_at)] += n
    fresh = _not_known(arrived, refused)
    _events(fresh)
    Sent.objects.bulk_create(others, ignore_conflicts=True)
    counting.refused(refused)
    _forward(fresh, projects)
    return len(fresh)


def _arrived(record: Record, event_id: str, data: bytes, received_at: datetime) -> Arrived:
    event = read(expand(data), Read)
    occurred_at = sent.happened_at(event.timestamp, received_at, record.skew_s)
    return Arrived(
        project_id=record.project_id,
        event_id=event_id,
        level=(event.level or "error")[:20],
        release=event.release or "",
        environment=event.environment or "",
        person="" if event.user is None else str(event.user.id),
        group=group(event),
        occurred_at=occurred_at,
        received_at=received_at,
        data=data,
    )


def _not_known(arrived: dict[tuple[int, str], Arrived], refused: Counter[tuple[int, str, datetime]]) -> list[Arrived]:
    """Those that are not in the database yet; a second copy is counted and dropped."""
    ids = [event_id for _, event_id in arrived]
    known = set(Event.objects.filter(event_id__in=ids).values_list("project_id", "event_id"))
    for key in known & arrived.keys():
        refused[key[0], "duplicate", hour_of(arrived[key].received_at)] += 1
    return [one for key, one in arrived.items() if key not in known]


def _events(fresh: list[Arrived]) -> None:
    if not fresh:
        return
    since = _releases(fresh)
    issues = _issues(fresh)
    rows, transitions = [], []
    for one in fresh:
        issue, is_new = issues[one.project_id, one.group.key]
        release_since = since.get((one.project_id, one.release))
        back = _count(issue, one, release_since)
        turning_point = back or (is_new and issue.count == 1)
        if turning_point:
            kind = IssueTransition.Kind.REGRESSION if back else IssueTransition.Kind.NEW
            transitions.append(IssueTransition(issue=issue, kind=kind, at=one.received_at))
        rows.append(_row(one, issue, turning_point=turning_point))
    Event.objects.bulk_create(rows)
    IssueTransition.objects.bulk_create(transitions)
    touched = {issue.pk: issue for issue, _ in issues.values()}
    at = [(issues[one.project_id, one.group.key][0], one) for one in fresh]
    counting.people(((issue, one.person) for issue, one in at if one.person), touched)
    many.update(touched.values(), _COUNTED)
    counting.hours((issue.pk, one.received_at) for issue, one in at)


_COUNTED: Final = (
    "status",
    "level",
    "first_seen_at",
    "last_seen_at",
    "count",
    "people",
    "last_release",
    "resolved_at",
    "in_next_release",
    "ignored_until",
    "ignored_until_count",
)


def _row(one: Arrived, issue: Issue, *, turning_point: bool) -> Event:
    return Event(
        project_id=one.project_id,
        event_id=one.event_id,
        issue=issue,
        occurred_at=one.occurred_at,
        received_at=one.received_at,
        level=one.level,
        release=one.release,
        environment=one.environment,
        person=one.person,
        turning_point=turning_point,
        data=one.data,
    )


def _releases(fresh: list[Arrived]) -> dict[tuple[int, str], datetime]:
    """When each release of these events was first seen, by project and version."""
    seen: dict[tuple[int, str], list[datetime]] = {}
    for one in fresh:
        if one.release:
            seen.setdefault((one.project_id, one.release), []).append(one.received_at)
    since = {}
    for (project_id, version), times in seen.items():
        earliest, at = min(times), max(times)
        release, new = Release.objects.get_or_create(
            project_id=project_id, version=version, defaults={"first_seen_at": earliest, "last_seen_at": at}
        )
        if not new and release.last_seen_at < at - timedelta(minutes=1):
            release.last_seen_at = at
            release.save(update_fields=["last_seen_at"])
        since[project_id, version] = release.first_seen_at
    return since


def _issues(fresh: list[Arrived]) -> dict[tuple[int, str], tuple[Issue, bool]]:
    """The issue of each group, made where there is none yet, and whether it was made now."""
    keys = {(one.project_id, one.group.key): one for one in fresh}
    found = {
        (g.project_id, g.key): (g.issue, False)
        for g in Grouping.objects.select_related("issue").filter(key__in={key for _, key in keys})
        if (g.project_id, g.key) in keys
    }
    one_each = {issue.pk: issue for issue, _ in found.values()}  # after a merge several keys share an issue
    found = {key: (one_each[issue.pk], new) for key, (issue, new) in found.items()}
    room: dict[int, int] = {}
    for key, one in keys.items():
        if key in found:
            continue
        if one.project_id not in room:
            room[one.project_id] = ISSUES_MAX - Issue.objects.filter(project_id=one.project_id).count()
        room[one.project_id] -= 1
        found[key] = _made(one) if room[one.project_id] >= 0 else _overflow(one, found)
    return found


def _made(one: Arrived) -> tuple[Issue, bool]:
    issue = _new_issue(one, one.group)
    Grouping.objects.create(project_id=one.project_id, key=one.group.key, issue=issue)
    return issue, True


def _overflow(one: Arrived, found: dict[tuple[int, str], tuple[Issue, bool]]) -> tuple[Issue, bool]:
    key = (one.project_id, OVERFLOW.key)
    if key not in found:
        known = Grouping.objects.select_related("issue").filter(project_id=one.project_id, key=OVERFLOW.key).first()
        if known:
            found[key] = (known.issue, False)
        else:
            issue = _new_issue(one, OVERFLOW)
            Grouping.objects.create(project_id=one.project_id, key=OVERFLOW.key, issue=issue)
            found[key] = (issue, True)
    return found[key]


def _new_issue(one: Arrived, group: Group) -> Issue:
    return Issue.objects.create(
        project_id=one.project_id,
        type=group.type,
        value=group.value,
        culprit=group.culprit,
        level=one.level,
        first_seen_at=one.received_at,
        last_seen_at=one.received_at,
        first_release=one.release,
    )


def _count(issue: Issue, one: Arrived, release_since: datetime | None) -> bool:
    """Count an event in; True when it brings the issue back."""
    issue.count += 1
    issue.first_seen_at = min(issue.first_seen_at, one.received_at)
    issue.last_seen_at = max(issue.last_seen_at, one.received_at)
    issue.last_release = one.release or issue.last_release
    standing = Standing(
        Status(issue.status),
        issue.resolved_at,
        issue.in_next_release,
        issue.ignored_until,
        issue.ignored_until_count,
    )
    back = came_back(standing, at=one.received_at, count=issue.count, release_since=release_since)
    if back:
        issue.status, issue.resolved_at, issue.in_next_release = Issue.Status.UNRESOLVED, None, False
        issue.ignored_until = issue.ignored_until_count = None
    return back


def _forward(fresh: list[Arrived], projects: dict[int, Project]) -> None:
    going = [one for one in fresh if forward.target(projects[one.project_id].slug)]
    rows = [
        ForwardItem(
            project_id=one.project_id,
            event_id=one.event_id,
            created_at=one.received_at,
            next_attempt_at=one.received_at,
            data=one.data,
        )
        for one in going
    ]
    ForwardItem.objects.bulk_create(rows, ignore_conflicts=True)
