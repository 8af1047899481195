"""When the database can't be had, no alert can be written and no mail owed: so this one mail needs neither.

Whom to tell is learnt while all is well, and kept in memory and in a file. It goes once in four hours, under a
Message-ID that every process makes alike, so that a mailbox shows it once however many noticed.
"""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMultiAlternatives

from monitoring.alerts import post
from monitoring.alerts.letters import Block, Letter, letter
from monitoring.alerts.lifecycle import MAIL_EVERY, REMIND_EVERY
from monitoring.alerts.rules import Severity
from monitoring.alerts.words import COLOURS, duration, stamp

log = logging.getLogger("icebreaker")
AFTER: Final = timedelta(minutes=2)
LEARN_EVERY: Final = timedelta(minutes=1)


class LastResort:
    """Who is to be told, and when they were."""

    def __init__(self, file: Path | None = None) -> None:
        self._file = file or Path(settings.DATA_DIR) / "last-resort.json"
        self._addresses: list[str] = self._stored()
        self._learnt_at: datetime | None = None
        self._mailed_at: datetime | None = None

    def learn(self, now: datetime) -> None:
        """Remember who listens now."""
        if self._learnt_at and timedelta(0) <= now - self._learnt_at < LEARN_EVERY:
            return
        known = [*post.listening().values_list("address", flat=True)] or post.stand_ins()
        if known != self._addresses:
            self._addresses = known
            self._store()
        self._learnt_at = now

    def rest(self, now: datetime) -> None:
        """The database is back: the next time is another story, unless it comes within minutes."""
        if self._mailed_at and now - self._mailed_at >= MAIL_EVERY:
            self._mailed_at = None

    def run(self, since: datetime, now: datetime, error: str) -> bool:
        """Mail it, if the database has been gone for so long and nobody was told lately; whether that was done."""
        if now - since < AFTER or (self._mailed_at and now - self._mailed_at < REMIND_EVERY):
            return False
        if not self._addresses:
            log.critical("the database can't be had since %s, and nobody is known to be told", stamp(since))
            return False
        try:
            for number, address in enumerate(self._addresses):
                _message(said(since, now, error), address, number, since).send()
        except Exception as failed:  # whatever a mail backend raises: tried again in 15 seconds
            log.error("the last resort could not mail: %s", type(failed).__name__)  # noqa: TRY400
            return False
        self._mailed_at = now
        return True

    def _stored(self) -> list[str]:
        try:
            known = json.loads(self._file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return []
        return [address for address in known if isinstance(address, str)][:50] if isinstance(known, list) else []

    def _store(self) -> None:
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            fresh = self._file.with_suffix(".new")
            fresh.write_text(json.dumps(self._addresses), encoding="utf-8")
            fresh.chmod(0o600)
            fresh.replace(self._file)
        except OSError as error:
            log.warning("whom to tell in the worst case can't be written down: %s", type(error).__name__)


def said(since: datetime, now: datetime, error: str) -> Letter:
    block = Block(
        "The database can't be had",
        ["Nothing can be stored, so no other alert would reach you.", "This mail was sent without it."],
        rows=[("Since", f"{stamp(since)} ({duration(now - since)})"), ("What it says", error)],
        colour=COLOURS[Severity.CRITICAL],
    )
    return letter("[Icebreaker] Critical: the database can't be had", [block], post.FOOTER)


def _message(said: Letter, address: str, number: int, since: datetime) -> EmailMultiAlternatives:
    host = urlsplit(settings.PUBLIC_URL).hostname or "icebreaker"
    slot = int(since.astimezone(UTC).timestamp() // REMIND_EVERY.total_seconds())
    headers = {"Message-ID": f"<last-resort-{slot}-{number}@{host}>", "Importance": "high"}
    mail = EmailMultiAlternatives(said.subject, said.text, settings.DEFAULT_FROM_EMAIL, [address], headers=headers)
    mail.attach_alternative(said.html, "text/html")
    return mail
