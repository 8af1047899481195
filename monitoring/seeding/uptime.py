"""Invented probes of every monitor; what follows from them (outages, watched time) is worked out as the watch does."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from monitoring.models import Heartbeat, Maintenance, Monitor, Outage, ProbeResult, Watched
from monitoring.seeding.plan import Plan, Sort
from monitoring.uptime import record
from monitoring.uptime.outage import Answer, Change, Kind, Sample, State, next_probe_at, observe
from monitoring.watch import NAME

NOTES: Final = {
    Kind.DOWN: "Our server stopped, nobody could connect, and chats under way ended. It starts again by itself now.",
    Kind.SLOW: "Answers took seconds at the busiest hour, because the disk was busy. We moved the backup to the night.",
}
USUAL_MS: Final = {Monitor.Way.HTTP.value: 38.0, Monitor.Way.WEBSOCKET.value: 61.0}
BATCH: Final = 2000


def write(plan: Plan) -> None:
    """Probes, outages, watched time and maintenance of the whole plan."""
    for monitor in Monitor.objects.filter(enabled=True):
        _probe(plan, monitor)
    _maintenance(plan)
    for name in (NAME, "prober:here"):
        Heartbeat.objects.update_or_create(name=name, defaults={"beat_at": plan.now})


def _probe(plan: Plan, monitor: Monitor) -> None:
    state, results, watched = State(), list[ProbeResult](), list[Watched]()
    for result in _results(plan, monitor):
        results.append(result)
        before, sample = state.probed_at, Sample(result.at, Answer(result.answer))
        state, changes = observe(state, sample, monitor.policy)
        if watched and before and result.at - before <= monitor.policy.gap:
            watched[-1].last_at = result.at
        else:
            watched.append(Watched(monitor=monitor, first_at=result.at, last_at=result.at))
        for change in changes:
            _change(monitor, change, result)
        monitor.known, monitor.attempted_at = state, result.at
    monitor.save(update_fields=["state", "attempted_at"])
    keep_from = plan.now - record.RESULTS_KEPT
    ProbeResult.objects.bulk_create([r for r in results if r.at >= keep_from], batch_size=BATCH)
    Watched.objects.bulk_create(watched)


def _results(plan: Plan, monitor: Monitor) -> Iterator[ProbeResult]:
    """Probe by probe, as often as the watch would have probed."""
    draw, state = plan.draw("probes", monitor.name), State()
    at = plan.all(Sort.DEPLOY)[0].start + timedelta(seconds=draw.randrange(60))
    while at < plan.now:
        at_s = at.timestamp()
        if blind := plan.under_way(at_s, Sort.BLIND):
            at = blind.end
            continue
        took_ms: float | None = USUAL_MS.get(monitor.way, 50.0) * draw.lognormvariate(0, 0.3)
        answer, reason = Answer.GOOD, ""
        if plan.under_way(at_s, Sort.DOWN):
            took_ms, answer, reason = None, Answer.FAILED, "The connection was refused."
        elif plan.under_way(at_s, Sort.SLOW) and draw.random() < 0.85:
            took_ms = draw.uniform(1.05, 2.4) * monitor.slow_ms
            answer = Answer.SLOW
        yield ProbeResult(monitor=monitor, at=at, answer=answer, took_ms=took_ms and round(took_ms, 1), reason=reason)
        state, _ = observe(state, Sample(at, answer), monitor.policy)
        at = next_probe_at(state, monitor.policy) or plan.now


def _change(monitor: Monitor, change: Change, result: ProbeResult) -> None:
    if change.opened:
        Outage.objects.create(
            monitor=monitor, kind=change.kind, opened_at=change.at, confirmed_at=result.at, reason=result.reason
        )
        return
    for outage in Outage.objects.filter(monitor=monitor, kind=change.kind, closed_at=None):
        outage.closed_at = change.at
        outage.note = f"{record.draft(outage)} {NOTES[change.kind]}"
        outage.published_at = change.at + timedelta(hours=1)
        outage.save()


def _maintenance(plan: Plan) -> None:
    done = [(h.start, h.end, "The host moved to new disks.") for h in plan.all(Sort.BLIND)]
    to_come = (plan.now + timedelta(days=3)).replace(hour=2, minute=0, second=0, microsecond=0)
    rows = [*done, (to_come, to_come + timedelta(minutes=30), "The database gets a new version.")]
    Maintenance.objects.bulk_create(Maintenance(from_at=a, to_at=b, reason=why) for a, b, why in rows)
