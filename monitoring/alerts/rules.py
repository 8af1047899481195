"""What is worth waking somebody for: every threshold, once, and how a rule reads a window.

`P95 over 1 s` is judged by counting: more than 5 % of the samples took over 1 s, which is exact.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final

from monitoring.alerts.snapshot import Snapshot
from signals import telemetry


class Severity(StrEnum):
    WARNING = "warning"
    CRITICAL = "critical"


class Kind(StrEnum):
    """How a condition turns a window into one number."""

    SHARE = "share"  # part of a timing's samples that took longer than the edge
    RATE = "rate"  # a count by the minute
    COUNT = "count"  # a count in the window
    LEVEL = "level"  # the last value
    AGE = "age"  # seconds since something last happened
    LEFT = "left"  # what is left of something, the last value: breached under `over`, clear from `clear` on


class Judgement(StrEnum):
    BREACH = "breach"
    BETWEEN = "between"  # no longer over the threshold, not yet under the lower bound
    CLEAR = "clear"
    TOO_FEW = "too few samples"
    NO_DATA = "no data"
    ERROR = "evaluation error"


@dataclass(frozen=True, slots=True)
class Condition:
    """Breached over `over`, clear at or under `clear` (LEFT: the other way round); between them nothing changes."""

    kind: Kind
    source: str  # the metric or the name of a number in the snapshot
    over: float
    clear: float
    edge_ms: int = 0  # for a share
    min_samples: int = 0  # for a share: fewer are not judged


@dataclass(frozen=True, slots=True)
class Rule:
    """A condition, how long it has to hold and to be clear, and what it follows from."""

    name: str  # also the name of its runbook
    title: str
    severity: Severity
    condition: Condition
    window: timedelta
    hold: timedelta = timedelta(0)
    keep: timedelta = timedelta(minutes=5)
    inhibited_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """One window, judged: the value (None when there is none) and why."""

    judgement: Judgement
    value: float | None = None
    samples: int = 0
    reason: str = ""


MIN_SAMPLES: Final = 20
BOUNDS: Final[dict[Kind, tuple[float, float]]] = {  # of a threshold
    Kind.SHARE: (0.001, 0.5),
    Kind.RATE: (0.1, 100_000),
    Kind.COUNT: (0, 100_000),
    Kind.LEVEL: (0, 1_000_000),
    Kind.AGE: (30, 86_400),
    Kind.LEFT: (0, 100_000),
}
WINDOW_BOUNDS: Final = (timedelta(seconds=15), timedelta(hours=1))
LONGEST: Final = timedelta(hours=1)  # that a rule may wait before it fires or resolves
EDGES_MS: Final = (200, 500, 1000, 2000)  # the edges that histograms count exactly
MINUTE: Final = timedelta(minutes=1)
GROUPED: Final = timedelta(seconds=30)  # a first mail waits this long for others to join it
DOWN: Final = "service-down"
DEADMAN: Final = "watch-late"  # judged by the web process: whoever is late can't say so


def _slow(metric: str, what: str, edge_ms: int, severity: Severity) -> Rule:
    slug = f"slow-{metric.replace('.', '-')}"
    return Rule(
        name=f"{slug}-{severity}",
        title=f"{what}: P95 over {edge_ms // 1000} s",
        severity=severity,
        condition=Condition(Kind.SHARE, metric, over=0.05, clear=0.03, edge_ms=edge_ms, min_samples=MIN_SAMPLES),
        window=5 * MINUTE,
        hold=MINUTE,
        inhibited_by=(DOWN, f"{slug}-critical") if severity is Severity.WARNING else (DOWN,),
    )


def _errors(over: float, severity: Severity) -> Rule:
    return Rule(
        name=f"error-rate-{severity}",
        title=f"Errors: over {over:g} a minute",
        severity=severity,
        condition=Condition(Kind.RATE, telemetry.ERRORS, over=over, clear=over * 0.6),
        window=MINUTE,
        inhibited_by=(DOWN, "error-rate-critical") if severity is Severity.WARNING else (DOWN,),
    )


def _rule(name: str, title: str, severity: Severity, condition: Condition, **times: timedelta) -> Rule:
    inhibited_by = () if name in INDEPENDENT else (DOWN,)
    return Rule(name, title, severity, condition, times.pop("window", MINUTE), inhibited_by=inhibited_by, **times)


# These never follow from the service being down, or have to be heard even then. A new kind of error is often why it
# is down, and its alert ends by itself: muted until the service is back, it would never be mailed.
INDEPENDENT: Final = frozenset(
    {
        DOWN,
        DEADMAN,
        "mail-stuck",
        "disk-near-full",
        "database-near-full",
        "new-issue",
        "regression",
        "certificate-expires",
    }
)
_TIMED: Final = (
    (telemetry.WS_MESSAGE, "WebSocket messages"),
    (telemetry.SIGNAL_RANK, "Signal Engine"),
    (telemetry.HTTP_REQUEST, "HTTP requests"),
)
_W, _C = Severity.WARNING, Severity.CRITICAL
SHIPPED: Final[tuple[Rule, ...]] = (
    _rule(DOWN, "Service is down", _C, Condition(Kind.LEVEL, "outages.down", 0, 0), keep=MINUTE),
    _rule("web-silent", "No data from the web process", _C, Condition(Kind.AGE, "web.flush", 60, 30), keep=MINUTE),
    _rule(DEADMAN, "Watch process is late", _C, Condition(Kind.AGE, "watch.beat", 120, 60), keep=MINUTE),
    _rule("mail-stuck", "Mail can't be delivered", _C, Condition(Kind.AGE, "mail.oldest", 120, 60), keep=MINUTE),
    _errors(10, _C),
    _errors(5, _W),
    *(_slow(metric, what, 2000, _C) for metric, what in _TIMED),
    *(_slow(metric, what, 1000, _W) for metric, what in _TIMED),
    _rule("new-issue", "New kind of error", _W, Condition(Kind.COUNT, "issues.new", 0, 0)),
    _rule("regression", "Resolved error came back", _W, Condition(Kind.COUNT, "issues.regression", 0, 0)),
    _rule("slow-health", "Health answers slowly", _W, Condition(Kind.LEVEL, "outages.slow", 0, 0), keep=MINUTE),
    _rule("disk-near-full", "Disk is nearly full", _C, Condition(Kind.LEVEL, "disk.used", 0.9, 0.85), hold=MINUTE),
    _rule(
        "database-near-full",
        "Database is nearly full",
        _C,
        Condition(Kind.LEVEL, "database.used", 0.9, 0.85),
        hold=MINUTE,
    ),
    _rule("certificate-expires", "Certificate expires soon", _W, Condition(Kind.LEFT, "certificate.days", 14, 15)),
    _rule(
        "socket-leak",
        "Too many connections for the sessions",
        _W,
        Condition(Kind.LEVEL, "sockets.by_session", 3, 2),
        hold=5 * MINUTE,
    ),
    _rule(
        "accept-rejections",
        "Connections are refused at the door",
        _W,
        Condition(Kind.RATE, "ws.refused", 20, 10),
        window=5 * MINUTE,
        hold=MINUTE,
    ),
)


def _value(condition: Condition, snapshot: Snapshot) -> float | None:
    source = condition.source
    match condition.kind:
        case Kind.RATE:
            n = snapshot.counts.get(source)
            return None if n is None else n / snapshot.minutes
        case Kind.COUNT:
            return snapshot.counts.get(source)
        case Kind.LEVEL | Kind.LEFT:
            return snapshot.levels.get(source)
        case Kind.AGE:
            age = snapshot.ages.get(source)
            return None if age is None else age.total_seconds()
        case Kind.SHARE:
            timing = snapshot.timings.get(source)
            over = timing.over.get(condition.edge_ms) if timing else None
            return over / max(1, timing.count) if timing and over is not None else None


def _unreadable(condition: Condition, snapshot: Snapshot, value: float | None) -> Reading | None:
    source, timing = condition.source, snapshot.timings.get(condition.source)
    if source in snapshot.broken:
        return Reading(Judgement.ERROR, reason=snapshot.broken[source])
    if condition.kind is Kind.SHARE and timing and condition.edge_ms not in timing.over:
        return Reading(Judgement.ERROR, reason=f"nothing counts samples over {condition.edge_ms} ms")
    if value is None:
        return Reading(Judgement.NO_DATA, reason=f"nothing is known of {source}")
    return None if math.isfinite(value) else Reading(Judgement.ERROR, reason=f"{source} is not a number")


def read(condition: Condition, snapshot: Snapshot) -> Reading:
    """Judge one window. Never raises: what can't be read is a judgement of its own, and not `clear`."""
    value = _value(condition, snapshot)
    if (unreadable := _unreadable(condition, snapshot, value)) or value is None:
        return unreadable or Reading(Judgement.NO_DATA)
    samples = snapshot.timings[condition.source].count if condition.kind is Kind.SHARE else 0
    if samples < condition.min_samples:
        return Reading(Judgement.TOO_FEW, value, samples, f"{samples} samples of {condition.min_samples}")
    return Reading(_judged(condition, value), value, samples)


