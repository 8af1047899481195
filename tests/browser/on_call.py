"""Something for each list of staff to show, put into a server's database as staff and the watch would put it there.

Run as a module in the environment of that server, after it has an error among its issues.
"""

from __future__ import annotations

from datetime import timedelta

import django

django.setup()

from django.utils import timezone  # noqa: E402

from monitoring.alerts import actions, render, tokens  # noqa: E402
from monitoring.drills import record as drills  # noqa: E402
from monitoring.drills.effects import Kind  # noqa: E402
from monitoring.incidents import actions as incidents  # noqa: E402
from monitoring.incidents.stages import Firing  # noqa: E402
from monitoring.models import Alert, Maintenance, Monitor, Outage, OutboxMail  # noqa: E402
from signals.models import Order, Report  # noqa: E402

NOW = timezone.now()
AGO = timedelta(minutes=10)


def alert() -> None:
    """One that is open, with its mail and its incident, and the incident of a drill; nothing that the watch judges by
    itself closes them."""
    found = Alert.objects.create(
        rule="certificate-expires",
        title="Certificate expires soon",
        severity="warning",
        began_at=NOW - AGO,
        fired_at=NOW - AGO,
        value=9.0,
        last=9.0,
        peak=9.0,
    )
    incidents.attach(Firing(str(found.key), found.rule, found.title, found.severity, found.began_at), NOW)
    began_at = NOW - AGO
    incidents.attach(Firing("a drill's", "service-down", "Service is down", "critical", began_at, drill=True), NOW)
    ada = actions.add_recipient("Ada", "ada@example.org", escalation=False, now=NOW)
    mail = OutboxMail.objects.create(
        kind=OutboxMail.Kind.FIRED,
        recipient=ada,
        address=ada.address,
        message_id="<one@example.org>",
        created_at=NOW,
        due_at=NOW,
        next_attempt_at=NOW,
    )
    mail.alerts.add(found)
    render.word(mail.pk, NOW)
    print(tokens.acknowledge_url(mail.key))  # what the test follows


def others() -> None:
    """Outage, maintenance, silence, drill, report, order."""
    monitor = Monitor.objects.first()
    times = {"opened_at": NOW - 2 * AGO, "confirmed_at": NOW - 2 * AGO, "closed_at": NOW - AGO}
    Outage.objects.create(monitor=monitor, kind="down", reason="The answer was 502.", note="It was away.", **times)
    later = {"from_at": NOW + timedelta(days=1), "to_at": NOW + timedelta(days=1, hours=1)}
    Maintenance.objects.create(reason="New disks", **later)
    actions.silence("slow-*", reason="A test", by=None, now=NOW, from_at=NOW, to_at=NOW + AGO)
    drills.stop(drills.start(Kind.LATENCY, minutes=8, reason="To learn", by=None, now=NOW), by=None, now=NOW)
    Report.objects.create(category="spam", reported_at=NOW, reporter_hash="a" * 64, reported_hash="b" * 64)
    Order.objects.create(reported_hash="b" * 64, action=Order.Action.EXCLUDE, ordered_at=NOW)


if __name__ == "__main__":
    alert()
    others()
