"""One line of JSON for an error that no store took: which, of what kind, where, in which release; never its words."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping
from pathlib import PurePath
from traceback import walk_tb
from typing import Any, Final

PLACES: Final = 3
TAGS: Final = ("component", "message.type", "sessionId", "connectionCount", "route")


def of_error(error: BaseException, release: str, environment: str, tags: Mapping[str, str]) -> str:
    """The line of an exception."""
    frames = [(f.f_code, number) for f, number in walk_tb(error.__traceback__)]
    places = [_place(code.co_filename, number, code.co_name) for code, number in frames[-PLACES:]]
    return _line(uuid.uuid4().hex, type(error).__name__, places, release, environment, tags)


def of_event(event: Mapping[str, Any]) -> str:
    """The same of an event that the SDK made; it may have any form."""
    raised = _last(_dict(event.get("exception")).get("values"))
    frames = _dict(raised.get("stacktrace")).get("frames")
    frames = [_dict(frame) for frame in frames] if isinstance(frames, list) else []
    own = [frame for frame in frames if frame.get("in_app")] or frames
    places = [_place(str(f.get("filename")), f.get("lineno"), str(f.get("function"))) for f in own[-PLACES:]]
    kind, number = str(raised.get("type") or "message"), str(event.get("event_id") or "")
    release, environment = str(event.get("release") or ""), str(event.get("environment") or "")
    return _line(number, kind, places, release, environment, _dict(event.get("tags")))


def _line(  # noqa: PLR0913, PLR0917 - what stands in it
    number: str, kind: str, places: Iterable[str], release: str, environment: str, tags: Mapping[str, Any]
) -> str:
    return json.dumps(
        {
            "event": number,
            "type": kind,
            "where": list(places),
            "release": release,
            "environment": environment,
            "tags": {name: str(tags[name]) for name in TAGS if name in tags},
        }
    )


def _place(path: str, number: object, function: str) -> str:
    return f"{PurePath(path).name}:{number} {function}"


def _dict(found: Any) -> dict[str, Any]:
    return found if isinstance(found, dict) else {}


def _last(found: Any) -> dict[str, Any]:
    return _dict(found[-1]) if isinstance(found, list) and found else {}
