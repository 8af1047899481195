"""From the spool into the database: at least once, and each event exactly once; nothing that was acknowledged is lost.

A file is worked on by whoever holds its lease. Its rows and the new offset are written in one transaction, so that
whatever kills the process between two of them changes nothing.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from time import perf_counter, time
from typing import Final

from django.conf import settings
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Q
from django.utils import timezone

from monitoring.errors import spool
from monitoring.errors.filing import file
from monitoring.errors.record import Record, Refusal, decode
from monitoring.models import DeadLetter, SpoolFile
from signals import telemetry

BATCH: Final = 200
BUDGET_S: Final = 10.0  # a run that has gone on for so long leaves the rest to the next
LEASE: Final = timedelta(minutes=1)
AGAIN: Final = (timedelta(minutes=1), timedelta(minutes=10), timedelta(hours=1), timedelta(hours=6))


class LeaseLost(Exception):
    """Somebody else took the file over; what this process was about to write is undone."""


class _Run:
    """One run: who does it, and how long it has been going."""

    def __init__(self, now: datetime) -> None:
        self.holder = f"{os.getpid()}:{secrets.token_hex(6)}"
        self.began_at, self._started = now, perf_counter()

    @property
    def is_spent(self) -> bool:
        return perf_counter() - self._started > BUDGET_S

    @property
    def now(self) -> datetime:
        return self.began_at + timedelta(seconds=perf_counter() - self._started)


def directory() -> Path:
    return Path(settings.DATA_DIR) / "spool"


def run(now: datetime, *, limit: int = 20_000) -> int:
    """Digest what lies in the spool, up to about `limit` events. Gives the number of new ones.

    Raises OperationalError when the database can't be written: then everything stays where it is.
    """
    mine, count = _Run(now), again(now)
    for path in spool.finished(directory()):
        if count >= limit or mine.is_spent:
            break
        if _leased(path.name, mine):
            count += _digest(path, mine, limit - count)
    for row in SpoolFile.objects.filter(done=True):
        if not (directory() / row.name).exists():
            row.delete()
    return count


def again(now: datetime) -> int:
    """Try dead letters that are due once more."""
    due = DeadLetter.objects.filter(state=DeadLetter.State.WAITING, next_attempt_at__lte=now)
    return sum(retry(letter, now) for letter in due[:BATCH])


def retry(letter: DeadLetter, now: datetime) -> int:
    """Try to digest one dead letter, now. Gives the number of its new events; it is gone when that worked."""
    try:
        with transaction.atomic():
            if not DeadLetter.objects.select_for_update().filter(pk=letter.pk).exists():
                return 0
            count = file([decode(bytes(letter.record))])
            letter.delete()
            return count
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:
        letter.attempts += 1
        letter.error = _where(error)
        letter.state = DeadLetter.State.DEAD if letter.attempts > len(AGAIN) else DeadLetter.State.WAITING
        letter.next_attempt_at = now + AGAIN[min(letter.attempts, len(AGAIN)) - 1]
        letter.save()
        return 0


def _leased(name: str, mine: _Run) -> bool:
    now = mine.now
    SpoolFile.objects.get_or_create(name=name, defaults={"leased_until": now})
    free = Q(leased_until__lte=now) | Q(leased_until__gt=now + 2 * LEASE)  # or the clock was set back
    claimed = SpoolFile.objects.filter(free, name=name)
    return claimed.update(leased_by=mine.holder, leased_until=now + LEASE) == 1


def _digest(path: Path, mine: _Run, limit: int) -> int:
    """As much of one file as the limit allows; the file goes when all of it is done."""
    row = SpoolFile.objects.get(name=path.name)
    count = 0
    if not row.done:
        try:
            rest = spool.read(path, row.offset)
            while batch := list(islice(rest, BATCH)):
                count += _batch(path.name, batch, mine)
                if count >= limit or mine.is_spent:
                    SpoolFile.objects.filter(name=path.name, leased_by=mine.holder).update(leased_until=mine.began_at)
                    return count
        except (FileNotFoundError, LeaseLost):
            return count
        SpoolFile.objects.filter(name=path.name, leased_by=mine.holder).update(done=True)
    path.unlink(missing_ok=True)
    SpoolFile.objects.filter(name=path.name, leased_by=mine.holder).delete()
    return count


def _batch(name: str, batch: list[tuple[bytes | None, int]], mine: _Run) -> int:
    """Many records in one transaction; if one of them can't be digested, each in its own."""
    try:
        with transaction.atomic():
            count = file([_record(data) for data, _ in batch])
            _move(name, batch[-1][1], mine)
    except (OperationalError, InterfaceError, LeaseLost):
        raise
    except Exception:
        return sum(_alone(name, data, offset, mine) for data, offset in batch)
    return count


def _alone(name: str, data: bytes | None, offset: int, mine: _Run) -> int:
    try:
        with transaction.atomic():
            count = file([_record(data)])
            _move(name, offset, mine)
            return count
    except (OperationalError, InterfaceError, LeaseLost):
        raise
    except Exception as error:
        with transaction.atomic():
            _bury(data or b"", error, mine.now)
            _move(name, offset, mine)
        return 0


def _record(data: bytes | None) -> Record:
    """A record that the disk has damaged is counted as such."""
    return decode(data) if data is not None else Record(0, time(), refusals=(Refusal(0, "damaged", 1),))


def _move(name: str, offset: int, mine: _Run) -> None:
    held = SpoolFile.objects.filter(name=name, leased_by=mine.holder)
    if not held.update(offset=offset, leased_until=mine.now + LEASE):
        raise LeaseLost


def _bury(data: bytes, error: Exception, now: datetime) -> None:
    DeadLetter.objects.create(received_at=now, error=_where(error), next_attempt_at=now + AGAIN[0], record=data)
    telemetry.log.error("an event can't be digested (%s): it is a dead letter now", _where(error))


def _where(error: Exception) -> str:
    """Its type and place; its message could quote the event."""
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    place = f" in {trace.tb_frame.f_code.co_name}" if trace else ""
    return f"{type(error).__name__}{place}"[:200]


def waiting(now: datetime | None = None) -> Iterator[tuple[str, timedelta]]:
    """The files that wait, each with how long ago it was begun: how late the digest is."""
    now = now or timezone.now()
    for path in spool.finished(directory()):
        with_ns = path.name.partition("-")[0]
        if with_ns.isdigit():
            yield path.name, now - datetime.fromtimestamp(int(with_ns) / 1e9, now.tzinfo)
