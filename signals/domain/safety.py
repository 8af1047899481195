"""The rules of safety: reports, exclusion, and which emergency contact can be reached."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Final

from signals.errors import ReportFailed, ValidationFailed

REPORTERS_TO_EXCLUDE: Final = 3
EXCLUSION_S: Final = 3600.0
CATEGORIES: Final = ("harassment", "spam", "impersonation", "other")

_PHONE = re.compile(r"\+[1-9][0-9]{6,14}")
_MAIL = re.compile(  # one plain address: no lists, no quotes, nothing that a mail header could read otherwise
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
)


@dataclass(frozen=True, slots=True)
class Standing:
    """What reports have made of a session; `excluded_until` is 0 when it is not excluded."""

    reporters: frozenset[str] = field(default_factory=frozenset)
    excluded_until: float = 0.0


def report(standing: Standing, reporter: str, now: float) -> Standing:
    """One more unique reporter; from the third on, an hour off every radar. Raises ReportFailed for a second report."""
    if reporter in standing.reporters:
        raise ReportFailed("You have reported this person already.")
    reporters = standing.reporters | {reporter}
    excluded = len(reporters) >= REPORTERS_TO_EXCLUDE and standing.excluded_until <= now
    return replace(
        standing, reporters=reporters, excluded_until=now + EXCLUSION_S if excluded else standing.excluded_until
    )


def contact(value: str | None, *, sms: bool = False) -> str | None:
    """The emergency contact, trimmed. Raises ValidationFailed when it is neither, or can't be reached."""
    if value is None:
        return None
    value = value.strip()
    if _PHONE.fullmatch(value):
        if not sms:
            raise ValidationFailed("Text messages can't be sent from here yet. Please give an e-mail address.")
        return value
    if len(value) > 254 or value.find("@") > 64 or not _MAIL.fullmatch(value):
        raise ValidationFailed("Please give one e-mail address, or a phone number that starts with + and the country.")
    return value
