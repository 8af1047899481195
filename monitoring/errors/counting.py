"""How many people, how often in which hour, how many turned away: rows that only ever count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from django.db.models import Count, F

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
    for (pk, hour), n in Counter((pk, hour_of(at)) for pk, at in happened).items():
        if not IssueHour.objects.filter(issue_id=pk, hour=hour).update(count=F("count") + n):
            IssueHour.objects.create(issue_id=pk, hour=hour, count=n)


def refused(counts: Mapping[tuple[int, str, datetime], int]) -> None:
    """By project, reason and hour."""
    for (project, reason, hour), n in sorted(counts.items()):
        mine = {"project_number": project, "reason": reason, "hour": hour}
        if n and not Refused.objects.filter(**mine).update(count=F("count") + n):
            Refused.objects.create(**mine, count=n)
