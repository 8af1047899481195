"""What other machines tell us, signed: remote probers, UptimeRobot, Sentry. Everything is taken in once.

Sentry signs each body with HMAC-SHA256 (docs.sentry.io, integration platform, webhooks). UptimeRobot signs nothing: it
is given a secret to send along, as a header or in the JSON body that one words there, and the time of the event.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
from django.conf import settings
from django.db import IntegrityError, transaction

from monitoring.models.uptime import HERE, UPTIMEROBOT, Delivery, Monitor
from monitoring.uptime import record
from monitoring.uptime.remote import Reply, Report
from monitoring.uptime.signing import Forged, check, check_fresh, fingerprint, sign

LATE_MOST: Final = timedelta(days=1)  # UptimeRobot repeats what it could not deliver
AHEAD_MOST: Final = timedelta(minutes=5)
ROBOT_DOWN, ROBOT_UP, ROBOT_EXPIRES = "1", "2", "3"  # its alert types


class Replayed(Exception):
    """This very message was taken in before."""


class Malformed(Exception):
    """Signed, but not of the form that its sender documents; the text says what is wrong."""


def take_report(body: bytes, headers: Mapping[str, str], now: datetime) -> Reply:
    """What a remote prober saw; answered with what it has to look at."""
    at, signature = headers.get("X-Icebreaker-Time", ""), headers.get("X-Icebreaker-Signature", "")
    _known(settings.PROBE_SECRET)
    check(signature, sign(settings.PROBE_SECRET, at, body))
    check_fresh(at, now)
    try:
        report = msgspec.json.decode(body, type=Report)
    except msgspec.MsgspecError as error:
        raise Malformed("The report has another form.") from error
    if report.prober in (HERE, UPTIMEROBOT):
        raise Malformed("A prober needs a name of its own.")
    with transaction.atomic():
        _once(Delivery.Source.PROBER, fingerprint(at, body), now, topic="report", title=report.prober)
        changes = record.keep(report.seen, prober=report.prober, now=now)
    return Reply(kept=len(report.seen), changes=len(changes), targets=record.targets(report.prober))


def take_sentry(body: bytes, headers: Mapping[str, str], now: datetime) -> Delivery:
    """An alert of a real Sentry."""
    secret = settings.SENTRY_WEBHOOK_SECRET
    _known(secret)
    check(headers.get("Sentry-Hook-Signature", ""), hmac.new(secret.encode(), body, hashlib.sha256).hexdigest())
    check_fresh(headers.get("Sentry-Hook-Timestamp", ""), now)
    said, topic = _object(body), headers.get("Sentry-Hook-Resource", "")[:40]
    title, link = _sentry_words(topic, said)
    return _once(Delivery.Source.SENTRY, fingerprint(body), now, topic=topic, title=title, link=link)


def _sentry_words(topic: str, said: dict[str, Any]) -> tuple[str, str]:
    data = said.get("data")
    if not isinstance(data, dict):
        raise Malformed("There is no data.")
    action = str(said.get("action", ""))
    match topic:
        case "event_alert":
            event = _part(data, "event")
            return f"{data.get('triggered_rule', 'Alert')}: {event.get('title', 'an event')}", _link(
                event.get("web_url")
            )
        case "metric_alert":
            _part(data, "metric_alert")
            return f"{data.get('description_title', 'Metric alert')} ({action})", _link(data.get("web_url"))
        case "issue":
            issue = _part(data, "issue")
            return f"Issue {action}: {issue.get('title', '?')}", _link(issue.get("permalink") or issue.get("web_url"))
        case "error":
            error = _part(data, "error")
            return f"Error: {error.get('title', '?')}", _link(error.get("web_url"))
        case _:
            return f"{topic} {action}".strip(), ""


def take_uptimerobot(body: bytes, headers: Mapping[str, str], now: datetime) -> Delivery:
    """UptimeRobot's second opinion. Down and up open and close an outage of a monitor of its own."""
    said = {name: _text(value) for name, value in _object(body).items()}
    given = headers.get("Authorization", "").removeprefix("Bearer ") or said.get("secret", "")
    _known(settings.UPTIMEROBOT_WEBHOOK_SECRET)
    check(fingerprint(given), fingerprint(settings.UPTIMEROBOT_WEBHOOK_SECRET))
    at, kind, robot_id = _time(said.get("alertDateTime", ""), now), said.get("alertType", ""), said.get("monitorID", "")
    name = said.get("monitorFriendlyName", "")[:40] or robot_id
    if kind not in (ROBOT_DOWN, ROBOT_UP, ROBOT_EXPIRES) or not robot_id.isdigit():
        raise Malformed("monitorID or alertType is missing or unknown.")
    details = said.get("alertDetails", "")[:160]
    with transaction.atomic():
        key = fingerprint(robot_id, kind, said["alertDateTime"], said.get("sslExpiryDaysLeft", ""))
        word = said.get("alertTypeFriendlyName", "")[:40] or kind
        delivery = _once(Delivery.Source.UPTIMEROBOT, key, now, topic=word, title=f"{name}: {word}. {details}")
        if kind != ROBOT_EXPIRES:
            monitor, _ = Monitor.objects.get_or_create(
                prober=UPTIMEROBOT,
                address=f"/#{robot_id}",  # what it looks at stands there; here the number tells its monitors apart
                defaults={"name": f"UptimeRobot {robot_id}: {name}"[:60], "public": False},
            )
            record.told(monitor.pk, down=kind == ROBOT_DOWN, at=at, reason=details)
    return delivery


def _time(text: str, now: datetime) -> datetime:
    """Seconds since the epoch, as the sender writes them; neither long ago nor ahead."""
    if not text.isdigit() or len(text) > 12:
        raise Malformed("alertDateTime is missing.")
    at = datetime.fromtimestamp(int(text), UTC)
    if not now - LATE_MOST <= at <= now + AHEAD_MOST:
        raise Forged("The message is too old, or from the future.")
    return at


def _once(source: Delivery.Source, key: str, now: datetime, **said: str) -> Delivery:
    """Raises Replayed when the key came before."""
    try:
        with transaction.atomic():
            return Delivery.objects.create(source=source, key=key, received_at=now, **said)
    except IntegrityError as error:
        raise Replayed("This message was taken in before.") from error


def _known(secret: str) -> None:
    if not secret:
        raise Forged("No secret is set here, so nobody is heard.")


def _object(body: bytes) -> dict[str, Any]:
    try:
        said = msgspec.json.decode(body)
    except msgspec.MsgspecError as error:
        raise Malformed("The body is not JSON.") from error
    if not isinstance(said, dict):
        raise Malformed("The body is not an object.")
    return said


def _part(data: dict[str, Any], name: str) -> dict[str, Any]:
    part = data.get(name)
    if not isinstance(part, dict):
        raise Malformed(f"There is no {name}.")
    return part


def _text(value: Any) -> str:
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def _link(value: Any) -> str:
    return value if isinstance(value, str) and value.startswith("https://") and len(value) <= 300 else ""
