"""Events as SDKs send them, for the tests of everything that reads them."""

from typing import Any

from monitoring.errors.decode import read
from monitoring.errors.event import Event
from monitoring.errors.scrub import scrub

SALT = b"only for tests"


def frame(module: str, function: str, in_app: bool | None = True, **more: Any) -> dict[str, Any]:
    return {
        "module": module,
        "filename": module.replace(".", "/") + ".py",
        "abs_path": "/home/somebody/" + module.replace(".", "/") + ".py",
        "function": function,
        "lineno": 10,
        "in_app": in_app,
        "pre_context": ["def f():"],
        "context_line": "    raise ValueError",
        "post_context": [""],
        **more,
    }


def error(kind: str = "ValueError", value: str = "bad", *frames: dict[str, Any], **more: Any) -> dict[str, Any]:
    raised = {
        "type": kind,
        "value": value,
        "mechanism": {"type": "generic", "handled": True},
        "stacktrace": {"frames": list(frames or [frame("django.core", "run", False), frame("signals.views", "call")])},
    }
    return {
        "event_id": "0123456789abcdef0123456789abcdef",
        "timestamp": "2026-03-01T12:00:00.000000Z",
        "platform": "python",
        "level": "error",
        "release": "icebreaker@1.2.34",
        "environment": "test",
        "exception": {"values": [raised]},
        **more,
    }


def settled(sent: dict[str, Any]) -> Event:
    """What our door makes of it."""
    import msgspec

    return scrub(read(msgspec.json.encode(sent), Event), SALT)
