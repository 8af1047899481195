"""Who may send, as this process knows it: read from the database now and then, never while somebody waits for it."""

from __future__ import annotations

import asyncio
import logging
import secrets
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from typing import Final
from urllib.parse import urlsplit

from django.conf import settings
from django.db import DatabaseError, connections, transaction
from django.db.models import Q
from django.utils import timezone

from monitoring.errors.auth import Door, dsn
from monitoring.models import Project, ProjectKey

log = logging.getLogger("icebreaker.ingest")
FRESH_S: Final = 10.0
TAKEN_LONGER: Final = timedelta(days=1)  # a key that was rotated out
AGAIN_S: Final = 1.0  # how soon somebody unknown may make us look again


@dataclass(frozen=True, slots=True)
class Sender:
    """A project as ingest needs it."""

    door: Door
    slug: str
    errors_per_minute: int
    others_per_minute: int
    newest_key: str

    def limit(self, category: str) -> int:
        return self.errors_per_minute if category in ("error", "feedback") else self.others_per_minute


def load(now: datetime) -> dict[int, Sender]:
    """Every project with the keys that are taken now. Raises DatabaseError."""
    place = urlsplit(settings.PUBLIC_URL)
    keys: dict[int, list[str]] = {}
    for key in ProjectKey.objects.filter(Q(retires_at=None) | Q(retires_at__gt=now)):
        keys.setdefault(key.project_id, []).append(key.public_key)
    return {
        project.pk: Sender(
            door=Door(project.pk, frozenset(keys.get(project.pk, ())), place.netloc, place.scheme),
            slug=project.slug,
            errors_per_minute=project.errors_per_minute,
            others_per_minute=project.others_per_minute,
            newest_key=next(iter(keys.get(project.pk, ())), ""),
        )
        for project in Project.objects.all()
    }


def dsn_of(project: Project) -> str:
    """What goes into an SDK. Empty when the project has no key."""
    place = urlsplit(settings.PUBLIC_URL)
    key = project.keys.filter(retires_at=None).first()
    return dsn(place.scheme, key.public_key, place.netloc, project.pk) if key else ""


def rotate(project: Project, now: datetime) -> ProjectKey:
    """Give a project a new key; what it had is taken for a day longer, so that every sender can be told."""
    with transaction.atomic():
        project.keys.filter(retires_at=None).update(retires_at=now + TAKEN_LONGER)
        return project.keys.create(public_key=secrets.token_hex(16), created_at=now)


class Book:
    """The senders that this process knows."""

    def __init__(self) -> None:
        self.senders: Mapping[int, Sender] = {}
        self.is_known = False
        self._read_at = float("-inf")
        self._reading: asyncio.Task[None] | None = None

    async def look(self, project_id: int | None, key: str | None) -> None:
        """Make sure that we know what there is to know; only an unknown sender waits for it."""
        age = monotonic() - self._read_at
        if self._is_familiar(project_id, key):
            if age > FRESH_S:
                self._read_soon()
            return
        if age > AGAIN_S or not self.is_known:
            await asyncio.shield(self._read_soon())

    def browser_dsn(self) -> str:
        """The DSN of our pages, or nothing as long as it is not known."""
        found = next((sender for sender in self.senders.values() if sender.slug == "frontend"), None)
        if found is None or not found.newest_key:
            return ""
        return dsn(found.door.scheme, found.newest_key, found.door.host, found.door.project_id)

    def id_of(self, slug: str) -> int:
        return next((number for number, sender in self.senders.items() if sender.slug == slug), 0)

    def read(self) -> None:
        """Read now, in this thread. What can't be read stays as it was."""
        try:
            self.senders, self.is_known = load(timezone.now()), True
        except DatabaseError as error:
            log.warning("the projects can't be read: %s", type(error).__name__)
        self._read_at = monotonic()

    def _is_familiar(self, project_id: int | None, key: str | None) -> bool:
        if project_id is None:
            return self.is_known and key is None
        sender = self.senders.get(project_id)
        return sender is not None and (key is None or key in sender.door.keys)

    def _read_soon(self) -> asyncio.Task[None]:
        if self._reading is None or self._reading.done():
            self._reading = asyncio.get_running_loop().create_task(self._in_thread())
        return self._reading

    async def _in_thread(self) -> None:
        """In a thread of its own, so that a database that hangs takes nobody else's."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        loop = asyncio.get_running_loop()

        def settle() -> None:
            if not done.done():
                done.set_result(None)

        def work() -> None:
            try:
                self.read()
            finally:
                connections.close_all()
                with suppress(RuntimeError):  # the loop has ended
                    loop.call_soon_threadsafe(settle)

        threading.Thread(target=work, name="projects", daemon=True).start()
        await asyncio.wait([done], timeout=5)


book: Final = Book()
