"""The few figures that say most, each with how it went lately, for a terminal; what can't be read is left out."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final, NamedTuple

from django.db import DatabaseError

from monitoring.metrics import store
from monitoring.models import Alert, DeployMarker, Heartbeat, Monitor, OutboxMail
from monitoring.uptime import record
from monitoring.uptime.outage import Span
from monitoring.watch import NAME
from signals import telemetry

log = logging.getLogger("icebreaker")

MINUTE: Final = timedelta(minutes=1)
LATELY, TRAIL = 5 * MINUTE, 30 * MINUTE
BARS: Final = "▁▂▃▄▅▆▇█"
GAP: Final = "·"
PATHS: Final = (
    telemetry.WS_MESSAGE,
    telemetry.SIGNAL_RANK,
    telemetry.RADAR_UPDATE,
    telemetry.CHAT_START,
    telemetry.HTTP_REQUEST,
)


class Figure(NamedTuple):
    """One figure: its value if it has one, in words, and its last half hour by the minute (None: not measured)."""

    value: float | None
    says: str
    trail: tuple[float | None, ...] = ()


def _alerts(now: datetime) -> Figure:
    found = Alert.objects.filter(resolved_at=None, drill=False)
    critical = found.filter(severity="critical").count()
    n = found.count()
    return Figure(n, f"{n}, {critical} of them critical" if n else "none")


def _errors(now: datetime) -> Figure:
    minutes = store.count_series(telemetry.ERRORS, None, now - TRAIL, now, MINUTE)
    n = store.count_sum(telemetry.ERRORS, None, now - LATELY, now) / (LATELY / MINUTE)
    return Figure(n, f"{n:.1f} a minute", tuple(point.n for point in minutes))


def _p95(metric: str, now: datetime) -> Figure:
    minutes = store.series(metric, None, now - TRAIL, now, MINUTE)
    lately = store.window(metric, None, now - LATELY, now)
    trail = tuple(p.histogram.percentile(95) if p.histogram and p.histogram.count else None for p in minutes)
    if not lately.count:
        return Figure(None, "nothing in 5 minutes", trail)
    value = lately.percentile(95)
    return Figure(value, f"{value:.3g} ms (P50 {lately.percentile(50):.3g} ms, {lately.count:,} in 5 minutes)", trail)


def _level(metric: str, now: datetime) -> Figure:
    minutes = store.level_series(metric, now - TRAIL, now, MINUTE)
    value = store.latest_level(metric, now)
    return Figure(value, "not known" if value is None else f"{value:,.0f}", tuple(point.last for point in minutes))


def _uptime(now: datetime) -> Figure:
    monitors = list(Monitor.objects.filter(enabled=True, public=True))
    shares = [record.uptime_of(monitors, Span(now - timedelta(days=days), now)).share for days in (1, 30)]
    said = ["not watched" if share is None else f"{math.floor(share * 100_000) / 1000:.3f} %" for share in shares]
    return Figure(shares[0], f"24 h {said[0]}, 30 d {said[1]}")


def _watch(now: datetime) -> Figure:
    beat = Heartbeat.objects.filter(name=NAME).first()
    if beat is None:
        return Figure(None, "never seen")
    age = now - beat.beat_at
    return Figure(age.total_seconds(), f"last beat {ago(age)}")


def _mail(now: datetime) -> Figure:
    waiting = OutboxMail.objects.filter(state=OutboxMail.State.WAITING)
    n, oldest = waiting.count(), waiting.order_by("due_at").first()
    return Figure(n, f"{n} wait, the oldest due {ago(now - oldest.due_at)}" if oldest else "none waits")


def _deploy(now: datetime) -> Figure:
    last = DeployMarker.objects.filter(at__lte=now).first()
    return Figure(None, f"{last.version}, {ago(now - last.at)}" if last else "none known")


READERS: Final[dict[str, Callable[[datetime], Figure]]] = {
    "alerts.open": _alerts,
    "errors": _errors,
    **{f"p95 {metric}": partial(_p95, metric) for metric in PATHS},
    "people": partial(_level, telemetry.SESSIONS),
    "chats": partial(_level, telemetry.CHATS_OPEN),
    "sockets": partial(_level, telemetry.WS_CONNECTIONS),
    "uptime": _uptime,
    "watch": _watch,
    "mail": _mail,
    "deploy": _deploy,
}


def read(now: datetime) -> dict[str, Figure]:
    """Every figure up to the first that the database won't give: whoever asks again would only wait again."""
    found = {}
    for name, reader in READERS.items():
        try:
            found[name] = reader(now)
        except DatabaseError as error:
            log.warning("the figure %s can't be read: %s", name, type(error).__name__)
            break
    return found


def ago(age: timedelta) -> str:
    """How long ago, in the largest unit that is still exact enough."""
    seconds = max(0, round(age.total_seconds()))
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit} ago"
    return f"{seconds} s ago"


def sparkline(trail: Sequence[float | None]) -> str:
    """The trail as one line of bars from zero to its highest; a dot where nothing was measured."""
    known: Iterable[float] = [value for value in trail if value is not None]
    top = max(known, default=0.0)

    def bar(value: float | None) -> str:
        if value is None:
            return GAP
        return BARS[min(len(BARS) - 1, int(value / top * len(BARS)))] if top > 0 else BARS[0]

    return "".join(bar(value) for value in trail)
