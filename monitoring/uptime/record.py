"""Keep what probes saw: results, outages, watched time; and read from them what is down and how long it was up."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction
from django.db.models import Q, QuerySet

from monitoring.drills import effects
from monitoring.drills import record as drills
from monitoring.models.uptime import (
    HERE,
    UPTIMEROBOT,
    Delivery,
    Heartbeat,
    Maintenance,
    Monitor,
    Outage,
    ProbeResult,
    Watched,
)
from monitoring.uptime.outage import (
    CONFIRM_EVERY,
    Answer,
    Change,
    Kind,
    Sample,
    Span,
    State,
    Uptime,
    merged,
    next_probe_at,
    observe,
    subtract,
    uptime,
)
from monitoring.uptime.probe import Seen, Target

RESULTS_KEPT: Final = timedelta(days=30)
HISTORY_KEPT: Final = timedelta(days=400)
PROBER_KEPT: Final = timedelta(hours=1)  # their time is signed, so that an older replay is refused for its age
AHEAD_MOST: Final = timedelta(minutes=2)  # a prober's clock may be off by this much
DELETED_AT_ONCE: Final = 5_000
CERTIFICATE_WARNING: Final = timedelta(days=14)


NOTICED_AS: Final = "service-down"  # the rule that a health drill is to reach


def targets(prober: str = HERE) -> list[Target]:
    """What this prober has to look at."""
    return [_target(monitor) for monitor in Monitor.objects.filter(enabled=True, prober=prober)]


def due(now: datetime) -> list[Target]:
    """What the watch process here has to look at now."""
    found = Monitor.objects.filter(enabled=True, prober=HERE)
    return [_target(monitor) for monitor in found if _is_due(monitor, now)]


def _is_due(monitor: Monitor, now: datetime) -> bool:
    if monitor.attempted_at is None or monitor.attempted_at > now + AHEAD_MOST:  # never, or the clock went back
        return True
    next_at = next_probe_at(monitor.known, monitor.policy)
    # A blind probe leaves the state as it was, and must not be repeated at once.
    return now >= max(next_at or monitor.attempted_at, monitor.attempted_at + CONFIRM_EVERY)


def _target(monitor: Monitor) -> Target:
    return Target(
        id=monitor.pk,
        name=monitor.name,
        way=monitor.way,
        url=monitor.url,
        expects=monitor.expects,
        interval_s=monitor.interval_s,
        timeout_s=monitor.timeout_s,
        slow_ms=monitor.slow_ms,
    )


def keep(seen: Iterable[Seen], *, prober: str = HERE, now: datetime) -> list[tuple[Monitor, Change]]:
    """Take in what `prober` saw, in order of time; what is no monitor of its own, or comes twice, is left out."""
    changes: list[tuple[Monitor, Change]] = []
    for one in sorted(seen, key=lambda s: s.at):
        if one.at <= now + AHEAD_MOST:
            changes += _kept(one, prober)
    Heartbeat.objects.update_or_create(name=f"prober:{prober or 'here'}", defaults={"beat_at": now})
    return changes


@transaction.atomic
def _kept(seen: Seen, prober: str) -> list[tuple[Monitor, Change]]:
    monitor = Monitor.objects.select_for_update().filter(pk=seen.target, prober=prober).first()
    if monitor is None:
        return []
    _, fresh = ProbeResult.objects.get_or_create(
        monitor=monitor,
        at=seen.at,
        defaults={"answer": seen.answer, "took_ms": seen.took_ms, "reason": seen.reason[:160]},
    )
    if not fresh:
        return []
    before = monitor.known
    monitor.known, changes = observe(before, Sample(seen.at, seen.answer), monitor.policy)
    monitor.attempted_at = max(seen.at, monitor.attempted_at or seen.at)
    monitor.certificate_expires_at = seen.certificate_expires_at or monitor.certificate_expires_at
    monitor.save(update_fields=["state", "attempted_at", "certificate_expires_at"])
    if seen.answer is not Answer.UNKNOWN and (before.probed_at is None or seen.at > before.probed_at):
        _watched(monitor, before.probed_at, seen.at)
    for change in changes:
        _changed(monitor, change, seen)
    if seen.answer in (Answer.FAILED, Answer.SLOW):
        _outlived(monitor, seen.at)
    return [(monitor, change) for change in changes]


def _watched(monitor: Monitor, before_at: datetime | None, at: datetime) -> None:
    if before_at and at - before_at <= monitor.policy.gap:
        latest = Watched.objects.filter(monitor=monitor).order_by("-last_at").first()
        if latest and latest.last_at == before_at:
            Watched.objects.filter(pk=latest.pk).update(last_at=at)
            return
    Watched.objects.create(monitor=monitor, first_at=at, last_at=at)


def _changed(monitor: Monitor, change: Change, seen: Seen) -> None:
    if change.opened:
        Outage.objects.create(
            monitor=monitor,
            kind=change.kind,
            opened_at=change.at,
            confirmed_at=seen.at,
            reason=seen.reason[:160],
            drill=_is_drill(monitor, Kind(change.kind), seen.at),
        )
    else:
        _close(monitor, change.kind, change.at)


def _outlived(monitor: Monitor, at: datetime) -> None:
    """What goes on beside or after its drill is no drill, and people are told of it."""
    for outage in Outage.objects.filter(monitor=monitor, closed_at__isnull=True, drill=True):
        if not _is_drill(monitor, Kind(outage.kind), at):
            Outage.objects.filter(pk=outage.pk).update(drill=False)


def _is_drill(monitor: Monitor, kind: Kind, at: datetime) -> bool:
    """Whether a drill explains an outage: one runs, and the last failures in a row are not all of another kind."""
    if kind is not Kind.DOWN or drills.cause_of(NOTICED_AS, at) is None:
        return False
    judged = ProbeResult.objects.filter(monitor=monitor, at__lte=at).exclude(answer=Answer.UNKNOWN)
    last = judged.order_by("-at").values_list("answer", "reason")[: monitor.policy.down_after]
    return not all(answer == Answer.FAILED and reason != effects.PROBED for answer, reason in last)


def _close(monitor: Monitor, kind: Kind, at: datetime) -> None:
    """Over; with a draft of what to tell people, for staff to word better and to publish."""
    for outage in Outage.objects.filter(monitor=monitor, kind=kind, closed_at__isnull=True):
        outage.closed_at = max(at, outage.opened_at)
        outage.note = outage.note or draft(outage)
        outage.save(update_fields=["closed_at", "note"])


def draft(outage: Outage) -> str:
    """What an outage was, in plain words."""
    what = "could not be reached" if outage.kind == Kind.DOWN else "answered slowly"
    begun = f"{outage.monitor.name} {what} from {outage.opened_at:%H:%M} UTC"
    if outage.closed_at is None:
        return f"{begun}. We are looking into it."
    minutes = max(1, round((outage.closed_at - outage.opened_at) / timedelta(minutes=1)))
    return f"{begun} to {outage.closed_at:%H:%M} UTC ({minutes} minute{'s' if minutes > 1 else ''})."


@transaction.atomic
def told(monitor_id: int, *, down: bool, at: datetime, reason: str) -> None:
    """Somebody who confirms for himself says that it went down or came up; older news than the last is ignored."""
    monitor = Monitor.objects.select_for_update().get(pk=monitor_id)
    known = monitor.known
    if known.probed_at and at <= known.probed_at:
        return
    monitor.known = State(probed_at=at, down_at=(known.down_at or at) if down else None)
    monitor.attempted_at = at
    monitor.save(update_fields=["state", "attempted_at"])
    if down and known.down_at is None:
        Outage.objects.create(monitor=monitor, kind=Kind.DOWN, opened_at=at, confirmed_at=at, reason=reason[:160])
    elif not down:
        _close(monitor, Kind.DOWN, at)


@transaction.atomic
def end(outage_id: int, *, now: datetime) -> bool:
    """Staff say that an outage is over, whose end nobody told us. Whether there was anything to end."""
    outage = Outage.objects.select_related("monitor").filter(pk=outage_id, closed_at__isnull=True).first()
    if outage is None:
        return False
    monitor = Monitor.objects.select_for_update().get(pk=outage.monitor_id)
    monitor.known = State(probed_at=monitor.known.probed_at)
    monitor.save(update_fields=["state"])
    for kind in Kind:
        _close(monitor, kind, now)
    return True


def levels(now: datetime) -> dict[str, float]:
    """The numbers that rules judge: monitors that are down and slow now.

    They are missing while no monitor was judged lately, since nobody knows; maintenance counts as neither.
    """
    watched = [m for m in Monitor.objects.filter(enabled=True) if _is_known(m, now)]
    if not watched:
        return {}
    found: dict[str, float] = {f"outages.{kind}": 0.0 for kind in Kind}
    if not Maintenance.objects.filter(from_at__lte=now, to_at__gt=now).exists():
        known = [m.known for m in watched]
        found[f"outages.{Kind.DOWN}"] = sum(state.down_at is not None for state in known)
        found[f"outages.{Kind.SLOW}"] = sum(state.slow_at is not None for state in known)
    if (days := certificate_days(now)) is not None:
        found["certificate.days"] = days
    return found


def _is_known(monitor: Monitor, now: datetime) -> bool:
    probed_at = monitor.known.probed_at
    if monitor.prober == UPTIMEROBOT:  # it speaks only when something changes
        return probed_at is not None
    return probed_at is not None and now - probed_at <= monitor.policy.gap


def certificate_days(now: datetime) -> float | None:
    """Days until the first certificate expires; None: no monitor speaks TLS."""
    ends = Monitor.objects.filter(enabled=True, certificate_expires_at__isnull=False).order_by("certificate_expires_at")
    first = ends.first()
    if first is None or first.certificate_expires_at is None:
        return None
    return (first.certificate_expires_at - now) / timedelta(days=1)


def outage_spans(
    monitors: Iterable[Monitor], window: Span, kind: Kind = Kind.DOWN, *, drill: bool = False
) -> list[Span]:
    """Confirmed outages within a window, or those that drills made; an open one lasts to its end."""
    rows = Outage.objects.filter(
        Q(closed_at__isnull=True) | Q(closed_at__gt=window.from_at),
        monitor__in=list(monitors),
        kind=kind,
        opened_at__lt=window.to_at,
        drill=drill,
    )
    return [Span(row.opened_at, row.closed_at or window.to_at) for row in rows]


def known_spans(monitors: Iterable[Monitor], window: Span) -> list[Span]:
    """The time within a window of which something is known."""
    found = []
    for monitor in monitors:
        gap = monitor.policy.gap
        rows = Watched.objects.filter(
            monitor=monitor, last_at__gt=window.from_at - gap, first_at__lt=window.to_at
        ).order_by("first_at")
        found += [Span(row.first_at, min(row.last_at + gap, window.to_at)) for row in rows]
    return merged(found)


def maintenance_spans(window: Span) -> list[Span]:
    rows = Maintenance.objects.filter(from_at__lt=window.to_at, to_at__gt=window.from_at)
    return [Span(row.from_at, row.to_at) for row in rows]


def uptime_of(monitors: Iterable[Monitor], window: Span) -> Uptime:
    """How long these were watched, and for how much of it at least one of them was down."""
    monitors = list(monitors)
    unknown = subtract([window], known_spans(monitors, window))
    left_out = [*maintenance_spans(window), *outage_spans(monitors, window, drill=True)]
    return uptime(window, outage_spans(monitors, window), [*unknown, *left_out])


def prune(now: datetime) -> int:
    """Delete what is too old, in small steps; answers how many rows went."""
    old = now - HISTORY_KEPT
    gone = _deleted(ProbeResult.objects.filter(at__lt=now - RESULTS_KEPT).order_by("at"))
    gone += _deleted(Delivery.objects.filter(source=Delivery.Source.PROBER, received_at__lt=now - PROBER_KEPT))
    gone += _deleted(Delivery.objects.filter(received_at__lt=old))
    gone += _deleted(Watched.objects.filter(last_at__lt=old).order_by("last_at"))
    return gone + _deleted(Outage.objects.filter(closed_at__lt=old).order_by("closed_at"))


def _deleted(rows: QuerySet[Any]) -> int:
    ids = list(rows.values_list("pk", flat=True)[:DELETED_AT_ONCE])
    return rows.model._default_manager.filter(pk__in=ids).delete()[0] if ids else 0
