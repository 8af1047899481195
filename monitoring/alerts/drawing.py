"""A rule's number over time as a picture that needs no script: the line, its bounds, and below it the state."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby
from typing import Final, NamedTuple

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from monitoring.alerts.history import Point, Stretch

WIDTH: Final = 720
HEIGHT: Final = 160
STRIP: Final = 14


class Mark(NamedTuple):
    """A moment: a deploy, or something that somebody did."""

    at: datetime
    words: str


class Frame(NamedTuple):
    """The time and the values that the picture spans."""

    start: datetime
    end: datetime
    top: float

    def x(self, at: datetime) -> str:
        return f"{min(1.0, max(0.0, (at - self.start) / (self.end - self.start))) * WIDTH:.1f}"

    def y(self, value: float) -> str:
        return f"{HEIGHT - min(1.0, max(0.0, value / self.top)) * HEIGHT:.1f}"


def frame(start: datetime, end: datetime, points: Sequence[Point], bounds: Iterable[float]) -> Frame:
    values = [point.value for point in points if point.value is not None]
    return Frame(start, end, 1.1 * max([*values, *bounds], default=1.0) or 1.0)


class Picture(NamedTuple):
    """What is drawn. `words` says it to whoever can't see it."""

    fitted: Frame
    points: Sequence[Point]
    stretches: Sequence[Stretch]
    marks: Sequence[Mark]
    bounds: tuple[float, float]  # the threshold and the lower bound
    words: str


def svg(picture: Picture) -> SafeString:
    fitted = picture.fitted
    return format_html(
        '<svg class="watched" viewBox="0 0 {} {}" role="img" aria-label="{}" preserveAspectRatio="none">{}{}{}{}</svg>',
        *(WIDTH, HEIGHT + STRIP + 4, picture.words),
        _bounds(fitted, picture.bounds),
        _line(fitted, picture.points),
        _strip(fitted, picture.stretches),
        _marks(fitted, picture.marks),
    )


def _bounds(fitted: Frame, bounds: tuple[float, float]) -> SafeString:
    return format_html_join(
        "",
        '<line class="{0}" x1="0" x2="{1}" y1="{2}" y2="{2}"/>',
        ((name, WIDTH, fitted.y(value)) for name, value in zip(("over", "clear"), bounds, strict=True)),
    )


def _line(fitted: Frame, points: Sequence[Point]) -> SafeString:
    """One stroke for each stretch in which the number was known; a single point is a dot."""
    parts = [list(part) for known, part in groupby(points, lambda p: p.value is not None) if known]
    strokes = (
        " ".join(f"{fitted.x(p.at)},{fitted.y(p.value or 0.0)}" for p in (part if len(part) > 1 else part * 2))
        for part in parts
    )
    return format_html_join("", '<polyline points="{}"/>', ((stroke,) for stroke in strokes))


def _strip(fitted: Frame, stretches: Sequence[Stretch]) -> SafeString:
    return format_html_join(
        "",
        '<rect class="phase-{}" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>',
        (
            (
                stretch.phase,
                fitted.x(stretch.from_at),
                HEIGHT + 4,
                f"{max(1.0, float(fitted.x(stretch.to_at)) - float(fitted.x(stretch.from_at))):.1f}",
                STRIP,
                f"{stretch.phase.replace('_', ' ')} from {stretch.from_at:%H:%M:%S} to {stretch.to_at:%H:%M:%S}",
            )
            for stretch in stretches
        ),
    )


def _marks(fitted: Frame, marks: Sequence[Mark]) -> SafeString:
    return format_html_join(
        "",
        '<g class="mark"><line x1="{0}" x2="{0}" y1="0" y2="{1}"/><title>{2}</title></g>',
        ((fitted.x(mark.at), HEIGHT + STRIP + 4, f"{mark.words}, {mark.at:%H:%M:%S}") for mark in marks),
    )
