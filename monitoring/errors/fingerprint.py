"""Which events are the same trouble: a pure function of an event, and versioned, since changing it regroups all."""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from monitoring.errors import event as kept
from monitoring.errors.event import Event, Frame, Raised

VERSION: Final = 1
_FRAMES_MAX: Final = 30


@dataclass(frozen=True, slots=True)
class Group:
    """What an event is grouped by, and the words that its issue is shown with."""

    key: str
    by: str  # explicit | stack | message
    type: str
    value: str
    culprit: str


_PLACEHOLDERS: Final = (
    (re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|`[^`]*`|“[^”]*”|‘[^’]*’|«[^»]*»"), "<text>"),
    (re.compile(r"\[(?:number|key|mail|\.\.\.)\]"), "<value>"),  # what scrub.py left
    (re.compile(r"[^\s@<>,;:]+@[^\s@<>,;:]+\.\w+"), "<mail>"),
    (re.compile(r"\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b"), "<id>"),
    (
        re.compile(
            r"\b\d{4}-\d\d?-\d\d?(?:[T ]\d\d?:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?\b"
            r"|\b\d\d?[./]\d\d?[./]\d{2,4}\b|\b\d\d?:\d\d(?::\d\d(?:[.,]\d+)?)?\b"
        ),
        "<date>",
    ),
    (re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b"), "<address>"),
    (re.compile(r"(?<![\w:])(?:[0-9a-fA-F]{0,4}:){3,7}[0-9a-fA-F]{0,4}(?![\w:])"), "<address>"),
    (re.compile(r"\b0x[0-9a-fA-F]+\b"), "<id>"),
    (re.compile(r"\b(?=[0-9a-fA-F]*\d)[0-9a-fA-F]{8,}\b"), "<id>"),
    (re.compile(r"(?<![A-Za-z_])[+-]?\d+(?:[.,]\d+)*(?:[eE][+-]?\d+)?(?![A-Za-z_])"), "<number>"),
    (re.compile(r"\d+"), "<number>"),
    (re.compile(r"\s+"), " "),
)
_HASHED: Final = re.compile(r"[.-][0-9a-f]{6,}(?=\.|$)|[.-](?=[A-Za-z0-9_]*\d)[A-Za-z0-9_]{8,}(?=\.m?js\b)")


def placeholders(message: str) -> str:
    """`message` with everything that changes from one time to the next made a placeholder."""
    for pattern, instead in _PLACEHOLDERS:
        message = pattern.sub(instead, message)
    return message.strip()


def group(event: Event) -> Group:
    """Where a settled event belongs."""
    chain = kept.exceptions(event)
    last = chain[-1] if chain else None
    is_message = last is None or (not last.type and not last.value)
    kind = "" if is_message or last is None else last.type or "Error"
    value = kept.words(event) if is_message or last is None else last.value or ""
    culprit = _culprit(event, last)
    how, parts = _components(kind, value, [] if is_message else _places(last))
    if event.fingerprint:
        how, parts = "explicit", _explicit(event.fingerprint, parts)
    key = sha256("\x00".join((how, *parts)).encode("utf-8", "replace")).hexdigest()[:32]
    title = kind or (event.logger or "Message")
    return Group(f"{VERSION}:{key}", how, title[:200], value[:1000], culprit[:300])


def _components(kind: str, value: str, places: list[str]) -> tuple[str, list[str]]:
    if kind and places:
        return "stack", [kind, *places]
    return "message", [kind, placeholders(value[:1000])]


def _explicit(said: list[str], usual: list[str]) -> list[str]:
    """The SDK's own fingerprint; `{{ default }}` stands for ours."""
    parts: list[str] = []
    for part in said:
        parts += ["default", *usual] if re.fullmatch(r"\{\{\s*default\s*\}\}", part) else [part]
    return parts


def _own(raised: Raised | None) -> list[Frame]:
    """The frames of the application; those of libraries come and go with their versions."""
    frames = raised.stacktrace.frames if raised and raised.stacktrace else []
    own = [frame for frame in frames if frame.in_app]
    return own or ([] if any(frame.in_app is False for frame in frames) else frames)


def _place(frame: Frame) -> str:
    module = frame.module or frame.filename or frame.abs_path or ""
    return f"{_HASHED.sub('', module)}:{frame.function or '?'}"


def _places(raised: Raised | None) -> list[str]:
    """Module and function of each, the deepest last; what calls itself counts once, however deep it went."""
    places: list[str] = []
    for frame in _own(raised)[-_FRAMES_MAX:]:
        place = _place(frame)
        if not places or places[-1] != place:
            places.append(place)
    return [] if all(place == ":?" for place in places) else places


def _culprit(event: Event, raised: Raised | None) -> str:
    own = _own(raised)
    if own:
        where = own[-1].module or own[-1].filename or "?"
        return f"{where} in {own[-1].function or '?'}"
    return event.transaction or event.logger or ""
