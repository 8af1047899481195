"""An event as somebody reads it: the last exception first, its deepest frame first, ours open, libraries folded.

Everything in it came from outside. Whoever shows it escapes it; here it is kept short, and what would not be seen, or
would turn the text around it, is spelt out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from monitoring.errors import event as kept
from monitoring.errors.event import Event, Frame, Raised

TEXT_MAX: Final = 2000
FRAMES_MAX: Final = 80  # of one exception; the rest is in the JSON
RAISED_MAX: Final = 10
# Controls, marks of writing direction, and what has no width: somebody could hide behind them.
_UNSEEN: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]"
    "|[\ud800-\udfff]"
)


def plainly(text: str, at_most: int = TEXT_MAX) -> str:
    """`text` with everything unseen spelt out, and cut with a word about how much is missing."""
    more = len(text) - at_most
    text = _UNSEEN.sub(lambda found: f"[U+{ord(found[0]):04X}]", text[:at_most])
    return f"{text}... ({more:,} more characters)" if more > 0 else text


def in_a_line(text: str, at_most: int = 200) -> str:
    """The same in one line, for lists and titles."""
    return plainly(re.sub(r"[\r\n\t\v\f ]+", " ", text[: 4 * at_most]).strip(), at_most)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of source around the place."""

    number: int | None
    text: str
    here: bool


@dataclass(frozen=True, slots=True)
class Place:
    """A frame of the stack."""

    where: str
    function: str
    line: int | None
    ours: bool
    source: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Stretch:
    """Frames that follow each other and are all ours, or all not."""

    ours: bool
    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Error:
    """One exception of the chain."""

    type: str
    value: str
    how: str
    stretches: tuple[Stretch, ...]
    left_out: int


@dataclass(frozen=True, slots=True)
class Crumb:
    """What happened before."""

    at: kept.Stamp | None
    category: str
    level: str
    said: str


@dataclass(frozen=True, slots=True)
class Story:
    """All that a page shows of an event."""

    message: str
    errors: tuple[Error, ...]
    crumbs: tuple[Crumb, ...]
    tags: tuple[tuple[str, str], ...]
    contexts: tuple[tuple[str, str], ...]


def told(event: Event) -> Story:
    """What there is to read; only an event in its settled form is sure to be told whole."""
    chain = [raised for raised in kept.exceptions(event) if raised.type or raised.value or raised.stacktrace]
    return Story(
        message=plainly(kept.words(event)),
        errors=tuple(_error(raised) for raised in chain[::-1][:RAISED_MAX]),
        crumbs=tuple(_crumb(crumb) for crumb in kept.crumbs(event)),
        tags=tuple(sorted((in_a_line(name, 80), in_a_line(value)) for name, value in kept.tags(event).items())),
        contexts=tuple((name, in_a_line(value)) for name, value in _contexts(event) if value),
    )


def _error(raised: Raised) -> Error:
    frames = (raised.stacktrace.frames if raised.stacktrace else [])[::-1]
    shown = frames[:FRAMES_MAX]
    anybody_says = any(frame.in_app is not None for frame in frames)
    places = [_place(frame, ours=bool(frame.in_app) or not anybody_says) for frame in shown]
    mechanism = raised.mechanism or kept.Mechanism()
    caught = {True: "caught", False: "not caught", None: ""}[mechanism.handled]
    return Error(
        type=in_a_line(raised.type or ""),
        value=plainly(raised.value or ""),
        how=", ".join(part for part in (in_a_line(mechanism.type or ""), caught) if part),
        stretches=tuple(Stretch(ours, tuple(run)) for ours, run in groupby(places, lambda place: place.ours)),
        left_out=len(frames) - len(shown),
    )


def _place(frame: Frame, *, ours: bool) -> Place:
    return Place(
        where=in_a_line(frame.filename or frame.module or frame.abs_path or "?", 300),
        function=in_a_line(frame.function or "?"),
        line=frame.lineno,
        ours=ours,
        source=tuple(_source(frame)),
    )


def _source(frame: Frame) -> list[Line]:
    if frame.context_line is None:
        return []
    before, after = frame.pre_context[-5:], frame.post_context[:5]
    first = frame.lineno - len(before) if frame.lineno is not None else None
    texts = [*before, frame.context_line, *after]
    return [
        Line(first + n if first is not None else None, plainly(text, 300), n == len(before))
        for n, text in enumerate(texts)
    ]


def _crumb(crumb: kept.Crumb) -> Crumb:
    data = crumb.data or kept.CrumbData()
    status = str(data.status_code) if data.status_code is not None else ""
    parts = (crumb.message, data.method, data.url or data.to, status)
    said = plainly(" ".join(part for part in parts if part), 500)
    return Crumb(crumb.timestamp, in_a_line(crumb.category or crumb.type or ""), in_a_line(crumb.level or ""), said)


def _contexts(event: Event) -> list[tuple[str, str]]:
    """Names and values of what surrounded it."""

    def version(found: kept.Version | None) -> str:
        return f"{found.name or ''} {found.version or ''}".strip() if found else ""

    contexts = event.contexts or kept.Contexts()
    trace = contexts.trace or kept.Trace()
    request = event.request or kept.Request()
    return [
        ("transaction", event.transaction or ""),
        ("request", f"{request.method or ''} {request.url or ''}".strip()),
        ("logger", event.logger or ""),
        ("platform", event.platform or ""),
        ("runtime", version(contexts.runtime)),
        ("browser", version(contexts.browser)),
        ("system", version(contexts.os)),
        ("SDK", version(event.sdk)),
        ("trace", trace.trace_id or ""),
        ("operation", trace.op or ""),
    ]
