"""Presence in the memory of one process: nothing here suspends, so every call is atomic."""

from __future__ import annotations

import heapq
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import Final, TypeVar

from signals.domain.engine import Profile, Weights
from signals.domain.people import VIBE_INDEX, Session, sight_of
from signals.presence import post
from signals.presence.base import Change, Counts, Found, Listener, Presence, Shown, View
from signals.presence.index import Index
from signals.presence.post import Post

T = TypeVar("T")
NOTES_MAX: Final = 10_000


class MemoryPresence(Presence):
    """Sessions in a dict, their looks in columns, their deadlines in a heap."""

    def __init__(self) -> None:
        self._sessions: dict[str, Session] = {}
        self._handles: set[str] = set()
        self._index = Index()
        self._heap: list[tuple[float, str]] = []
        self._alarm: dict[str, float] = {}  # the earliest entry of each in the heap
        self._vibes: Counter[str] = Counter()
        self._talking = self._sockets = 0
        self._listener: Listener | None = None
        self._received: set[str] = set()
        self._notes: OrderedDict[str, tuple[float, float]] = OrderedDict()

    async def add(self, session: Session) -> bool:
        person = session.person
        if person.session_id in self._sessions or person.handle in self._handles:
            return False
        self._handles.add(person.handle)
        self._index.bits.take(person.tags)
        self._vibes[person.vibe] += 1
        self._swap(None, session)
        return True

    async def get(self, session_id: str) -> Session | None:
        return self._sessions.get(session_id)

    async def ids(self) -> tuple[str, ...]:
        return tuple(self._sessions)

    async def transact(
        self,
        ids: Sequence[str],
        change: Callable[[Found], tuple[Found, T]],
        tell: Callable[[T], Iterable[Post]] | None = None,
    ) -> T:
        found = tuple(map(self._sessions.get, ids))
        after, result = change(found)
        for old, new in zip(found, after, strict=True):
            if new is not old and old is not None:
                self._swap(old, new)
                if new is None:
                    self._forget(old)
        if tell is not None:
            await self.post(tell(result))
        return result

    async def post(self, posts: Iterable[Post]) -> None:
        for to, what, receipt in posts:
            if post.deliver(to, what) and receipt:
                self._received.add(receipt)

    async def received(self, receipt: str) -> bool:
        heard = receipt in self._received
        self._received.discard(receipt)
        return heard

    async def home(self) -> str:
        return "here"

    async def orphans(self) -> tuple[tuple[str, str], ...]:
        return ()

    async def echo(self) -> bool:
        return True

    async def run(self) -> None:
        """There is no other process."""

    async def around(self, session_id: str, range_m: float) -> Session | None:
        return self._sessions.get(session_id)

    async def leave_note(self, key: str, value: float, until: float) -> None:
        self._notes[key] = value, until
        self._notes.move_to_end(key)
        if len(self._notes) > NOTES_MAX:
            self._notes.popitem(last=False)

    async def take_note(self, key: str, now: float) -> float | None:
        value, until = self._notes.pop(key, (0.0, 0.0))
        return value if until > now else None

    async def take(self, key: str, rate: float, burst: float) -> float:
        return 0.0  # there is no other process: the door's own count is all there is

    async def due(self, now: float) -> tuple[str, ...]:
        ready: dict[str, None] = {}
        while self._heap and self._heap[0][0] <= now:
            at, session_id = heapq.heappop(self._heap)
            if self._alarm.get(session_id) != at:
                continue
            del self._alarm[session_id]
            deadline = self._sessions[session_id].deadline()
            if deadline <= now:
                ready[session_id] = None
            else:
                self._set_alarm(session_id, deadline)
        for session_id in ready:
            self._set_alarm(session_id, self._sessions[session_id].deadline())
        return tuple(ready)

    async def counts(self) -> Counts:
        return self.known()

    def known(self) -> Counts:
        vibes = {vibe: n for vibe, n in self._vibes.items() if n}
        return Counts(len(self._sessions), self._talking // 2, self._sockets, vibes)

    def view(self, cell: int | None, range_m: float, vibe: str | None = None) -> View:
        return self._index.view(cell, range_m, vibe)

    def shown(self, session_id: str) -> tuple[int, Shown] | None:
        return self._index.find(session_id)

    def profile(self, session: Session) -> Profile:
        person = session.person
        party = session.party
        return Profile(
            VIBE_INDEX[person.vibe],
            self._index.bits.mask(person.tags),
            person.visible,
            len(session.standing.reporters),
            len(party.declined_at) if party.cooling_until else 0,
        )

    def reweigh(self, weights: Weights) -> None:
        self._index.reweigh(weights)

    @property
    def weights(self) -> Weights:
        return self._index.weights

    def listen(self, listener: Listener | None) -> None:
        self._listener = listener

    def sizes(self) -> dict[str, int]:
        return {
            "sessions": len(self._sessions),
            "handles": len(self._handles),
            "rows": len(self._index),
            "slots": len(self._index.shown),
            "blocks": len(self._index.blocks),
            "tags": len(self._index.bits),
            "alarms": len(self._alarm),
            "vibes": sum(self._vibes.values()),
            "talking": self._talking,
            "sockets": self._sockets,
        }

    def _swap(self, old: Session | None, new: Session | None) -> None:
        session_id = (new or old).session_id  # type: ignore[union-attr]
        self._talking += (new is not None and new.party.talk is not None) - (
            old is not None and old.party.talk is not None
        )
        self._sockets += (new.sockets if new else 0) - (old.sockets if old else 0)
        if new is None:
            del self._sessions[session_id]
            self._alarm.pop(session_id, None)
            self._shrink()
        else:
            self._sessions[session_id] = new
            deadline = new.deadline()
            if deadline < self._alarm.get(session_id, float("inf")):
                self._set_alarm(session_id, deadline)
        self._show(session_id, old, new)

    def _show(self, session_id: str, old: Session | None, new: Session | None) -> None:
        before = sight_of(old) if old else None
        after = sight_of(new) if new else None
        if before != after:
            if after:
                self._index.put(after)
            else:
                self._index.remove(session_id)
        own = bool(
            old
            and new
            and (
                old.person.cell != new.person.cell
                or old.party.blocked != new.party.blocked
                or old.party.blocked_by != new.party.blocked_by
            )
        )
        if self._listener and (own or before != after):
            self._listener(Change(session_id, before, after, own))

    def _forget(self, session: Session) -> None:
        person = session.person
        self._handles.discard(person.handle)
        self._index.bits.give_back(person.tags)
        self._vibes[person.vibe] -= 1

    def _set_alarm(self, session_id: str, at: float) -> None:
        self._alarm[session_id] = at
        heapq.heappush(self._heap, (at, session_id))

    def _shrink(self) -> None:
        """Entries of those who left would stay in the heap until their hour comes."""
        if len(self._heap) > 64 + 4 * len(self._alarm):
            self._heap = [(at, session_id) for session_id, at in self._alarm.items()]
            heapq.heapify(self._heap)
