"""How often one address may onboard, counted by every process together.

Each process counts for itself first, so that a flood costs nobody else anything; where the count of all can't be had,
its own has to do.
"""

from __future__ import annotations

import hmac
from contextlib import suppress
from functools import lru_cache
from hashlib import sha256
from typing import Final

from django.conf import settings

from signals import presence
from signals.errors import Unavailable
from signals.limits import Buckets

_PURPOSE: Final = b"icebreaker allowance 1"


async def onboarding(address: str, now: float) -> float:
    """0 when somebody from this address may onboard; otherwise the seconds that they have to wait."""
    per_minute = settings.ONBOARDING_PER_MINUTE
    wait_s = _own(per_minute).take(address, now)
    if not wait_s:
        with suppress(Unavailable):
            return await presence.current().take(_name(address), per_minute / 60, max(1.0, per_minute))
    return wait_s


@lru_cache(maxsize=4)
def _own(per_minute: int) -> Buckets:
    return Buckets(per_minute / 60, per_minute)


def _name(address: str) -> str:
    """What stands for an address where others can read."""
    return hmac.new(settings.SECRET_KEY.encode() + _PURPOSE, address.encode(), sha256).hexdigest()[:32]
