"""The radar: a scan on asking, and pushes to those who watch, merged and only when something shown differs."""

from __future__ import annotations

import asyncio
import heapq
import time
from collections.abc import Callable
from typing import Final, NamedTuple

from django.conf import settings

from signals import presence, telemetry
from signals.domain import engine
from signals.domain.people import Session
from signals.domain.proximity import Tier, around, tier_between
from signals.errors import SessionNotFound, Unavailable
from signals.presence.base import Change, Presence, Shown, View
from signals.protocol import LIMIT_DEFAULT
from signals.services import notices
from signals.services.notices import Sink

PUSH_EVERY_S = 1.0  # at most one push a socket in this time
LOOK_EVERY_S = 0.9  # nothing to push was found: look again sooner, so that the next change is not a second late
SLICE = 8  # scans between two breaths: a chat message never waits longer than these

_TIERS: Final = {Tier.NONE: "null", Tier.NEARBY: '"nearby"', Tier.VENUE: '"venue"', Tier.ROOM: '"room"'}
_verdicts: dict[tuple[int, int], bytes] = {}


class Scan(NamedTuple):
    """What one session sees: the people as JSON, how many there are before the cut, and whose cells to watch."""

    people: bytes
    total: int


class Watcher:
    """One socket that follows its radar."""

    __slots__ = ("choice", "due_at", "fingerprint", "queued", "session_id", "sink")

    def __init__(self, session_id: str, sink: Sink, choice: tuple[int, bool]) -> None:
        self.session_id, self.sink, self.choice = session_id, sink, choice
        self.due_at = 0.0
        self.fingerprint = 0
        self.queued = False


_watchers: dict[str, tuple[Watcher, ...]] = {}
_by_cell: dict[int | None, set[str]] = {}
_cell_of: dict[str, int | None] = {}
_queue: list[tuple[float, int, Watcher]] = []
_serial = 0
_wake: asyncio.Event | None = None


async def scan(session_id: str, limit: int, vibe_only: bool, now: float) -> bytes:
    """The encoded `radar:update` of a session. Raises SessionNotFound."""
    return frame(look(await _around(session_id, now), limit, vibe_only), now)


def look(session: Session, limit: int, vibe_only: bool) -> Scan:
    """Rank what `session` can see, of the surroundings that the store has just brought."""
    store = presence.current()
    person = session.person
    view = store.view(person.cell, settings.RADAR_RANGE_M, person.vibe if vibe_only else None)
    hidden = _hidden(store, session, vibe_only)
    with telemetry.span("signal.engine", "rank"), telemetry.timed(telemetry.SIGNAL_RANK):
        ranked = engine.rank(view.crowd, store.profile(session), store.weights, limit + len(hidden))
    return Scan(_people(view, ranked, hidden, limit), len(view.slots) - len(hidden))


def frame(found: Scan, now: float) -> bytes:
    return b'{"type":"radar:update","payload":{"people":[%b],"total":%d,"timestamp":%d}}' % (
        found.people,
        found.total,
        round(now * 1000),
    )


async def watch(session_id: str, sink: Sink, limit: int, vibe_only: bool, now: float) -> bytes:
    """Follow the radar with this choice; gives the first answer. Raises SessionNotFound."""
    session = await _around(session_id, now)
    watcher = _watcher(session_id, sink)
    if watcher is None:
        watcher = Watcher(session_id, sink, (limit, vibe_only))
        _watchers[session_id] = (*_watchers.get(session_id, ()), watcher)
    watcher.choice = limit, vibe_only
    _place(session_id, session.person.cell)
    presence.current().listen(changed)
    return _answered(session, watcher, now)


async def answer(session_id: str, sink: Sink, now: float) -> bytes:
    """The radar by the socket's latest choice, watching or not. Raises SessionNotFound."""
    session = await _around(session_id, now)
    watcher = _watcher(session_id, sink)
    if watcher is None:
        return frame(look(session, LIMIT_DEFAULT, False), now)
    return _answered(session, watcher, now)


def unwatch(session_id: str, sink: Sink) -> None:
    """Push nothing more to this socket."""
    if session_id not in _watchers:
        return
    _watchers[session_id] = tuple(w for w in _watchers[session_id] if w.sink != sink)
    if not _watchers[session_id]:
        del _watchers[session_id]
        _displace(session_id)


def _watcher(session_id: str, sink: Sink) -> Watcher | None:
    return next((w for w in _watchers.get(session_id, ()) if w.sink == sink), None)


def changed(change: Change) -> None:
    """Queue a look for every watcher that the change can concern."""
    session_id, before, after, own = change
    if own and session_id in _watchers:
        _queue_looks(session_id)  # the look places the watcher anew
    if before == after:
        return
    for cell in {sight.cell for sight in (before, after) if sight}:
        for near in _by_cell if cell is None else (None, *around(cell, settings.RADAR_RANGE_M)):
            for watching in _by_cell.get(near, ()):
                if watching != session_id:
                    _queue_looks(watching)


def look_anew() -> None:
    """Queue a look for every watcher: what everybody's score is made of has changed."""
    for session_id in _watchers:
        _queue_looks(session_id)


