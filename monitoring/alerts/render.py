"""Words a mail when it goes, from how its alerts stand at that moment, and remembers what was told."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.urls import NoReverseMatch

from monitoring.alerts import book, details, post, tokens, words
from monitoring.alerts.words import Happened
from monitoring.models import Alert, OutboxMail
from monitoring.runbooks.library import answering
from monitoring.runbooks.shelf import FIRST, runbooks

BACK_WITHIN: Final = timedelta(minutes=30)  # what ended so shortly before is back, not new
NEWS_READ: Final = 10
OVERVIEW: Final = "monitoring:overview"
BOARDS: Final = {  # by the beginning of a rule's source: where its figures are drawn
    "ws.refused": "connections",
    "sockets.": "connections",
    "ws.": "performance",
    "signal.": "performance",
    "http.": "performance",
    "errors": "errors",
    "issues.": "errors",
    "outages.": "uptime",
    "certificate.": "uptime",
}
Kind = OutboxMail.Kind


@transaction.atomic
def word(mail_pk: int, now: datetime) -> OutboxMail | None:
    """The mail as it will be sent, now and at every further attempt; None when nothing is left to tell.

    All mails of its group are worded with it, so that everybody reads the same.
    """
    mail = OutboxMail.objects.select_for_update().get(pk=mail_pk)
    if mail.rendered_at is not None:
        return mail
    alerts = {alert.pk: alert for alert in mail.alerts.order_by("fired_at", "pk")}
    if not alerts:
        mail.delete()
        return None
    group = OutboxMail.objects.filter(
        kind=mail.kind, due_at=mail.due_at, state=OutboxMail.State.WAITING, rendered_at=None, alerts__in=alerts
    )
    told = {alert.pk: alert for one in group.distinct() for alert in _worded(one, now)}
    for alert in told.values():
        _told(alert, now)
    return OutboxMail.objects.get(pk=mail_pk)


def _worded(mail: OutboxMail, now: datetime) -> list[Alert]:
    alerts = list(mail.alerts.order_by("fired_at", "pk"))
    mail.subject, mail.text, mail.html = words.mail(
        mail.kind,
        [happened(alert) for alert in alerts],
        now=now,
        drill=any(alert.drill for alert in alerts),
        acknowledge_url=tokens.acknowledge_url(mail.key),
        footer=post.FOOTER,
    )
    mail.in_reply_to, mail.rendered_at = _thread(mail, alerts), now
    mail.save(update_fields=["subject", "text", "html", "in_reply_to", "rendered_at"])
    return alerts


def _told(alert: Alert, now: datetime) -> None:
    """The news that the mail holds are told, and so is its end, when it had ended."""
    alert.news_told = max(alert.news_told, alert.news)
    if alert.resolved_at and alert.closed_at is None:
        alert.closed_at = now
    alert.save(update_fields=["news_told", "closed_at"])


def _thread(mail: OutboxMail, alerts: list[Alert]) -> str:
    """The first mail about these alerts to the same person."""
    if mail.kind == Kind.FIRED:
        return ""
    first = OutboxMail.objects.filter(alerts__in=alerts, kind=Kind.FIRED, address=mail.address).order_by("pk").first()
    return first.message_id if first else ""


def happened(alert: Alert) -> Happened:
    """An alert as words are made of it."""
    rule = book.one(alert.rule)
    news = details.news(alert, rule)
    fresh = news.select_related("issue")[alert.news_told : alert.news_told + NEWS_READ] if news is not None else ()
    value = alert.last if alert.last is not None else alert.value
    who, at = alert.acknowledged_name or "Somebody", alert.acknowledged_at
    return Happened(
        rule=rule,
        title=alert.title,
        began_at=alert.began_at,
        fired_at=alert.fired_at,
        resolved_at=alert.resolved_at,
        value=value,
        peak=alert.peak,
        samples=alert.samples,
        detail="" if fresh else alert.detail,
        release=alert.release,
        acknowledged=f"{who}, {words.stamp(at)}" if at else "",
        news=[str(row.issue) for row in fresh],
        news_count=max(0, alert.news - alert.news_told),
        back_since=_back_since(alert),
        url=_page("admin:monitoring_alert_change", alert.pk),
        runbook_url=runbook_url(alert.rule),
        dashboard_url=_page(f"monitoring:{_board(rule.condition.source)}"),
    )


def _back_since(alert: Alert) -> datetime | None:
    before = Alert.objects.filter(
        rule=alert.rule,
        heard_at__isnull=False,
        resolved_at__gt=alert.fired_at - BACK_WITHIN,
        fired_at__lt=alert.fired_at,
    )
    last = before.order_by("-resolved_at").first()
    return last.resolved_at if last else None


def runbook_url(rule: str) -> str:
    """The page that says what to do."""
    page = answering(rule, runbooks())
    return post.page("monitoring:runbook", page.name if page else FIRST)


def _board(source: str) -> str:
    return next((board for start, board in BOARDS.items() if source.startswith(start)), "overview")


def _page(name: str, *arguments: object) -> str:
    try:
        return post.page(name, *arguments)
    except NoReverseMatch:
        return post.page(OVERVIEW)
