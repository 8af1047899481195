"""Presence in Redis, for any number of processes: the same rules, swapped by a script if nobody came in between."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ClusterDownError, MovedError, OutOfMemoryError, ReadOnlyError
from redis.exceptions import ConnectionError as Refused
from redis.exceptions import TimeoutError as TooLate

from signals import telemetry
from signals.domain.engine import Profile, Weights
from signals.domain.people import VIBE_INDEX, Session
from signals.errors import Unavailable
from signals.presence import post, records, scripts
from signals.presence.base import Counts, Found, Listener, Presence, Shown, View
from signals.presence.courier import Courier
from signals.presence.link import Link
from signals.presence.post import Post
from signals.presence.surroundings import Surroundings

T = TypeVar("T")
COMMAND_S: Final = 2.0  # no command waits longer
CONNECTIONS: Final = 32
TRIES: Final = 30  # a swap of a session that so many others swapped first is given up
KEEP_S: Final = 13 * 3600  # nothing outlives its last change for longer, should nobody be left to sweep
DUE_AT_ONCE: Final = 500


class RedisPresence(Presence):
    """Sessions as records in Redis; the looks of people nearby as a copy here."""

    def __init__(self, url: str, region: str) -> None:
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=CONNECTIONS,
            timeout=COMMAND_S,
            socket_timeout=COMMAND_S,
            socket_connect_timeout=COMMAND_S,
            retry=Retry(NoBackoff(), 0),  # a swap whose answer was lost must not be tried blindly again
        )
        self.redis: Redis = Redis(connection_pool=pool)
        self.prefix = f"ib:{{{region}}}"
        self.link = Link(self.redis, self.prefix, KEEP_S, self._hear, self._lost)
        self._courier = Courier(self.redis, self.prefix, lambda: self.link.name)
        self._near = Surroundings(self.redis, self.prefix)
        self._swap, self._due, self._orphans, self._take = map(
            self.redis.register_script, (scripts.SWAP, scripts.DUE, scripts.ORPHANS, scripts.TAKE)
        )
        self._known = Counts(0, 0, 0, {})
        self._listener: Listener | None = None

    # --- sessions ---

    async def add(self, session: Session) -> bool:
        person = session.person
        plan = records.plan((person.session_id,), (None,), (None,), (session,), (), keep_s=KEEP_S, handle=person.handle)
        async with self._reach():
            done, _ = await self._swap(keys=[self.prefix], args=[plan])
        return bool(done)

    async def get(self, session_id: str) -> Session | None:
        async with self._reach():
            return records.unpack(await self.redis.get(self._key(session_id)))

    async def ids(self) -> tuple[str, ...]:
        async with self._reach():
            return tuple(i.decode() for i in await self.redis.zrange(f"{self.prefix}:due", 0, -1))

    async def transact(
        self,
        ids: Sequence[str],
        change: Callable[[Found], tuple[Found, T]],
        tell: Callable[[T], Iterable[Post]] | None = None,
    ) -> T:
        async with self._reach():
            raw = await self.redis.mget([self._key(i) for i in ids])
            for _ in range(TRIES):
                found = tuple(map(records.unpack, raw))
                after, result = change(found)
                after = tuple(new if old else None for old, new in zip(found, after, strict=True))
                posts = tuple(tell(result)) if tell else ()
                if not posts and all(new is old for old, new in zip(found, after, strict=True)):
                    return result
                parcels = self._courier.parcels(posts, found)
                plan = records.plan(ids, raw, found, after, parcels, keep_s=KEEP_S)
                done, given = await self._swap(keys=[self.prefix], args=[plan])
                if done:
                    self._swapped(after, posts if not given else ())
                    return result
                raw = given
        raise Unavailable("Too many want the same at once. Please try again in a moment.")

    async def due(self, now: float) -> tuple[str, ...]:
        async with self._reach():
            found = await self._due(keys=[self.prefix], args=[self._sweeper(), repr(now), DUE_AT_ONCE])
        return tuple(i.decode() for i in found or ())

    async def orphans(self) -> tuple[tuple[str, str], ...]:
        async with self._reach():
            found = await self._orphans(keys=[self.prefix], args=[self._sweeper(), DUE_AT_ONCE])
        return tuple((i.decode(), home.decode()) for i, home in found or ())

    async def home(self) -> str:
        await self.link.ready()
        return self.link.name

    async def counts(self) -> Counts:
        pipe: Any = self.redis.pipeline(transaction=False)
        pipe.zcard(f"{self.prefix}:due")
        pipe.hgetall(f"{self.prefix}:n")
        async with self._reach():
            sessions, told = await pipe.execute()
        counted = {name.decode(): int(n) for name, n in told.items()}
        vibes = {name.removeprefix("vibe:"): n for name, n in counted.items() if name.startswith("vibe:")}
        self._known = Counts(sessions, counted.get("talking", 0) // 2, counted.get("sockets", 0), vibes)
        return self._known

    def known(self) -> Counts:
        return self._known

    async def leave_note(self, key: str, value: float, until: float) -> None:
        async with self._reach():
            await self.redis.set(f"{self.prefix}:note:{key}", repr(value), pxat=round(until * 1000))

    async def take_note(self, key: str, now: float) -> float | None:
        async with self._reach():
            value = await self.redis.getdel(f"{self.prefix}:note:{key}")
        return None if value is None else float(value)

    async def take(self, key: str, rate: float, burst: float) -> float:
        async with self._reach():
            return float(await self._take(keys=[self.prefix], args=[key, rate, burst]))

    # --- telling ---

    async def run(self) -> None:
        await self.link.run()

    async def post(self, posts: Iterable[Post]) -> None:
        posts = tuple(posts)
        async with self._reach():
            raw = await self.redis.mget([self._key(letter.to) for letter in posts])
            await self._courier.send(self._courier.parcels(posts, tuple(map(records.unpack, raw))))

    async def received(self, receipt: str) -> bool:
        return await self._courier.received(receipt)

    async def echo(self) -> bool:
        async with self._reach():
            return await self._courier.echo()

    def _hear(self, channel: bytes, data: bytes) -> None:
        try:
            if not channel.endswith(b":sights"):
                self._courier.open(data)
                return
            for change in self._near.hear(data):
                if self._listener:
                    self._listener(change)
        except Exception as error:
            telemetry.capture(error, component="presence")

    def _lost(self) -> None:
        """Nothing can be told to this process any more."""
        self._near.lost()
        self._courier.lost()
        post.close_all()

    def _swapped(self, after: Found, unheard: Sequence[Post]) -> None:
        for session in after:
            if session:
                self._near.guess(session)
        for letter in unheard:
            self._courier.settle(letter.receipt, heard=False)

    # --- looking ---

    async def around(self, session_id: str, range_m: float) -> Session | None:
        async with self._reach():
            return await self._near.of(session_id, range_m)

    def view(self, cell: int | None, range_m: float, vibe: str | None = None) -> View:
        return self._near.replica.index.view(cell, range_m, vibe)

    def shown(self, session_id: str) -> tuple[int, Shown] | None:
        return self._near.replica.index.find(session_id)

    def profile(self, session: Session) -> Profile:
        person, party = session.person, session.party
        return Profile(
            VIBE_INDEX[person.vibe],
            self._near.replica.index.bits.mask_of_known(person.tags),
            person.visible,
            len(session.standing.reporters),
            len(party.declined_at) if party.cooling_until else 0,
        )

    def reweigh(self, weights: Weights) -> None:
        self._near.replica.index.reweigh(weights)

    @property
    def weights(self) -> Weights:
        return self._near.replica.index.weights

    def listen(self, listener: Listener | None) -> None:
        self._listener = listener

    def sizes(self) -> dict[str, int]:
        replica = self._near.replica
        return {
            "rows": len(replica.index),
            "tags": len(replica.index.bits),
            "blocks": len(replica.blocks()),
            "receipts": len(self._courier),
        }

    # --- the rest ---

    def _key(self, session_id: str) -> str:
        return f"{self.prefix}:s:{session_id}"

    def _sweeper(self) -> str:
        return self.link.name or "alone"

    @asynccontextmanager
    async def _reach(self) -> AsyncIterator[None]:
        """Whatever keeps us from Redis is one kind of trouble. Raises Unavailable."""
        if self.link.runs:
            await self.link.ready()
        try:
            yield
        except (Refused, TooLate, OutOfMemoryError, ReadOnlyError, MovedError, ClusterDownError) as error:
            raise Unavailable from error
