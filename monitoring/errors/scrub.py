"""What must never be kept is taken out: coordinates, addresses, tokens, contacts, cookies.

Fields are chosen in event.py; here the texts that remain are read for what people's data look like. The same
functions run in our own SDK before anything is sent, and at our door before anything is written.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from hashlib import blake2b
from ipaddress import ip_address
from typing import Any, Final

from monitoring.errors import event as kept
from monitoring.errors.event import Event, Frame, Stack, StreamedSpan

TEXT_MAX: Final = 4000
LINE_MAX: Final = 300
NAME_MAX: Final = 200
TAGS_MAX: Final = 50
BLANK: Final = "[...]"

# Texts that were read and had nothing in them; what had something is never remembered.
_KNOWN_MAX: Final = 20_000
_harmless_lines: set[str] = set()
_harmless_texts: set[str] = set()

_NUMBERS: Final = re.compile(
    r"(?<![\w.])[+-]?\d{1,3}[.,]\d{1,30}°?[,;/ \t]{1,3}[+-]?\d{1,3}[.,]\d{1,30}(?![\w.])"  # a pair of decimals
    r"|(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?(?![\w.])"  # IPv4
    r"|(?<![\w.])[+-]?\d{1,3}\.\d{3,}(?![\w.])"  # one decimal, exact enough for a place
    r"|(?<![\w.])\+?\(?\d[\d /()-]{7,}\d(?!\w)"  # a telephone
)
_LEAD: Final = re.compile(r"\d[\d.,/() :-]{3,}\d")  # no match here, no match above
_MAIL: Final = re.compile(r"[^\s@<>\"'(),;:]{1,64}@[^\s@<>\"'(),;:]{1,250}\.\w{2,}")
_SIX: Final = re.compile(r"(?<![\w:.])[0-9a-fA-F]{0,4}(?::[0-9a-fA-F]{0,4}){2,8}(?:\.\d{1,3}){0,3}(?![\w:])")
_OPAQUE: Final = re.compile(r"[A-Za-z0-9_-]{24,}(?:\.[A-Za-z0-9_-]+)*")
_WEB_TOKEN: Final = re.compile(r"\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_.-]+")
_LONG: Final = re.compile(r"[A-Za-z0-9_-]{24}")
_USERINFO: Final = re.compile(r"(://)[^\s/@\"']+@")
_QUERY: Final = re.compile(r"(://[^\s?#\"'<>]*|(?<![\w/])/[\w./-]+)[?#][^\s\"'<>]+")
_NAMED: Final = re.compile(
    r"(?i)([\w-]*(?:token|secret|passw(?:or)?d|authori[sz]ation|cookie|api[_-]?key|session[_-]?key|latitude|longitude"
    r"|\blat|\blng|\blon|e?mail|phone|contact)[\"']?[ \t]*[=:][ \t]*)(?:(?:bearer|basic|sentry)[ \t]+)?"
    r"(?:\"[^\"]*\"|'[^']*'|[^\s\"',;&)}\]]+)"
)
_BEARER: Final = re.compile(r"(?i)\b(bearer|basic)[ \t]+[A-Za-z0-9._~+/=-]{6,}")

_UNUSUAL: Final = re.compile(r"[^\w.@+/-]")

_SECRET_PARTS: Final = (
    "token", "secret", "password", "passwd", "cookie", "authorization", "apikey", "email", "phone", "contact",
    "latitude", "longitude", "coord", "address", "location",
)  # fmt: skip
_SECRET_NAMES: Final = frozenset(
    ("lat", "lng", "lon", "ip", "text", "body", "message", "chat", "key", "auth", "position", "place", "mail", "user")
)


@lru_cache(maxsize=1024)
def is_secret(name: str) -> bool:
    """Whether what stands under this name is not ours to keep, whatever it looks like."""
    plain = re.sub(r"[^a-z]", "", name.lower())
    return plain in _SECRET_NAMES or any(part in plain for part in _SECRET_PARTS)


def text(found: str) -> str:
    """A text of people or programs, without what looks private in it."""
    if found in _harmless_texts:
        return found
    cleaned = code(found)
    if "=" in cleaned or ":" in cleaned:
        cleaned = _NAMED.sub(rf"\1{BLANK}", cleaned)
    cleaned = _BEARER.sub(rf"\1 {BLANK}", cleaned)
    if cleaned == found and len(found) <= LINE_MAX:
        _remember(_harmless_texts, found)
    return cleaned


def code(found: str) -> str:
    """The same for a line of source, where `token = read()` says nothing about anybody."""
    if "\x00" in found:
        found = found.replace("\x00", "")
    if "://" in found or "?" in found:
        found = _USERINFO.sub(rf"\1{BLANK}@", found)
        found = _QUERY.sub(rf"\1?{BLANK}", found)
    if "@" in found:
        found = _MAIL.sub("[mail]", found)
    if _LEAD.search(found):
        found = _NUMBERS.sub("[number]", found)
    if found.count(":") > 1:
        found = _SIX.sub(_six, found)
    if "eyJ" in found:
        found = _WEB_TOKEN.sub("[key]", found)
    if len(found) >= 24 and _LONG.search(found):
        found = _OPAQUE.sub(_opaque, found)
    return found


def _six(match: re.Match[str]) -> str:
    try:
        is_address = any(c.isdigit() for c in match[0]) and ip_address(match[0])
        return "[number]" if is_address else match[0]  # `d::e` would be one too, but is rather a name
    except ValueError:
        return match[0]


def _opaque(match: re.Match[str]) -> str:
    """A long word with digits in it, or of mixed case without a gap, is a key; one of plain letters is a name."""
    word = match[0]
    return "[key]" if any(c.isdigit() for c in word) else word


def mark(said: str, salt: bytes) -> str:
    """Who was hit, so that different people can be counted and none be found."""
    return blake2b(said.encode("utf-8", "replace"), key=salt[:64], digest_size=8).hexdigest()


def url(found: str | None) -> str | None:
    """Where, without what was asked there, by whom, and with which key in the path."""
    return None if found is None else code(_USERINFO.sub(r"\1", re.split(r"[?#]", found, maxsplit=1)[0]))[:500]


def tags(found: dict[str, str]) -> dict[str, str]:
    """Short texts by short names; the id of a session is the one long word that may stay, as our own tag."""
    given = list(found.items())[:TAGS_MAX]
    return {
        name[:NAME_MAX]: BLANK
        if is_secret(name)
        else value[:NAME_MAX]
        if name == "sessionId"
        else text(value)[:NAME_MAX]
        for name, value in given
    }


def scrub(event: Event, salt: bytes) -> Event:
    """`event` in its settled form with everything private taken out; it is changed in place and given back."""
    kept.settle(event)
    _who(event, salt)
    _names(event)
    _messages(event)
    if event.request:
        event.request.url = url(event.request.url)
    for crumb in event.breadcrumbs.values if isinstance(event.breadcrumbs, kept.Crumbs) else ():
        crumb.message = _short(crumb.message, TEXT_MAX)
        if crumb.data:
            crumb.data.url, crumb.data.to = url(crumb.data.url), url(crumb.data.to)
    for span in event.spans or ():
        span.description = _short(span.description, NAME_MAX)
    _sources(event)
    return event


def _who(event: Event, salt: bytes) -> None:
    found = kept.tags(event)
    who = found.get("sessionId") or (event.user.id if event.user else None)
    event.user = kept.User(mark(str(who), salt)) if who not in (None, "") else None
    event.tags = dict(tags(found)) or None


def _names(event: Event) -> None:
    event.transaction, event.logger = _short(event.transaction, NAME_MAX), _short(event.logger, NAME_MAX)
    for name in ("release", "dist", "environment", "level", "platform"):  # `app@1.2.34` is no mail address
        found = getattr(event, name)
        if found:
            setattr(event, name, _UNUSUAL.sub("", found)[:NAME_MAX])
    if event.fingerprint:
        event.fingerprint = [text(part)[:NAME_MAX] for part in event.fingerprint[:20]]


def _messages(event: Event) -> None:
    for entry in (event.logentry, event.message):
        if isinstance(entry, kept.LogEntry):
            entry.message, entry.formatted = _short(entry.message, TEXT_MAX), _short(entry.formatted, TEXT_MAX)
    if isinstance(event.message, str):
        event.message = text(event.message[:TEXT_MAX])
    for raised in kept.exceptions(event):
        raised.type, raised.value = _short(raised.type, NAME_MAX), _short(raised.value, TEXT_MAX)
    feedback = event.contexts.feedback if event.contexts else None
    if feedback:
        feedback.message = _short(feedback.message, TEXT_MAX)


def _short(found: str | None, longest: int) -> str | None:
    return text(found[:longest]) if found else found


def _sources(event: Event) -> None:
    """Source lines are most of an event, and nearly all were seen before: only new ones are read."""
    frames = [frame for raised in kept.exceptions(event) for frame in _frames(raised.stacktrace)]
    lines: list[str] = []
    for frame in frames:
        frame.abs_path = None if frame.filename else url(frame.abs_path)  # a machine's own paths are nobody's business
        if (
            frame.filename
            and frame.filename not in _harmless_lines
            and ("?" in frame.filename or "@" in frame.filename or "#" in frame.filename)
        ):
            frame.filename = url(frame.filename)
        lines += (frame.filename or "", frame.module or "", frame.function or "", frame.context_line or "")
        lines += frame.pre_context
        lines += frame.post_context
    if not _harmless_lines.issuperset(lines):
        _back(frames, [_line(line) for line in lines])


def _line(line: str) -> str:
    if line in _harmless_lines:
        return line
    cleaned = code(line[:LINE_MAX])
    if cleaned == line:
        _remember(_harmless_lines, line)
    return cleaned


def _remember(known: set[str], harmless: str) -> None:
    if len(known) >= _KNOWN_MAX:
        known.clear()
    known.add(harmless)


def _frames(stack: Stack | None) -> Iterable[Frame]:
    return stack.frames if stack else ()


def _back(frames: list[Frame], lines: list[str]) -> None:
    rest = iter(lines)
    for frame in frames:
        frame.filename, frame.module, frame.function = next(rest) or None, next(rest) or None, next(rest) or None
        line = next(rest)
        frame.context_line = line if frame.context_line is not None else None
        frame.pre_context = [next(rest) for _ in frame.pre_context]
        frame.post_context = [next(rest) for _ in frame.post_context]


_ATTRIBUTES: Final = frozenset(
    (
        "sentry.op",
        "sentry.origin",
        "sentry.release",
        "sentry.environment",
        "sentry.segment.name",
        "sentry.sdk.name",
        "sentry.sdk.version",
        "http.request.method",
        "http.response.status_code",
    )
)


def span(found: StreamedSpan) -> StreamedSpan:
    """A streamed span with its name read and its attributes cut down to the known harmless ones."""
    found.name = _short(found.name and found.name[:NAME_MAX], NAME_MAX)
    known: dict[str, Any] = {}
    for name in _ATTRIBUTES & found.attributes.keys():
        value = found.attributes[name]
        value = value.get("value") if isinstance(value, dict) else value
        if isinstance(value, str | int | float | bool):
            known[name] = text(value[:NAME_MAX]) if isinstance(value, str) else value
    found.attributes = known
    return found


def plain(found: kept.Kept) -> kept.Kept:
    """A record of numbers, ids and short names, each text in it read; changed in place and given back."""
    for name in found.__struct_fields__:
        value = getattr(found, name)
        if isinstance(value, str):
            setattr(found, name, _UNUSUAL.sub("", value)[:NAME_MAX] if name in _SHORT else text(value)[:TEXT_MAX])
        elif isinstance(value, kept.Kept):
            plain(value)
        elif isinstance(value, list):
            setattr(found, name, value[:_LIST_MAX])
            for one in value[:_LIST_MAX]:
                plain(one)
    return found


_LIST_MAX: Final = 1000
_SHORT: Final = frozenset(
    ("release", "environment", "status", "sid", "event_id", "check_in_id", "monitor_slug", "reason", "category")
)
