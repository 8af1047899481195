"""Takes mails to SMTP: leased, retried for a day, each attempt written down, sent exactly when SMTP said so.

A mail is claimed (FOR UPDATE SKIP LOCKED) just before it goes. Killed after the claim, its lease runs out and another
process sends it; killed after SMTP took it and before that was written, it goes a second time under the same
Message-ID, which mailboxes show once. What could not be written because the database failed is kept in memory, and
written before anything else is claimed: a database that is down makes nobody's mail go twice.
"""

from __future__ import annotations

import logging
import os
import secrets
import smtplib
import socket
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from email.utils import format_datetime, formataddr
from time import monotonic
from typing import Any, Final

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.db.models import Q

from monitoring.alerts import render, smtp
from monitoring.alerts.letters import one_line
from monitoring.alerts.rules import GROUPED, Severity
from monitoring.models import MailAttempt, OutboxMail
from signals import telemetry

log = logging.getLogger("icebreaker.watch")
DELIVERY: Final = "alert.delivery"  # [kind] from the breach to SMTP's acceptance, for what was not held back
TARGET: Final = timedelta(seconds=60)
LEASE: Final = timedelta(seconds=45)  # longer than an attempt takes; what is left by the dead goes again after it
FIRST_RETRY: Final = timedelta(seconds=10)
RETRY_MOST: Final = timedelta(minutes=5)
GIVE_UP: Final = timedelta(hours=24)
AT_ONCE_S: Final = 10.0  # what is left after that waits for the next run; the last one of a run has smtp.MAIL_AT_MOST_S
DJANGOS: Final = "django.core.mail.backends.smtp.EmailBackend"
State, Outcome = OutboxMail.State, MailAttempt.Outcome


class Carrier:
    """One process's way to SMTP. `accepted` holds what SMTP took and the database has not yet written."""

    def __init__(self, holder: str = "", connect: Callable[[], BaseEmailBackend] | None = None) -> None:
        self.holder = holder or f"{socket.gethostname()[:40]}:{os.getpid()}:{secrets.token_hex(4)}"
        self.accepted: dict[int, tuple[datetime, float]] = {}
        self._connect = connect or _connect
        self._connection: BaseEmailBackend | None = None

    def run(self, now: datetime, clock: Callable[[], float] = monotonic) -> int:
        """Send what is due; gives how many mails SMTP took. Raises DatabaseError, and then nothing is lost."""
        for pk, (at, took_ms) in list(self.accepted.items()):
            _sent(pk, at, took_ms)
            del self.accepted[pk]
        begun, sent = clock(), 0
        try:
            while clock() - begun < AT_ONCE_S:
                at = now + timedelta(seconds=clock() - begun)
                mail = self._claim(at)
                if mail is None:
                    break
                sent += self._deliver(mail, at, clock)
        except ConnectionError:
            pass  # the server can't be had at all: the others wait for the next run
        finally:
            self._hang_up()
        return sent

    def _claim(self, now: datetime) -> OutboxMail | None:
        """The mail that has waited longest, worded, and nobody else's for the length of a lease.

        Two processes never wait for each other: what one is just taking, the other skips (on SQLite only one takes).
        """
        free = Q(leased_until=None) | Q(leased_until__lte=now) | Q(leased_until__gt=now + LEASE + GROUPED)
        due = OutboxMail.objects.filter(free, state=State.WAITING, next_attempt_at__lte=now).order_by("due_at", "pk")
        while due.exists():  # asked without a lock, since mostly nothing is
            with transaction.atomic():
                mail = due.select_for_update(skip_locked=True).only("pk").first()
                if mail is None:
                    break
                mail.leased_by, mail.leased_until = self.holder, now + LEASE
                mail.save(update_fields=["leased_by", "leased_until"])
            if worded := render.word(mail.pk, now):
                return worded
        return None

    def _deliver(self, mail: OutboxMail, now: datetime, clock: Callable[[], float]) -> int:
        if not mail.address:
            log.warning("nobody is told, since no recipient is confirmed: %s", mail.subject)
            OutboxMail.objects.filter(pk=mail.pk).update(state=State.NOBODY, leased_by="", leased_until=None)
            return 0
        begun = clock()
        try:
            self._hand_over(mail)
        except Exception as error:  # whatever a mail backend raises
            self._hang_up()
            took_ms = (clock() - begun) * 1000
            _failed(mail, now, error, took_ms)
            if _unreachable(error):
                raise ConnectionError from error
            return 0
        took_ms = (clock() - begun) * 1000
        at = now + timedelta(milliseconds=took_ms)
        self.accepted[mail.pk] = at, took_ms
        _sent(mail.pk, at, took_ms)
        del self.accepted[mail.pk]
        return 1

    def _hand_over(self, mail: OutboxMail) -> None:
        if self._connection is None:
            self._connection = self._connect()
            self._connection.open()
        if self._connection.send_messages([message(mail)]) != 1:
            raise smtplib.SMTPException("The server did not say that it took the mail.")

    def _hang_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(Exception):  # it is gone already, which is what is wanted
                connection.close()