async def push(now: float) -> int:
    """Look for whoever is due, push what differs; gives how many were looked at."""
    looked = 0
    while _queue and _queue[0][0] <= now:
        watcher = heapq.heappop(_queue)[2]
        watcher.queued = False
        if watcher not in _watchers.get(watcher.session_id, ()):
            continue
        try:
            session = await _around(watcher.session_id, now)
        except SessionNotFound:
            unwatch(watcher.session_id, watcher.sink)
            continue
        _place(watcher.session_id, session.person.cell)
        _push_one(session, watcher, now)
        looked += 1
        if looked % SLICE == 0:
            await asyncio.sleep(0)
    return looked


async def _around(session_id: str, now: float) -> Session:
    session = await presence.current().around(session_id, settings.RADAR_RANGE_M)
    if session is None or not session.alive(now):
        raise SessionNotFound
    return session


async def run(clock: Callable[[], float] = time.time) -> None:
    """Push for as long as the process lives; asleep while nothing is due."""
    global _wake  # noqa: PLW0603 - one pusher a process
    _wake = asyncio.Event()
    while True:
        try:
            await push(clock())
        except Unavailable:  # the store says so, once
            await asyncio.sleep(LOOK_EVERY_S)
        except Exception as error:
            telemetry.capture(error, component="radar")
        _wake.clear()
        try:
            async with asyncio.timeout(max(0.005, _queue[0][0] - clock()) if _queue else None):
                await _wake.wait()
        except TimeoutError:
            continue


def sizes() -> dict[str, int]:
    """How much is kept for watchers: all zero when nobody watches."""
    return {"watchers": len(_watchers), "cells": len(_by_cell), "placed": len(_cell_of)}


def _push_one(session: Session, watcher: Watcher, now: float) -> None:
    with telemetry.timed(telemetry.RADAR_UPDATE, "pushed"):
        found = look(session, *watcher.choice)
        fingerprint = hash(found.people)
        if fingerprint == watcher.fingerprint:
            watcher.due_at = now + LOOK_EVERY_S
            return
        watcher.fingerprint, watcher.due_at = fingerprint, now + PUSH_EVERY_S
        notices.send(watcher.sink, frame(found, now))


def _answered(session: Session, watcher: Watcher, now: float) -> bytes:
    with telemetry.timed(telemetry.RADAR_UPDATE, "asked"):
        found = look(session, *watcher.choice)
        watcher.fingerprint = hash(found.people)
        return frame(found, now)


def _hidden(store: Presence, session: Session, vibe_only: bool) -> set[int]:
    """Keys of those in the view whom this viewer is not shown: itself, and blocks either way."""
    person, party = session.person, session.party
    hidden: set[int] = set()
    for other in (person.session_id, *party.blocked, *party.blocked_by):
        found = store.shown(other)
        if found is None:
            continue
        slot, shown = found
        in_range = tier_between(person.cell, shown.sight.cell, settings.RADAR_RANGE_M) is not None
        if in_range and (not vibe_only or shown.sight.vibe == person.vibe):
            hidden.add(slot)
    return hidden


def _people(view: View, ranked: engine.Ranked, hidden: set[int], limit: int) -> bytes:
    rows = ranked.rows
    chosen: list[tuple[int, int, int, int]] = []
    slots, tiers = view.slots[rows].tolist(), view.crowd.tier[rows].tolist()
    ties = view.crowd.tie[rows].tolist()
    for row in zip(slots, ranked.scores.tolist(), tiers, ties, strict=True):
        if row[0] not in hidden:
            chosen.append(row)
    if len(set(ties)) < len(ties):
        chosen.sort(key=lambda r: (r[2] == 0, -r[1], r[3], _shown(view, r[0]).sight.handle))
    parts = []
    for slot, score, tier, _ in chosen[:limit]:
        shown = _shown(view, slot)
        parts.append(shown.head + (_verdicts.get((score, tier)) or _verdict(score, tier)) + shown.tail)
    return b",".join(parts)


def _shown(view: View, slot: int) -> Shown:
    shown = view.shown[slot]
    assert shown is not None
    return shown


def _verdict(score: int, tier: int) -> bytes:
    text = f',"signal":{score},"proximity":{_TIERS[Tier(tier)]}'.encode()
    if len(_verdicts) < 100_000:
        _verdicts[score, tier] = text
    return text


def _queue_looks(session_id: str) -> None:
    global _serial  # noqa: PLW0603 - orders equals in the heap
    for watcher in _watchers.get(session_id, ()):
        if not watcher.queued:
            watcher.queued = True
            _serial += 1
            heapq.heappush(_queue, (watcher.due_at, _serial, watcher))
            if _wake and _queue[0][2] is watcher:
                _wake.set()


def _place(session_id: str, cell: int | None) -> None:
    if session_id in _cell_of:
        if _cell_of[session_id] == cell:
            return
        _displace(session_id)
    _cell_of[session_id] = cell
    _by_cell.setdefault(cell, set()).add(session_id)


def _displace(session_id: str) -> None:
    cell = _cell_of.pop(session_id)
    _by_cell[cell].discard(session_id)
    if not _by_cell[cell]:
        del _by_cell[cell]
