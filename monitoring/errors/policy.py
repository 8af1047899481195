"""What a browser says when our content policy stopped something, as an event."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from monitoring.errors import scrub
from monitoring.errors.envelope import Malformed
from monitoring.errors.event import Event, Request

REPORTS_MAX: Final = 20


def policy_events(data: bytes) -> list[Event]:
    """The reports in either form: one `csp-report`, or a list of the Reporting API. Raises Malformed."""
    try:
        found = msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise Malformed("the report is no JSON") from None
    if isinstance(found, dict) and isinstance(found.get("csp-report"), dict):
        return [_event({name.replace("-", "_"): value for name, value in found["csp-report"].items()})]
    if isinstance(found, list):
        bodies = [one.get("body") for one in found[:REPORTS_MAX] if isinstance(one, dict)]
        return [_event(_snake(body)) for body in bodies if isinstance(body, dict)]
    raise Malformed("this is no report of a content policy")


def _snake(body: dict[str, Any]) -> dict[str, Any]:
    """The Reporting API's names in the older form."""
    names = {
        "effectiveDirective": "effective_directive",
        "blockedURL": "blocked_uri",
        "documentURL": "document_uri",
        "disposition": "disposition",
    }
    return {names[name]: value for name, value in body.items() if name in names}


def _event(report: dict[str, Any]) -> Event:
    directive = _text(report.get("effective_directive") or report.get("violated_directive")).split(" ")[0] or "unknown"
    blocked = _origin(_text(report.get("blocked_uri")))
    return Event(
        level="warning",
        platform="other",
        logger="csp",
        message=f"Blocked {directive} from {blocked}",
        fingerprint=["csp", directive, blocked],
        request=Request(url=scrub.url(_text(report.get("document_uri"))) or None),
        tags={"directive": directive, "disposition": _text(report.get("disposition")) or "enforce"},
    )


def _text(value: object) -> str:
    return value[:500] if isinstance(value, str) else ""


def _origin(uri: str) -> str:
    """Where it came from, without a path; `inline`, `eval` and the like stay."""
    try:
        parts = urlsplit(uri)
        return f"{parts.scheme}://{parts.hostname}" if parts.hostname else parts.scheme or uri[:40] or "unknown"
    except ValueError:
        return "unknown"
