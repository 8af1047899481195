"""Invented measures, in all three tiers, as processes would have left them: a coarse slot is the sum of fine ones."""

from __future__ import annotations

import itertools
import math
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from random import Random
from typing import Final, NamedTuple

from django.db import connection, transaction

from monitoring.metrics import store
from monitoring.metrics.histogram import EDGES_MS, SIZE, packed
from monitoring.metrics.ledger import Row
from monitoring.metrics.tiers import FINEST_S, KEPT, TIERS_S, slot_of, up
from monitoring.models import Measure, Source
from monitoring.seeding.breakages import Broke
from monitoring.seeding.plan import HOUR_S, Plan, Sort, people
from signals import telemetry

Key = tuple[str, str]
BATCH: Final = 5000
DRAWN_MOST: Final = 400  # samples of one slot that are drawn one by one; more of them are these, several times
BUCKETS_AN_OCTAVE: Final = 12
FLUSHES_A_SECOND: Final = 0.2
_MIDDLE_MS: Final = [
    EDGES_MS[0],
    *(math.sqrt(a * b) for a, b in itertools.pairwise(EDGES_MS)),
    EDGES_MS[-1],
]


class Timing(NamedTuple):
    """A timing: how often a second for each person here, and besides; its median, and how far it spreads (log)."""

    metric: str
    label: str
    by_person: float
    besides: float
    median_ms: float
    spread: float
    suffers: float = 1.0  # of what is slow, this part is slow here


class Tally(NamedTuple):
    """A count: how often a second for each person here, and besides."""

    metric: str
    label: str
    by_person: float
    besides: float = 0.0


TIMED: Final = (
    Timing(telemetry.WS_MESSAGE, "location:update", 1 / 30, 0, 1.1, 0.45),
    Timing(telemetry.WS_MESSAGE, "radar:subscribe", 1 / 400, 0, 1.6, 0.45),
    Timing(telemetry.WS_MESSAGE, "chat:request", 1 / 500, 0, 2.2, 0.5),
    Timing(telemetry.WS_MESSAGE, "chat:accept", 1 / 900, 0, 2.4, 0.5),
    Timing(telemetry.WS_MESSAGE, "chat:decline", 1 / 1600, 0, 1.4, 0.5),
    Timing(telemetry.WS_MESSAGE, "chat:message", 1 / 55, 0, 0.7, 0.4),
    Timing(telemetry.WS_MESSAGE, "chat:end", 1 / 1500, 0, 1.2, 0.5),
    Timing(telemetry.WS_MESSAGE, "panic:trigger", 1 / 70_000, 0, 3.0, 0.5),
    Timing(telemetry.SIGNAL_RANK, "", 1 / 12, 0, 0.16, 0.5, suffers=0.6),
    Timing(telemetry.RADAR_UPDATE, "asked", 1 / 28, 0, 0.8, 0.5),
    Timing(telemetry.RADAR_UPDATE, "pushed", 1 / 20, 0, 0.9, 0.5, suffers=0.7),
    Timing(telemetry.CHAT_START, "", 1 / 900, 0, 4.6, 0.5),
    Timing(telemetry.HTTP_REQUEST, "/", 1 / 1400, 0.0006, 9, 0.5),
    Timing(telemetry.HTTP_REQUEST, "api/onboarding", 1 / 1800, 0, 3.2, 0.5),
    Timing(telemetry.HTTP_REQUEST, "api/profile/visibility", 1 / 4000, 0, 1.7, 0.5),
    Timing(telemetry.HTTP_REQUEST, "api/profile/emergency-contact", 1 / 9000, 0, 1.9, 0.5),
    Timing(telemetry.HTTP_REQUEST, "api/safety/report", 1 / 40_000, 0, 7.5, 0.5),
    Timing(telemetry.HTTP_REQUEST, "api/health", 0, 0.1, 0.9, 0.4, suffers=0.1),
    Timing(telemetry.HTTP_REQUEST, "api/health/ready", 0, 0.03, 14, 0.5),
    Timing(telemetry.HTTP_REQUEST, "status", 1 / 8000, 0.002, 6, 0.5),
    Timing(telemetry.HTTP_REQUEST, "admin/", 0, 0.004, 62, 0.6),
    Timing(telemetry.DB_WRITE, "measure", 0, FLUSHES_A_SECOND, 7, 0.4),
    Timing(telemetry.DB_WRITE, "report", 1 / 40_000, 0, 3.5, 0.5),
)
COUNTED: Final = (
    Tally(telemetry.REFUSED, "rate_limit_exceeded", 1 / 6000),
    Tally(telemetry.REFUSED, "cooldown_active", 1 / 9000),
    Tally(telemetry.REFUSED, "chat_request_failed", 1 / 5000),
    Tally(telemetry.REFUSED, "invalid_payload", 1 / 30_000),
    Tally(telemetry.WS_OPENED, "accepted", 1 / 700),
    Tally(telemetry.WS_OPENED, "token_expired", 1 / 9000),
    Tally(telemetry.WS_OPENED, "foreign_origin", 0, 1 / 20_000),
    Tally(telemetry.WS_CLOSED, "1001", 1 / 1100),
    Tally(telemetry.WS_CLOSED, "1006", 1 / 2600),
    Tally(telemetry.WS_CLOSED, "1000", 1 / 9000),
    Tally(telemetry.CHATS, "opened", 1 / 900),
    Tally(telemetry.CHATS, "user_exit", 1 / 1500),
    Tally(telemetry.CHATS, "proximity_lost", 1 / 4200),
    Tally(telemetry.CHATS, "partner_left", 1 / 5200),
)
LEVELS: Final = {telemetry.WS_CONNECTIONS: 1.1, telemetry.SESSIONS: 1.3, telemetry.CHATS_OPEN: 0.22}  # for a person


