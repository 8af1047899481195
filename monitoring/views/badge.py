"""A badge to put elsewhere: what it is about, and how it stands, in words and colour."""

from __future__ import annotations

from typing import Final
from xml.sax.saxutils import escape

COLOURS: Final = {  # each at least 4.5:1 against white
    "up": "#1b7a3d",
    "slow": "#8a5a00",
    "down": "#b3261e",
    "maintenance": "#3a5a9b",
    "drill": "#3a5a9b",
    "unknown": "#5c5c5c",
}
CHARACTER_PX: Final = 6.6  # of the font at 11 px, on average; textLength sets it exactly
PADDING_PX: Final = 12
FONT: Final = "Verdana,DejaVu Sans,sans-serif"


def _width(text: str) -> int:
    return round(len(text) * CHARACTER_PX) + PADDING_PX


def drawn(state: str, share: float | None, name: str = "Icebreaker") -> str:
    """As SVG; `share` is the uptime of 30 days, 0 to 1, shown rounded down."""
    says = state if share is None else f"{state} · {int(share * 10_000) / 100:.2f} %"
    left, right = _width(name), _width(says)
    parts = [(name, "#3d3d3d", 0, left), (says, COLOURS[state], left, right)]
    boxes = "".join(f'<rect x="{x}" width="{w}" height="20" fill="{colour}"/>' for _, colour, x, w in parts)
    texts = "".join(
        f'<text x="{x + w / 2:g}" y="14" textLength="{w - PADDING_PX}">{escape(text)}</text>' for text, _, x, w in parts
    )
    label = escape(f"{name}: {says}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="20" role="img" aria-label="{label}">'
        f'<title>{label}</title>{boxes}<g fill="#fff" text-anchor="middle" font-family="{FONT}" font-size="11">'
        f"{texts}</g></svg>"
    )
