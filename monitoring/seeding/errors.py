"""Invented errors, filed as the digest files real ones: issues, events, releases, and what staff did about them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

import msgspec
from django.conf import settings
from django.db import transaction

from monitoring.errors import issues
from monitoring.errors.counting import refused
from monitoring.errors.envelope import Item
from monitoring.errors.filing import file
from monitoring.errors.pieces import pieces_of
from monitoring.errors.record import Record
from monitoring.models import DeployMarker, Issue, Project
from monitoring.seeding.breakages import Broke, Json, sent
from monitoring.seeding.plan import Plan, Sort

BATCH: Final = 50
SALT: Final = b"invented"
TRACES_A_DAY: Final = 30
TRACED_DAYS: Final = 5
TRACED: Final = (("websocket.message", "location:update", 2.1), ("websocket.message", "chat:request", 3.4))


class Act(NamedTuple):
    """What somebody does to issues of a kind, at a moment."""

    at: datetime
    kind: str
    do: Callable[[Issue, datetime], object]


def write(plan: Plan, broken: Iterable[Broke]) -> None:
    """File it all in order of time, with what staff do in between."""
    DeployMarker.objects.bulk_create(
        DeployMarker(version=h.version, environment=settings.ENVIRONMENT, at=h.start) for h in plan.all(Sort.DEPLOY)
    )
    acts, waiting = _acts(plan), list[Record]()
    projects = {project.slug: project.pk for project in Project.objects.all()}
    draw = plan.draw("events")
    for broke in broken:
        at = datetime.fromtimestamp(broke.at_s, UTC)
        while acts and acts[0].at <= at:
            _file(waiting)
            _act(acts.pop(0))
        event = sent(broke, plan.release_at(broke.at_s), draw)
        waiting.append(_record(projects[broke.breakage.project], broke.at_s, "event", event))
        if len(waiting) >= BATCH:
            _file(waiting)
    _file(waiting)
    for act in acts:
        _act(act)
    _others(plan, projects["backend"])


def _record(project: int, at_s: float, kind: str, said: Json) -> Record:
    return Record(project, at_s, pieces=tuple(pieces_of([Item(kind, {}, msgspec.json.encode(said))], None, SALT)))


def _file(waiting: list[Record]) -> None:
    with transaction.atomic():
        file(waiting)
    waiting.clear()


def _acts(plan: Plan) -> list[Act]:
    """Some is mended and stays so, some comes back, and some is nobody's worry."""

    def resolve(issue: Issue, now: datetime) -> None:
        issues.resolve(issue, by=None, now=now)

    def for_release(issue: Issue, now: datetime) -> None:
        issues.resolve(issue, in_next_release=True, by=None, now=now)

    def ignore(issue: Issue, now: datetime) -> None:
        issues.ignore(issue, more=500, by=None, now=now)

    span = plan.now - plan.all(Sort.DEPLOY)[0].start
    begun = plan.now - span
    told = [
        Act(begun + span * 0.3, "AbortError", ignore),
        Act(begun + span * 0.52, "ValueError", resolve),
        Act(begun + span * 0.7, "TypeError", resolve),
        Act(plan.now - timedelta(hours=9), "KeyError", for_release),
    ]
    return sorted((act for act in told if act.at < plan.now), key=lambda act: act.at)


def _act(act: Act) -> None:
    for issue in Issue.objects.filter(type=act.kind).exclude(status=Issue.Status.RESOLVED):
        act.do(issue, act.at)


def _others(plan: Plan, project: int) -> None:
    """Traces of the last days, a word from somebody, and what was turned away."""
    draw = plan.draw("traces")
    records = []
    for n in range(TRACES_A_DAY * TRACED_DAYS):
        op, name, median_ms = draw.choice(TRACED)
        at_s = plan.end_s - (n + draw.random()) * 86_400 / TRACES_A_DAY
        took_s = draw.lognormvariate(0, 0.5) * median_ms / 1000
        trace = {"trace_id": f"{draw.getrandbits(128):032x}", "span_id": f"{n:016x}", "op": op, "status": "ok"}
        said: Json = {
            "event_id": f"{draw.getrandbits(128):032x}",
            "type": "transaction",
            "transaction": name,
            "start_timestamp": at_s - took_s,
            "timestamp": at_s,
            "contexts": {"trace": trace},
            "release": plan.release_at(at_s),
        }
        records.append(_record(project, at_s, "transaction", said))
    _file(records)
    hour = plan.now.replace(minute=0, second=0, microsecond=0)
    refused({(project, "quota", hour - timedelta(hours=7)): 31, (0, "bad_key", hour - timedelta(hours=20)): 4})
