"""Block, report, panic. A panic's mail goes out beside the message path and is tried again until it is accepted."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.mail import EmailMessage
from django.db import DatabaseError, IntegrityError
from django.utils.crypto import salted_hmac

from signals import presence, telemetry
from signals.domain import chat, safety
from signals.domain.chat import ms
from signals.domain.people import Session
from signals.domain.proximity import area_of
from signals.errors import BlockFailed, ReportFailed, SessionNotFound, ValidationFailed
from signals.models import Report
from signals.presence.base import Found
from signals.protocol import PanicTriggered
from signals.services import sessions
from signals.services.pairs import act

RETRIES_S = (2.0, 10.0, 30.0, 60.0, 120.0, 300.0)
STOP_WITHIN_S = 8.0

_under_way: set[asyncio.Task[None]] = set()
_waiting: set[asyncio.Future[bool]] = set()
_stopping = False


class PanicMailLost(Exception):
    """A mail that no try could deliver. Says only what kind of trouble it was: what SMTP says holds the address."""


async def block(me_id: str, target_id: str, now: float) -> None:
    """Never meet again this visit, both ways. Raises BlockFailed: oneself, unknown, already blocked, too many."""

    def rule(me: Session, other: Session) -> chat.Step:
        if target_id in me.party.blocked:
            raise BlockFailed("This person is blocked already.")
        if len(me.party.blocked) >= settings.BLOCKS_PER_SESSION:
            raise BlockFailed("You have blocked as many people as a session can.")
        return chat.block(me.party, other.party)

    if me_id == target_id:
        raise BlockFailed("You can't block yourself.")
    await act(me_id, target_id, rule, now, gone=BlockFailed)


async def report(me_id: str, target_id: str, category: str, now: float, retries_s: Sequence[float] = RETRIES_S) -> None:
    """Report somebody; it counts at once, and its row is written when the database takes it.

    Raises ReportFailed (oneself, unknown, already reported) or ValidationFailed.
    """

    def change(found: Found) -> tuple[Found, None]:
        me, other = found
        if me is None or not me.alive(now):
            raise SessionNotFound
        if other is None or not other.alive(now):
            raise ReportFailed
        return (me, replace(other, standing=safety.report(other.standing, me_id, now))), None

    if category not in safety.CATEGORIES:
        raise ValidationFailed("There is no such category.")
    if me_id == target_id:
        raise ReportFailed("You can't report yourself.")
    await presence.current().transact((me_id, target_id), change)
    row = Report(
        category=category,
        reported_at=datetime.fromtimestamp(now, UTC),
        reporter_hash=keyed(me_id),
        reported_hash=keyed(target_id),
    )
    if not await _kept(row, last=False):
        _later(_keep_trying(row, retries_s))


async def panic(session_id: str, now: float, retries_s: Sequence[float] = RETRIES_S) -> None:
    """End everything at once and mail the emergency contact. Raises SessionNotFound."""
    session = await sessions.get(session_id, now)
    triggered = PanicTriggered(
        message="You have left. Nobody here can see you any more.",
        contact_alerted=session.contact is not None and settings.MAIL_LEAVES,
        exclusion_expires_at=ms(now + safety.EXCLUSION_S),
    )
    await sessions.end(session_id, "panic", now, farewell=triggered)
    if session.contact is not None:
        _later(_deliver(letter(session.contact, session.person.cell, now), retries_s))


def letter(contact: str, cell: int | None, now: float) -> EmailMessage:
    """What the contact learns: the time and an area of about 1 km, nothing else."""
    area = "unknown: no position was shared" if cell is None else f"{area_of(cell)} (an H3 cell, about 1 km across)"
    return EmailMessage(
        subject="Somebody you know asked for help",
        body=(
            "Somebody who named you as their emergency contact in Icebreaker has just pressed the panic button.\n\n"
            f"Time: {datetime.fromtimestamp(now, UTC):%Y-%m-%d %H:%M} UTC\n"
            f"Area: {area}\n\n"
            "Please try to reach them. If you believe they are in danger, call the local emergency number.\n"
        ),
        to=[contact],
    )


async def drain() -> None:
    """Wait for the mails and rows under way."""
    while _under_way:
        await asyncio.gather(*_under_way, return_exceptions=True)


async def finish(within_s: float = STOP_WITHIN_S) -> None:
    """Before the process stops: one last try at once for all that waits, within a time; what is lost is told."""
    global _stopping  # noqa: PLW0603 - one process stops once
    _stopping = True
    try:
        for waiting in tuple(_waiting):
            _settle(waiting, True)
        if _under_way:
            _, late = await asyncio.wait(tuple(_under_way), timeout=within_s)
            for task in late:
                task.cancel()
                telemetry.capture(TimeoutError("a mail or a row was under way when we stopped"), component="stopping")
    finally:
        _stopping = False


def _later(work: Coroutine[Any, Any, None]) -> None:
    task = asyncio.create_task(work)
    _under_way.add(task)
    task.add_done_callback(_under_way.discard)


async def _pause(seconds: float) -> bool:
    """Wait before the next try; True when there is time for no more than one, because the process stops."""
    if _stopping:
        return True
    loop = asyncio.get_running_loop()
    over: asyncio.Future[bool] = loop.create_future()
    timer = loop.call_later(seconds, _settle, over, False)
    _waiting.add(over)
    try:
        return await over
    finally:
        _waiting.discard(over)
        timer.cancel()


def _settle(waiting: asyncio.Future[bool], cut_short: bool) -> None:
    if not waiting.done():
        waiting.set_result(cut_short)


async def _kept(row: Report, *, last: bool) -> bool:
    """Whether the row is written now."""
    try:
        await row.asave(force_insert=True)
    except IntegrityError:
        return True  # by a try whose answer was lost
    except DatabaseError as error:
        if last:
            telemetry.capture(error, component="report")
        return False
    return True


async def _keep_trying(row: Report, retries_s: Sequence[float]) -> None:
    for n, wait_s in enumerate(retries_s, 1):
        last = await _pause(wait_s) or n == len(retries_s)
        if await _kept(row, last=last) or last:
            return


async def _deliver(mail: EmailMessage, retries_s: Sequence[float]) -> None:
    last = False
    for wait_s in (*retries_s, None):
        try:
            await sync_to_async(mail.send, thread_sensitive=False)()
        except Exception as error:
            passing = isinstance(error, OSError)  # every trouble of SMTP and of the network is one
            if wait_s is None or last or not passing:
                telemetry.capture(PanicMailLost(type(error).__name__), component="panic mail")
                return
            last = await _pause(wait_s)
        else:
            return


def keyed(session_id: str) -> str:
    """The mark of a session in reports and orders, from which nobody can be found without asking each session."""
    return salted_hmac("signals.report", session_id, algorithm="sha256").hexdigest()
