"""Traces, sessions, check-ins and feedback as rows: what of them is worth a column."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from monitoring.errors import event as kept
from monitoring.errors.decode import read
from monitoring.errors.event import Stamp
from monitoring.errors.record import Piece, Record, expand
from monitoring.models import Sent

OLDEST: Final = timedelta(days=30)
NEWEST: Final = timedelta(minutes=1)


def moment(stamp: Stamp | None) -> datetime | None:
    """A sender's point in time, if it is one."""
    try:
        if isinstance(stamp, str):
            found = datetime.fromisoformat(stamp)
            return found if found.tzinfo else found.replace(tzinfo=UTC)
        return None if stamp is None else datetime.fromtimestamp(stamp, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def happened_at(stamp: Stamp | None, received_at: datetime, skew_s: float) -> datetime:
    """When it happened by our clock; what is too far off is taken as now."""
    said = moment(stamp)
    if said is None:
        return received_at
    try:
        said += timedelta(seconds=skew_s)
    except OverflowError:
        return received_at
    return said if received_at - OLDEST <= said <= received_at + NEWEST else received_at


def _took_ms(start: Stamp | None, end: Stamp | None) -> float | None:
    began, ended = moment(start), moment(end)
    if began is None or ended is None or ended < began:
        return None
    return (ended - began) / timedelta(milliseconds=1)


def _transaction(found: kept.Event) -> dict[str, Any]:
    trace = (found.contexts and found.contexts.trace) or kept.Trace()
    return {
        "at": found.timestamp,
        "name": found.transaction,
        "status": trace.status,
        "duration_ms": _took_ms(found.start_timestamp, found.timestamp),
        "release": found.release,
        "environment": found.environment,
        "trace_id": trace.trace_id,
    }


def _span(found: kept.StreamedSpan) -> dict[str, Any]:
    return {
        "at": found.end_timestamp,
        "name": found.name,
        "status": found.status,
        "duration_ms": _took_ms(found.start_timestamp, found.end_timestamp),
        "release": found.attributes.get("sentry.release"),
        "environment": found.attributes.get("sentry.environment"),
        "trace_id": found.trace_id,
    }


def _session(found: kept.Session) -> dict[str, Any]:
    attrs = found.attrs or kept.Attributes()
    took_ms = found.duration * 1000 if found.duration is not None else None
    return {
        "at": found.timestamp or found.started,
        "status": found.status,
        "duration_ms": took_ms,
        "release": attrs.release,
        "environment": attrs.environment,
    }


def _sessions(found: kept.Sessions) -> dict[str, Any]:
    attrs = found.attrs or kept.Attributes()
    started = found.aggregates[0].started if found.aggregates else None
    return {"at": started, "release": attrs.release, "environment": attrs.environment}


def _check_in(found: kept.CheckIn) -> dict[str, Any]:
    took_ms = found.duration * 1000 if found.duration is not None else None
    return {
        "name": found.monitor_slug,
        "status": found.status,
        "duration_ms": took_ms,
        "release": found.release,
        "environment": found.environment,
    }


def _feedback(found: kept.Event) -> dict[str, Any]:
    about = found.contexts.feedback if found.contexts else None
    return {"at": found.timestamp, "name": (about.associated_event_id if about else None) or "", **_where(found)}


def _where(found: kept.Event) -> dict[str, Any]:
    return {"release": found.release, "environment": found.environment}


_KINDS: Final[dict[str, tuple[type[kept.Kept], Callable[[Any], dict[str, Any]]]]] = {
    "transaction": (kept.Event, _transaction),
    "span": (kept.StreamedSpan, _span),
    "session": (kept.Session, _session),
    "sessions": (kept.Sessions, _sessions),
    "check_in": (kept.CheckIn, _check_in),
    "feedback": (kept.Event, _feedback),
    "client_report": (kept.ClientReport, lambda found: {"at": found.timestamp}),
    "user_report": (kept.UserReport, lambda found: {"name": found.event_id}),
}
_LONGEST: Final = {"name": 200, "status": 40, "release": 200, "environment": 200, "trace_id": 32}


def row(record: Record, piece: Piece, received_at: datetime) -> Sent:
    """The row of a piece that is no error. Raises Malformed or KeyError for a kind that we don't know."""
    kind, columns = _KINDS[piece.kind]
    found = columns(read(expand(piece.data), kind))
    at = happened_at(found.pop("at", None), received_at, record.skew_s)
    texts = {name: str(found.pop(name, None) or "")[:longest] for name, longest in _LONGEST.items()}
    return Sent(
        project_id=record.project_id,
        key=f"{piece.kind}:{piece.key}"[:80],
        kind=piece.kind,
        at=at,
        duration_ms=found.pop("duration_ms", None),
        data=piece.data,
        **texts,
    )


CLIENT_REASONS: Final = frozenset(
    (
        "queue_overflow",
        "cache_overflow",
        "buffer_overflow",
        "ratelimit_backoff",
        "network_error",
        "sample_rate",
        "before_send",
        "event_processor",
        "send_error",
        "internal_sdk_error",
        "insufficient_data",
        "backpressure",
    )
)


def lost_by_client(piece: Piece) -> dict[str, int]:
    """What a client says that it never sent, by reason; the reasons are a fixed list."""
    found = read(expand(piece.data), kept.ClientReport)
    lost: dict[str, int] = {}
    for one in found.discarded_events:
        reason = f"client:{one.reason if one.reason in CLIENT_REASONS else 'other'}"
        lost[reason] = lost.get(reason, 0) + max(0, min(one.quantity, 1_000_000))
    return lost
