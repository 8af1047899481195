"""An error on purpose, in the server or in this browser, followed until it stands among the issues."""

from __future__ import annotations

from datetime import UTC, datetime

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.views.decorators import staff_member_required
from django.contrib.auth.decorators import permission_required
from django.contrib.staticfiles import finders
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from monitoring.errors import trial
from monitoring.models import Event

BUNDLE = "signals/vendor/errors.js"  # made by bin/page-tools


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@staff_member_required
@permission_required("monitoring.change_issue", raise_exception=True)
def page(request: HttpRequest) -> HttpResponse:
    """Two buttons; after the server's was pressed, where its error has got to."""
    if request.method == "POST":
        event_id = trial.raise_one()
        if not event_id:
            messages.error(request, "The error was not reported: nobody takes what the SDK sends.")
        return HttpResponseRedirect(f"{reverse('monitoring:trial')}?event={event_id}")
    context = {
        **admin.site.each_context(request),
        "title": "Raise a test error",
        "event_id": request.GET.get("event", "")[:32],
        "bundle": BUNDLE if finders.find(BUNDLE) else "",
        "release": settings.RELEASE,
        "environment": settings.ENVIRONMENT,
    }
    return render(request, "monitoring/issues/trial.html", context)


@require_safe
@never_cache
@staff_member_required
@permission_required("monitoring.change_issue", raise_exception=True)
def found(request: HttpRequest) -> JsonResponse:
    """Where the error stands: that of the server by its id, that of a browser by when its button was pressed."""
    event = _event(request.GET.get("event", "")[:32], request.GET.get("since_ms", ""))
    if event is None:
        return JsonResponse({"issue": None})
    place = reverse("admin:monitoring_issue_change", args=[event.issue_id])
    return JsonResponse({"issue": f"{place}?event={event.event_id}", "event": event.event_id})


def _event(event_id: str, since_ms: str) -> Event | None:
    if event_id:
        return Event.objects.filter(event_id=event_id).first()
    if not since_ms.isascii() or not since_ms.isdigit() or len(since_ms) > 14:
        return None
    since = datetime.fromtimestamp(int(since_ms) / 1000, UTC)
    mine = Event.objects.filter(project__slug="frontend", issue__type=trial.TrialError.__name__)
    return mine.filter(occurred_at__gte=since).first()
