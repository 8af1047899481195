"""Where the links in mails lead: a page that says what would be done, and a button that does it.

The signed link itself is the proof, and acts as whoever the mail went to: no sign-in, and no cookie counts. Opening it
changes nothing, since mail scanners open every link.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from monitoring.alerts import actions, tokens
from monitoring.models import Alert, Incident
from monitoring.runbooks.library import answering
from monitoring.runbooks.shelf import FIRST, runbooks

POLICY: Final = (
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; img-src 'self'"
)
Answer = tuple[int, dict[str, Any]]


def _link(answer: Callable[[HttpRequest, str], Answer]) -> Callable[[HttpRequest, str], HttpResponse]:
    """A page of a link in a mail: never kept, never told on to where its own links lead."""

    @csrf_exempt  # the link is the proof; no cookie gives it any power
    @never_cache
    @require_http_methods(["GET", "HEAD", "POST"])
    @wraps(answer)
    def view(request: HttpRequest, token: str) -> HttpResponse:
        try:
            status, context = answer(request, token)
        except tokens.BadLink as bad:
            status, context = 404, {"title": "This link does nothing", "sentence": str(bad)}
        response = render(request, "monitoring/mail_link.html", context, status=status)
        response["Content-Security-Policy"] = POLICY
        response["Referrer-Policy"] = "no-referrer"
        response["X-Robots-Tag"] = "noindex"
        return response

    return view


@_link
def acknowledge(request: HttpRequest, token: str) -> Answer:
    """Say that one has the alerts of a mail."""
    mail, now = tokens.mail_of(token), timezone.now()
    if request.method == "POST":
        try:
            done = actions.acknowledge_mail(token, now=now)
        except actions.NotNow as kindly:
            return 200, {"title": "Nothing was left to do", "sentence": str(kindly), "alerts": _alerts(mail.alerts)}
        words = "It is yours" if len(done) == 1 else f"These {len(done)} are yours"
        sentence = "Everybody sees that you have it, and nobody else is woken for it. Now follow the runbook."
        return 200, {"title": words, "sentence": sentence, "alerts": _alerts(mail.alerts)}
    alerts = _alerts(mail.alerts)
    if not any(one["needs"] for one in alerts):
        return 200, {"title": "Nothing is left to do", "sentence": "Each is acknowledged or over.", "alerts": alerts}
    sentence = "Then everybody sees that you look after it, and nobody else is woken."
    return 200, {"title": "Do you have this?", "sentence": sentence, "alerts": alerts, "button": "Yes, acknowledge"}


@_link
def confirm(request: HttpRequest, token: str) -> Answer:
    """Prove that one reads an address."""
    recipient = tokens.recipient_of(token)
    if request.method == "POST":
        recipient = actions.verify(token, now=timezone.now())
        return 200, {"title": "Confirmed", "sentence": f"{recipient.name}, you will be mailed when something is wrong."}
    sentence = "Then you will be mailed when something is wrong. If you don't want that, do nothing."
    return 200, {"title": f"Are you {recipient.name}?", "sentence": sentence, "button": "Yes, mail me"}


def _alerts(found: Any) -> list[dict[str, Any]]:
    return [_shown(alert) for alert in found.order_by("fired_at")[:50]]


def _shown(alert: Alert) -> dict[str, Any]:
    page = answering(alert.rule, runbooks())
    return {
        "alert": alert,
        "needs": alert.is_open and alert.acknowledged_at is None,
        "runbook": page.name if page else FIRST,
        "incident": Incident.objects.filter(alerts__key=str(alert.key), resolved_at=None).first(),
    }
