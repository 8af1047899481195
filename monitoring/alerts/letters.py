"""What a mail looks like: the same words as text and as HTML that a phone shows well. Escaped, no images."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Final, NamedTuple

SUBJECT_MAX: Final = 150
_UNSEEN: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")


class Letter(NamedTuple):
    """A mail as it is sent."""

    subject: str
    text: str
    html: str


class Link(NamedTuple):
    words: str
    url: str
    button: bool = False  # the one thing to do


@dataclass(frozen=True, slots=True)
class Block:
    """A heading with what belongs to it: sentences, rows of a small table, links."""

    heading: str = ""
    sentences: Sequence[str] = ()
    rows: Sequence[tuple[str, str]] = ()
    links: Sequence[Link] = field(default_factory=tuple)
    colour: str = "#334155"


def one_line(text: str, most: int = SUBJECT_MAX) -> str:
    """Text from elsewhere as one line: no line break, no control character, nothing that turns the direction."""
    clean = " ".join(_UNSEEN.sub(" ", text).split())
    return clean if len(clean) <= most else f"{clean[: most - 3].rstrip()}..."


def letter(subject: str, blocks: Sequence[Block], footer: str) -> Letter:
    """The mail of these blocks."""
    return Letter(one_line(subject), _text(blocks, footer), _html(one_line(subject), blocks, footer))


def _text(blocks: Sequence[Block], footer: str) -> str:
    parts: list[str] = []
    for block in blocks:
        heading = one_line(block.heading)
        lines = [heading, "=" * len(heading)] if heading else []
        lines += [one_line(sentence, 1000) for sentence in block.sentences]
        lines += [f"{name}: {one_line(value, 1000)}" for name, value in block.rows]
        lines += [f"{link.words}:\n{link.url}" for link in block.links]
        parts.append("\n".join(lines))
    return "\n\n".join([*parts, f"-- \n{footer}"]) + "\n"


def _html(title: str, blocks: Sequence[Block], footer: str) -> str:
    body = "".join(_block(block) for block in blocks)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light">'
        f"<title>{escape(title)}</title></head>"
        '<body style="margin:0;background:#f1f5f9;color:#0f172a;'
        'font:16px/1.5 system-ui,-apple-system,Segoe UI,Roboto,Helvetica,Arial,sans-serif">'
        f'<div style="max-width:560px;margin:0 auto;padding:16px">{body}'
        f'<p style="margin:16px 4px;font-size:13px;color:#475569">{escape(footer)}</p></div></body></html>'
    )


def _block(block: Block) -> str:
    parts = []
    if block.heading:
        parts.append(
            f'<h2 style="margin:0 0 8px;font-size:18px;line-height:1.3">{escape(one_line(block.heading))}</h2>'
        )
    parts += [f'<p style="margin:0 0 8px">{escape(one_line(sentence, 1000))}</p>' for sentence in block.sentences]
    if block.rows:
        rows = "".join(
            '<tr><th style="padding:2px 12px 2px 0;text-align:left;vertical-align:top;font-weight:400;color:#475569">'
            f'{escape(name)}</th><td style="padding:2px 0;vertical-align:top;word-break:break-word">'
            f"{escape(one_line(value, 1000))}</td></tr>"
            for name, value in block.rows
        )
        parts.append(f'<table role="presentation" style="border-collapse:collapse;margin:0 0 8px">{rows}</table>')
    parts += [_button(link) for link in block.links if link.button]
    if plain := [_plain(link) for link in block.links if not link.button]:
        parts.append(f'<p style="margin:8px 0 0">{" &middot; ".join(plain)}</p>')
    return (
        f'<div style="background:#ffffff;border:1px solid #cbd5e1;border-left:6px solid {block.colour};'
        f'border-radius:6px;padding:16px;margin:0 0 12px">{"".join(parts)}</div>'
    )


def _button(link: Link) -> str:
    return (
        f'<p style="margin:12px 0"><a href="{escape(link.url)}" style="display:block;background:#1d4ed8;color:#ffffff;'
        "text-align:center;text-decoration:none;font-weight:600;padding:14px;border-radius:6px"
        f'">{escape(link.words)}</a></p>'
    )


def _plain(link: Link) -> str:
    return f'<a href="{escape(link.url)}" style="color:#1d4ed8;padding:6px 0">{escape(link.words)}</a>'
