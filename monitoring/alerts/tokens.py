"""The links in mails: signed, so that nobody makes one up, and good for a while only."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.core import signing

from monitoring.models import OutboxMail, Recipient

ACKNOWLEDGE_FOR: Final = timedelta(hours=24)
VERIFY_FOR: Final = timedelta(days=7)
_ACKNOWLEDGE: Final = "monitoring.alerts.acknowledge"
_VERIFY: Final = "monitoring.alerts.verify"


# The paths that the links lead to: GET shows what would be done, POST does it.
ACKNOWLEDGE_PATH: Final = "monitoring/acknowledge/{token}/"
VERIFY_PATH: Final = "monitoring/confirm/{token}/"
NOT_OURS: Final = "This link is not one of ours, or it was cut off in the mail."


class BadLink(Exception):
    """A link that is forged, too old, or was used before; the sentence is for whoever followed it."""


def acknowledge_url(key: UUID) -> str:
    """The one-click link of the mail with this key."""
    return f"{settings.PUBLIC_URL}/{ACKNOWLEDGE_PATH.format(token=acknowledging(key))}"


def verify_url(recipient: Recipient) -> str:
    return f"{settings.PUBLIC_URL}/{VERIFY_PATH.format(token=verifying(recipient))}"


def acknowledging(key: UUID) -> str:
    """A token for the alerts of the mail with this key."""
    return signing.dumps(key.hex, salt=_ACKNOWLEDGE)


def verifying(recipient: Recipient) -> str:
    """A token that proves that somebody reads this recipient's mail."""
    return signing.dumps([recipient.pk, recipient.verification], salt=_VERIFY)


def mail_of(token: str) -> OutboxMail:
    """The mail whose alerts the token acknowledges. Raises BadLink."""
    try:
        key = UUID(_loaded(token, _ACKNOWLEDGE, ACKNOWLEDGE_FOR))
    except (AttributeError, TypeError, ValueError) as error:  # signed by us, with something else inside
        raise BadLink(NOT_OURS) from error
    mail = OutboxMail.objects.filter(key=key).first()
    if mail is None:
        raise BadLink("The mail that this link came with is no longer known.")
    return mail


def recipient_of(token: str) -> Recipient:
    """The recipient whose address the token proves. Raises BadLink, also when it was used before."""
    found = _loaded(token, _VERIFY, VERIFY_FOR)
    if not isinstance(found, list) or [type(part) for part in found] != [int, str]:
        raise BadLink(NOT_OURS)
    pk, verification = found
    recipient = Recipient.objects.filter(pk=pk, verification=verification).exclude(verification="").first()
    if recipient is None:
        raise BadLink("This link was used before, or a newer one was sent.")
    return recipient


def _loaded(token: str, salt: str, good_for: timedelta) -> Any:
    try:
        return signing.loads(token, salt=salt, max_age=good_for)
    except signing.SignatureExpired as error:
        raise BadLink("This link is too old. Sign in to the admin instead.") from error
    except signing.BadSignature as error:
        raise BadLink(NOT_OURS) from error
