"""When another version began to run here: read from the process runs that measure, and marked once, by the watch."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import transaction

from monitoring.metrics.store import WEB
from monitoring.models import DeployMarker, Source


@transaction.atomic
def note(now: datetime) -> int:
    """Mark each change of version since the newest mark; gives how many there were. A restart is none."""
    newest = DeployMarker.objects.filter(environment=settings.ENVIRONMENT, at__lte=now).first()
    runs = Source.objects.filter(role=WEB, started_at__lte=now).order_by("started_at")
    if newest:
        runs = runs.filter(started_at__gt=newest.at)
    version, marks = newest.version if newest else "", []
    for release, at in runs.values_list("release", "started_at"):
        if release != version:
            marks.append(DeployMarker(version=release, environment=settings.ENVIRONMENT, at=at))
            version = release
    DeployMarker.objects.bulk_create(marks)
    return len(marks)
