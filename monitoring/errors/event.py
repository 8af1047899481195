"""What we keep of what an SDK sends: a fixed list of fields. Whatever is not named here is never written anywhere.

Variables, bodies, headers, cookies, query strings, users, `extra` and installed modules are left out by not being
named. Values of the wrong type are dropped, one by one, and never cost the rest of an event.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

Stamp = float | str  # seconds since 1970, or ISO 8601
FRAMES_MAX: Final = 250
CRUMBS_MAX: Final = 100
SPANS_MAX: Final = 1000
EXCEPTIONS_MAX: Final = 50


class Kept(msgspec.Struct, omit_defaults=True):
    """A record of which only the named fields are read."""


class Frame(Kept):
    filename: str | None = None
    abs_path: str | None = None
    function: str | None = None
    module: str | None = None
    lineno: int | None = None
    colno: int | None = None
    in_app: bool | None = None
    context_line: str | None = None
    pre_context: list[str] = []
    post_context: list[str] = []


class Stack(Kept):
    frames: list[Frame] = []


class Mechanism(Kept):
    type: str | None = None
    handled: bool | None = None
    synthetic: bool | None = None


class Raised(Kept):
    """One exception of a chain; the last in the list is the one that was raised last."""

    type: str | None = None
    value: str | None = None
    module: str | None = None
    mechanism: Mechanism | None = None
    stacktrace: Stack | None = None


class Chain(Kept):
    values: list[Raised] = []


class LogEntry(Kept):
    message: str | None = None
    formatted: str | None = None


class CrumbData(Kept):
    method: str | None = None
    url: str | None = None
    status_code: int | None = None
    to: str | None = None


class Crumb(Kept):
    timestamp: Stamp | None = None
    type: str | None = None
    category: str | None = None
    level: str | None = None
    message: str | None = None
    data: CrumbData | None = None


class Crumbs(Kept):
    values: list[Crumb] = []


class Request(Kept):
    url: str | None = None
    method: str | None = None


class Trace(Kept):
    trace_id: str | None = None
    span_id: str | None = None
    parent_span_id: str | None = None
    op: str | None = None
    status: str | None = None


class Version(Kept):
    name: str | None = None
    version: str | None = None


class Feedback(Kept):
    message: str | None = None
    associated_event_id: str | None = None


class Contexts(Kept):
    trace: Trace | None = None
    runtime: Version | None = None
    os: Version | None = None
    browser: Version | None = None
    feedback: Feedback | None = None


class User(Kept):
    id: str | int | None = None


class Span(Kept):
    trace_id: str | None = None
    op: str | None = None
    description: str | None = None
    status: str | None = None
    span_id: str | None = None
    parent_span_id: str | None = None
    start_timestamp: Stamp | None = None
    timestamp: Stamp | None = None


class Event(Kept):
    """An error, a message, a transaction or a feedback."""

    event_id: str | None = None
    type: str | None = None
    timestamp: Stamp | None = None
    start_timestamp: Stamp | None = None
    platform: str | None = None
    level: str | None = None
    logger: str | None = None
    transaction: str | None = None
    release: str | None = None
    dist: str | None = None
    environment: str | None = None
    message: str | LogEntry | None = None
    logentry: LogEntry | None = None
    exception: Chain | list[Raised] | None = None
    breadcrumbs: Crumbs | list[Crumb] | None = None
    fingerprint: list[str] | None = None
    tags: dict[str, str | int | float | bool | None] | list[list[str | None]] | None = None
    request: Request | None = None
    contexts: Contexts | None = None
    user: User | None = None
    sdk: Version | None = None
    spans: list[Span] | None = None


class StreamedSpan(Kept):
    """A span of the second kind, sent on its own; its attributes are read by those few that know nothing of people."""

    name: str | None = None
    trace_id: str | None = None
    span_id: str | None = None
    parent_span_id: str | None = None
    status: str | None = None
    is_segment: bool | None = None
    start_timestamp: Stamp | None = None
    end_timestamp: Stamp | None = None
    attributes: dict[str, Any] = {}


class StreamedSpans(Kept):
    items: list[StreamedSpan] = []


class Attributes(Kept):
    release: str | None = None
    environment: str | None = None


class Session(Kept):
    """An SDK's own idea of a session: one run of a program or one visit of a page."""

    sid: str | None = None
    init: bool | None = None
    started: Stamp | None = None
    timestamp: Stamp | None = None
    status: str | None = None
    errors: int | None = None
    duration: float | None = None
    attrs: Attributes | None = None


class SessionCount(Kept):
    started: Stamp | None = None
    exited: int = 0
    errored: int = 0
    crashed: int = 0
    abnormal: int = 0


class Sessions(Kept):
    aggregates: list[SessionCount] = []
    attrs: Attributes | None = None


class Discarded(Kept):
    reason: str | None = None
    category: str | None = None
    quantity: int = 0


class ClientReport(Kept):
    timestamp: Stamp | None = None
    discarded_events: list[Discarded] = []


class CheckIn(Kept):
    check_in_id: str | None = None
    monitor_slug: str | None = None
    status: str | None = None
    duration: float | None = None
    release: str | None = None
    environment: str | None = None


class UserReport(Kept):
    """Feedback as older SDKs send it; who wrote it is left out."""

    event_id: str | None = None
    comments: str | None = None


def exceptions(event: Event) -> list[Raised]:
    found = event.exception
    return found.values if isinstance(found, Chain) else found or []


def crumbs(event: Event) -> list[Crumb]:
    found = event.breadcrumbs
    return found.values if isinstance(found, Crumbs) else found or []


def tags(event: Event) -> dict[str, str]:
    """The tags as one table, whichever of the two forms they came in."""
    found = event.tags
    pairs = found.items() if isinstance(found, dict) else [pair for pair in found or [] if len(pair) == 2]
    return {str(key): str(value) for key, value in pairs if value is not None}


def words(event: Event) -> str:
    """The message of an event that has no exception."""
    for entry in (event.logentry, event.message):
        if isinstance(entry, LogEntry):
            if entry.message or entry.formatted:
                return entry.message or entry.formatted or ""
        elif entry:
            return entry
    return ""


def settle(event: Event) -> None:
    """Bring an event into the one form that everything after this expects: bounded, plain lists and tables."""
    chain = exceptions(event)[-EXCEPTIONS_MAX:]
    for raised in chain:
        if raised.stacktrace and len(raised.stacktrace.frames) > FRAMES_MAX:  # the ends tell most
            frames = raised.stacktrace.frames
            raised.stacktrace.frames = [*frames[:50], *frames[-(FRAMES_MAX - 50) :]]
    if len(chain) == 1 and not chain[0].type and chain[0].mechanism and chain[0].mechanism.synthetic:
        # A message of a browser: the stack is where it was said, not where anything broke.
        event.message, event.logentry = event.message or chain[0].value, event.logentry
        chain[0].value = None
    event.exception = Chain(chain) if chain else None
    crumbs_ = crumbs(event)
    event.breadcrumbs = Crumbs(crumbs_[-CRUMBS_MAX:]) if crumbs_ else None
    event.tags = dict(tags(event)) or None
    if event.spans and len(event.spans) > SPANS_MAX:
        event.spans = event.spans[:SPANS_MAX]
