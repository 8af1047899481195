"""How pages about errors write what came from outside."""

from __future__ import annotations

from django import template

from monitoring.errors.event import Stamp
from monitoring.errors.sent import moment as parsed
from monitoring.errors.story import in_a_line

register = template.Library()


@register.filter
def oneline(text: str) -> str:
    """A short text in one line with everything unseen spelt out; still to be escaped."""
    return in_a_line(text, 80)


@register.filter
def moment(stamp: Stamp | None) -> str:
    """A sender's point in time, to the second; empty when it is none."""
    at = parsed(stamp)
    return f"{at:%Y-%m-%d %H:%M:%S}" if at else ""
