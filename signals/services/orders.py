"""Carrying out what moderators order about a session that a report names only by its mark."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

from signals import presence
from signals.domain import safety as rules
from signals.models import Order
from signals.presence.base import Found
from signals.services import safety, sessions

SLICE = 200  # marks between two breaths


async def run(now: float) -> int:
    """Carry out every open order, oldest first; gives how many. Twice the same order does no more than once."""
    done = 0
    async for order in Order.objects.filter(done_at=None).order_by("ordered_at", "id"):
        session_id = await _whose(order.reported_hash)
        found = session_id is not None and await _carry_out(order, session_id, now)
        at = datetime.fromtimestamp(now, UTC)
        done += await Order.objects.filter(pk=order.pk, done_at=None).aupdate(done_at=at, found=found)
    return done


async def _whose(mark: str) -> str | None:
    for n, session_id in enumerate(await presence.current().ids()):
        if safety.keyed(session_id) == mark:
            return session_id
        if n % SLICE == SLICE - 1:
            await asyncio.sleep(0)
    return None


async def _carry_out(order: Order, session_id: str, now: float) -> bool:
    if order.action == Order.Action.END:
        return await sessions.end(session_id, "session_expired", now) is not None

    def excluded(found: Found) -> tuple[Found, bool]:
        (session,) = found
        if session is None or not session.alive(now):
            return found, False
        until = max(session.standing.excluded_until, order.ordered_at.timestamp() + rules.EXCLUSION_S)
        return (replace(session, standing=replace(session.standing, excluded_until=until)),), True

    return await presence.current().transact((session_id,), excluded)
