"""Signed messages between probers and the service, and from the services that send us webhooks."""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime, timedelta
from typing import Final

FRESH: Final = timedelta(minutes=5)


class Forged(Exception):
    """Not signed by who it says, or too old; the text says which."""


def sign(secret: str, *parts: str | bytes) -> str:
    """HMAC-SHA256 as hex over the parts, each with its length, so that no two lists of parts look alike."""
    mac = hmac.new(secret.encode(), digestmod=hashlib.sha256)
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        mac.update(f"{len(data)}:".encode() + data)
    return mac.hexdigest()


def check(signature: str, expected: str) -> None:
    """Raises Forged unless both are the same, in a time that tells nothing."""
    if not hmac.compare_digest(signature.encode(), expected.encode()):
        raise Forged("The signature does not fit.")


def check_fresh(said_s: str, now: datetime) -> None:
    """Raises Forged for a time (seconds since the epoch) that is not about now."""
    try:
        off = abs(now.timestamp() - float(said_s))
    except ValueError as error:
        raise Forged("The time is not a number.") from error
    if not off <= FRESH.total_seconds():
        raise Forged("The message is too old, or from the future.")


def fingerprint(*parts: str | bytes) -> str:
    """What a message is recognised by when it comes a second time."""
    return sign("", *parts)
