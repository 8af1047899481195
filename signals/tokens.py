"""Session tokens: signed, saying only which session, and each with exactly one spelling.

A token is `<session id>.<signature>`. The signature is compared as text and in constant time: nothing is decoded, so
no other padding, case or unused bit can stand for the same bytes.
"""

from __future__ import annotations

import hmac
import re
from base64 import urlsafe_b64encode
from functools import lru_cache
from hashlib import sha256
from typing import Final

from django.conf import settings

_PURPOSE: Final = b"icebreaker session token 1"
_SHAPE: Final = re.compile(r"([A-Za-z0-9_-]{1,64})\.([A-Za-z0-9_-]{43})", re.ASCII)


def issue(session_id: str) -> str:
    """The token of a session. Its characters are all in `[A-Za-z0-9._~-]`."""
    token = f"{session_id}.{_signature(session_id)}"
    if not _SHAPE.fullmatch(token):
        raise ValueError("this session id can't be put into a token")
    return token


def session_of(token: str) -> str | None:
    """The session that a token names, or None if it is malformed or its signature is wrong."""
    parts = _SHAPE.fullmatch(token)
    if parts is None:
        return None
    session_id, given = parts.groups()
    return session_id if hmac.compare_digest(given, _signature(session_id)) else None


def _signature(session_id: str) -> str:
    digest = hmac.new(_key(settings.SECRET_KEY), session_id.encode(), sha256).digest()
    return urlsafe_b64encode(digest).rstrip(b"=").decode()


@lru_cache(maxsize=4)
def _key(secret: str) -> bytes:
    """A key of our own, so that no other signature made with SECRET_KEY can pass as a token."""
    return hmac.new(secret.encode(), _PURPOSE, sha256).digest()