class Slot:
    """What one slot holds; finer ones are added up into coarser ones."""

    __slots__ = ("counts", "levels", "timings")

    def __init__(self) -> None:
        self.timings: dict[Key, Counter[int]] = {}
        self.counts: Counter[Key] = Counter()
        self.levels: dict[str, tuple[float, float]] = {}

    def take(self, finer: Slot) -> None:
        for key, buckets in finer.timings.items():
            self.timings.setdefault(key, Counter()).update(buckets)
        self.counts.update(finer.counts)
        for metric, (last, high) in finer.levels.items():
            self.levels[metric] = last, max(high, self.levels[metric][1] if metric in self.levels else high)

    def rows(self, source: str, tier_s: int, start_s: int) -> Iterator[Row]:
        """As they are stored."""
        where = source, tier_s, start_s
        for (metric, label), used in self.timings.items():
            sum_ms = sum(_MIDDLE_MS[bucket] * n for bucket, n in used.items())
            yield Row(*where, metric, label, used.total(), None, None, packed(dict(used), sum_ms))
        for (metric, label), n in self.counts.items():
            yield Row(*where, metric, label, n, None, None, None)
        for metric, (last, high) in self.levels.items():
            yield Row(*where, metric, "", 0, last, high, None)


class Measurer:
    """Draws what would have been measured."""

    def __init__(self, plan: Plan, broken: Sequence[Broke]) -> None:
        self.plan = plan
        self._broken: defaultdict[int, Counter[str]] = defaultdict(Counter)
        for broke in broken:
            self._broken[slot_of(broke.at_s, FINEST_S)][broke.breakage.project] += 1
        draw = plan.draw("shape")
        self._shapes = {
            spread: [round(draw.gauss(0, spread) / math.log(2) * BUCKETS_AN_OCTAVE) for _ in range(2048)]
            for spread in {timing.spread for timing in TIMED} | {0.7}
        }

    def slot(self, start_s: int, tier_s: int) -> Slot:
        """One slot on its own. Nothing while nobody measured."""
        slot, draw = Slot(), self.plan.draw("slot", tier_s, start_s)
        gone_s = sum(_overlap(h.start_s, h.end_s, start_s, start_s + tier_s) for h in self.plan.all(*_AWAY))
        seconds = max(0, tier_s - gone_s)
        if seconds < FINEST_S:
            return slot
        here = people(start_s + tier_s / 2) * math.exp(self._mood(start_s) + draw.gauss(0, 0.04))
        slow = self.plan.under_way(start_s, Sort.SLOW)
        for timing in TIMED:
            n = _poisson(draw, (timing.by_person * here + timing.besides) * seconds)
            if n:
                share = slow.share * timing.suffers if slow else 0.0
                slot.timings[timing.metric, timing.label] = self._samples(draw, timing, n, share)
        self._count(slot, draw, here, (start_s, tier_s), seconds)
        for metric, by_person in LEVELS.items():
            last = float(round(here * by_person))
            slot.levels[metric] = last, last + draw.randrange(3)
        return slot

    def _mood(self, start_s: int) -> float:
        """Some days and hours are livelier than others; the same for every tier."""
        day, hour = start_s // 86_400, start_s // HOUR_S
        return self.plan.draw("day", day).gauss(0, 0.12) + self.plan.draw("hour", hour).gauss(0, 0.08)

    def _count(self, slot: Slot, draw: Random, here: float, when: tuple[int, int], seconds: int) -> None:
        start_s, tier_s = when
        for tally in COUNTED:
            if n := _poisson(draw, (tally.by_person * here + tally.besides) * seconds):
                slot.counts[tally.metric, tally.label] = n
        for fine_s in range(start_s, start_s + tier_s, FINEST_S):
            for project, n in self._broken.get(fine_s, {}).items():
                slot.counts[telemetry.ERRORS, project] += n
        for role in (store.WEB, "watch"):
            slot.counts[store.FLUSH, role] = max(1, round(seconds * FLUSHES_A_SECOND))

    def _samples(self, draw: Random, timing: Timing, n: int, slow_share: float) -> Counter[int]:
        """The buckets that `n` samples fell into; a share of them took around two and a half seconds."""
        drawn = min(n, DRAWN_MOST)
        slow = _poisson(draw, drawn * slow_share) if slow_share else 0
        slow = min(slow, drawn)
        found = Counter(self._around(draw, timing.median_ms, timing.spread, drawn - slow))
        found.update(self._around(draw, 2500.0, 0.7, slow))
        if n > drawn:
            times, rest = divmod(n, drawn)
            found = Counter({bucket: many * times for bucket, many in found.items()})
            found[max(found, key=lambda bucket: found[bucket])] += rest
        return found

    def _around(self, draw: Random, median_ms: float, spread: float, n: int) -> Iterator[int]:
        middle = bisect_left(EDGES_MS, median_ms)
        return (min(max(middle + away, 0), SIZE - 1) for away in draw.choices(self._shapes[spread], k=n))