def _connect() -> BaseEmailBackend:
    """Django's way to SMTP with an end to every mail; any other that is set, as it is."""
    bounded = f"{smtp.__name__}.{smtp.EmailBackend.__name__}"
    return get_connection(bounded if settings.EMAIL_BACKEND == DJANGOS else None)


def message(mail: OutboxMail) -> EmailMultiAlternatives:
    """The mail as SMTP gets it: the same at every attempt."""
    headers = {
        "Message-ID": mail.message_id,
        "Date": format_datetime(mail.rendered_at or mail.created_at),
        "Auto-Submitted": "auto-generated",
        "X-Icebreaker-Kind": mail.kind,
    }
    if mail.in_reply_to:
        headers |= {"In-Reply-To": mail.in_reply_to, "References": mail.in_reply_to}
    if mail.kind != OutboxMail.Kind.RESOLVED and mail.alerts.filter(severity=Severity.CRITICAL).exists():
        headers["Importance"] = "high"
    name = one_line(mail.recipient.name, 80) if mail.recipient else ""
    to = formataddr((name, mail.address))
    letter = EmailMultiAlternatives(
        one_line(mail.subject), mail.text, settings.DEFAULT_FROM_EMAIL, [to], headers=headers
    )
    letter.attach_alternative(mail.html, "text/html")
    return letter


@transaction.atomic
def _sent(pk: int, at: datetime, took_ms: float) -> None:
    mail = OutboxMail.objects.select_for_update().filter(pk=pk).first()
    if mail is None or mail.state == State.SENT:
        return
    mail.state, mail.sent_at, mail.attempts = State.SENT, at, mail.attempts + 1
    mail.leased_by, mail.leased_until = "", None
    mail.save(update_fields=["state", "sent_at", "attempts", "leased_by", "leased_until"])
    mail.tries.create(at=at, outcome=Outcome.ACCEPTED, took_ms=took_ms)
    if mail.kind == OutboxMail.Kind.FIRED:
        since = min((a.fired_at for a in mail.alerts.all()), default=at)
        owed_at = max(since, mail.due_at - GROUPED)  # without the time in which it was muted or held back
        telemetry.observe(DELIVERY, (at - owed_at) / timedelta(milliseconds=1), mail.kind)


@transaction.atomic
def _failed(mail: OutboxMail, now: datetime, error: Exception, took_ms: float) -> None:
    """Write down what the server said, and when to try again."""
    mail = OutboxMail.objects.select_for_update().get(pk=mail.pk)
    mail.attempts += 1
    refused = isinstance(error, smtplib.SMTPResponseException | smtplib.SMTPRecipientsRefused)
    mail.tries.create(
        at=now, outcome=Outcome.REFUSED if refused else Outcome.FAILED, reply=reply(error), took_ms=took_ms
    )
    wait = min(FIRST_RETRY * 2 ** min(mail.attempts - 1, 10), RETRY_MOST)
    mail.next_attempt_at, mail.leased_by, mail.leased_until = now + wait, "", None
    if mail.next_attempt_at - mail.due_at > GIVE_UP:
        mail.state = State.GIVEN_UP
        log.error("a mail to %s could not be delivered for a day: given up", mail.get_kind_display())
    mail.save()


def reply(error: Exception) -> str:
    """What the server said, in one line, or what kept us from asking it."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, said = next(iter(error.recipients.values()), (0, b""))
        return _line(code, said)
    if isinstance(error, smtplib.SMTPResponseException):
        return _line(error.smtp_code, error.smtp_error)
    return one_line(f"{type(error).__name__}: {error}", 300)


def _line(code: int, said: Any) -> str:
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    return one_line(f"{code} {text}", 300)


def _unreachable(error: Exception) -> bool:
    """Whether the next mail would fare no better."""
    said_no = isinstance(error, smtplib.SMTPResponseException | smtplib.SMTPRecipientsRefused)
    refused_us = isinstance(error, smtplib.SMTPAuthenticationError | smtplib.SMTPConnectError | smtplib.SMTPHeloError)
    return refused_us or (isinstance(error, OSError) and not said_no)


_carrier: Carrier | None = None


def run(now: datetime) -> int:
    """Send what is due from this process. A job of the watch process; of the web process while that is late."""
    global _carrier  # noqa: PLW0603 - one process has one way to SMTP
    _carrier = _carrier or Carrier()
    return _carrier.run(now)