def _judged(condition: Condition, value: float) -> Judgement:
    if condition.kind is Kind.LEFT:
        breached, clear = value < condition.over, value >= condition.clear
    else:
        breached, clear = value > condition.over, value <= condition.clear
    if breached:
        return Judgement.BREACH
    return Judgement.CLEAR if clear else Judgement.BETWEEN


def problems(rule: Rule) -> list[str]:
    """What is wrong with an edited rule, in sentences for whoever edits it; nothing when it may be saved."""
    condition, (low, high) = rule.condition, BOUNDS[rule.condition.kind]
    found = []
    if not math.isfinite(condition.over) or not low <= condition.over <= high:
        found.append(f"The threshold has to lie between {low:g} and {high:g}.")
    lowest, highest = (condition.over, high) if condition.kind is Kind.LEFT else (0, condition.over)
    if not math.isfinite(condition.clear) or not lowest <= condition.clear <= highest:
        found.append(f"The bound for clear has to lie between {lowest:g} and {highest:g}.")
    if not WINDOW_BOUNDS[0] <= rule.window <= WINDOW_BOUNDS[1]:
        found.append("The window has to last between 15 seconds and an hour.")
    if not timedelta(0) <= rule.hold <= LONGEST:
        found.append("It may have to hold for at most an hour.")
    if not GROUPED <= rule.keep <= LONGEST:  # shorter, it could be over before its first mail, and be missed
        found.append("It has to be clear for between 30 seconds and an hour.")
    return found + (_share_problems(condition) if condition.kind is Kind.SHARE else [])


def _share_problems(condition: Condition) -> list[str]:
    found = []
    if condition.edge_ms not in EDGES_MS:
        found.append("The edge has to be one that histograms count exactly: 200, 500, 1000 or 2000 ms.")
    if not 1 <= condition.min_samples <= 10_000:
        found.append("The least number of samples has to lie between 1 and 10000.")
    return found


def edited(
    rule: Rule,
    *,
    over: float | None = None,
    clear: float | None = None,
    edge_ms: int | None = None,
    min_samples: int | None = None,
    **times: timedelta,
) -> Rule:
    """The same rule with other thresholds or times (window, hold, keep). Raises ValueError with every problem."""
    said: dict[str, Any] = {"over": over, "clear": clear, "edge_ms": edge_ms, "min_samples": min_samples}
    condition = replace(rule.condition, **{name: value for name, value in said.items() if value is not None})
    changed: dict[str, Any] = {"condition": condition, **times}
    candidate = replace(rule, **changed)
    if wrong := problems(candidate):
        raise ValueError(" ".join(wrong))
    return candidate