_AWAY: Final = (Sort.DOWN, Sort.BLIND, Sort.DEPLOY)


def _overlap(start: int, end: int, low: int, high: int) -> int:
    return max(0, min(end, high) - max(start, low))


def _poisson(draw: Random, mean: float) -> int:
    """How often something happens that happens `mean` times on average."""
    if mean > 30:
        return max(0, round(draw.gauss(mean, math.sqrt(mean))))
    limit, product, n = math.exp(-mean), draw.random(), 0
    while product > limit:
        product *= draw.random()
        n += 1
    return n


def write(plan: Plan, broken: Sequence[Broke]) -> int:
    """Write the measures of the whole plan, its errors counted; gives how many rows."""
    measurer = Measurer(plan, broken)
    sources = _sources(plan)
    written = 0
    batch: list[Row] = []
    for hour_s in range(plan.start_s, plan.end_s, HOUR_S):
        run = next(s.token for s in reversed(sources) if s.started_at.timestamp() <= hour_s)
        batch += _hour(measurer, hour_s, run)
        if len(batch) >= BATCH:
            written += _put(batch)
            batch = []
    return written + _put(batch)


def _put(batch: list[Row]) -> int:
    """Without the ORM, which would take three times as long as all the rest."""
    columns = ", ".join("count" if name == "n" else name for name in Row._fields)
    holes = ", ".join(["%s"] * len(Row._fields))
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.executemany(f"INSERT INTO {Measure._meta.db_table} ({columns}) VALUES ({holes})", batch)  # noqa: S608
    return len(batch)


def _hour(measurer: Measurer, hour_s: int, run: str) -> Iterable[Row]:
    """All rows of one hour, drawn as finely as they are still kept."""
    end_s = measurer.plan.end_s
    kept = [tier_s for tier_s in TIERS_S if hour_s >= up(end_s - KEPT[tier_s].total_seconds(), HOUR_S)]
    finest_s = min(kept)
    slots: dict[tuple[int, int], Slot] = {}
    for start_s in range(hour_s, min(hour_s + HOUR_S, end_s), finest_s):
        drawn = measurer.slot(start_s, finest_s)
        for tier_s in kept:
            slots.setdefault((tier_s, slot_of(start_s, tier_s)), Slot()).take(drawn)
    for (tier_s, start_s), slot in slots.items():
        yield from slot.rows(run if tier_s == FINEST_S else "", tier_s, start_s)


def _sources(plan: Plan) -> list[Source]:
    """One run of the web process between two restarts, the last one still going; a killed one never said its end."""
    cuts = [plan.all(Sort.DEPLOY)[0], *(h for h in plan.all(*_AWAY) if h.end_s > plan.start_s)]
    runs = []
    for n, (since, until) in enumerate(zip(cuts, [*cuts[1:], None], strict=True)):
        end = until.start if until else plan.now
        stopped_at = None if until is None or until.sort is Sort.DOWN else end
        runs.append(
            Source(
                token=f"seed{plan.seed % 10**6}x{n}-0",
                role=store.WEB,
                release=plan.release_at(since.end_s)[:64],
                started_at=since.end,
                flushed_at=end,
                stopped_at=stopped_at,
                closed_at=plan.now if until else None,
            )
        )
    Source.objects.bulk_create(runs)
    return runs
