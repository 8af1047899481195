"""How many people, how often in which hour, how many turned away: rows that only ever count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from django.db.models import Count

from monitoring.errors import many
from monitoring.models import Issue, IssueHour, IssuePerson, Refused

PEOPLE_MAX: Final = 1000


def hour_of(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


def people(hit: Iterable[tuple[Issue, str]], touched: Mapping[int, Issue]) -> None:
    """Count whom each issue has hit. Beyond PEOPLE_MAX nobody is remembered."""
    marks = {(issue.pk, mark[:16]) for issue, mark in hit if touched[issue.pk].people < PEOPLE_MAX}
    if not marks:
        return
    rows = [IssuePerson(issue_id=pk, mark=mark) for pk, mark in sorted(marks)]
    IssuePerson.objects.bulk_create(rows, ignore_conflicts=True)
    counted = IssuePerson.objects.filter(issue_id__in={pk for pk, _ in marks}).values_list("issue_id")
    for pk, n in counted.annotate(n=Count("pk")):
        touched[pk].people = n


def hours(happened: Iterable[tuple[int, datetime]]) -> None:
    counted = Counter((pk, hour_of(at)) for pk, at in happened)
    rows = [IssueHour(issue_id=pk, hour=hour, count=n) for (pk, hour), n in sorted(counted.items())]
    many.add(rows, ("issue", "hour"), "count")


def refused(counts: Mapping[tuple[int, str, datetime], int]) -> None:
    """By project, reason and hour."""
    rows = [Refused(project_number=p, reason=r, hour=hour, count=n) for (p, r, hour), n in sorted(counts.items()) if n]
    many.add(rows, ("project_number", "reason", "hour"), "count")
