"""The page that answers whether all is well, and how well alerts served lately."""

from __future__ import annotations

from datetime import timedelta

from django.contrib import admin
from django.contrib.admin.views.decorators import staff_member_required
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from monitoring.incidents.record import by_rule
from monitoring.incidents.writeup import minutes
from monitoring.overview import look

DAYS = 30


@require_safe
@never_cache
@staff_member_required
@permission_required("monitoring.view_incident", raise_exception=True)
def overview(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    rows = [
        {
            "rule": record.rule,
            "incidents": record.incidents,
            "acknowledge": "-" if record.to_acknowledge is None else minutes(record.to_acknowledge),
            "resolve": "-" if record.to_resolve is None else minutes(record.to_resolve),
            "false_share": "-" if record.false_share is None else f"{record.false_share:.0%}",
        }
        for record in by_rule(now - timedelta(days=DAYS), now)
    ]
    context = {**admin.site.each_context(request), "title": "Overview", "now": look(now), "rows": rows, "days": DAYS}
    return render(request, "monitoring/overview.html", context)
