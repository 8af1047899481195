"""How the status page writes shares, spans of time and bars."""

from __future__ import annotations

from datetime import timedelta

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from monitoring.uptime.page import Day, Hour

register = template.Library()
BAR_PX, GAP_PX, TALL_PX = 6, 2, 40


@register.filter
def share(value: float | None) -> str:
    """0.99951 as 99.951 %; rounded down, so that nothing less is called 100 %."""
    if value is None:
        return "not watched"
    return "100 %" if value >= 1 else f"{int(value * 100_000) / 1000:.3f} %"


@register.filter
def spoken(age: timedelta) -> str:
    """A span of time in words, roughly."""
    minutes = int(age.total_seconds() // 60)
    for size, unit in ((1440, "day"), (60, "hour"), (1, "minute")):
        if minutes >= size:
            n = minutes // size
            return f"{n} {unit}{'s' if n > 1 else ''}"
    return "less than a minute"


def _sort(day: Day) -> str:
    if day.share is None:
        return "unknown"
    return "up" if day.share >= 1 else "down" if day.share < 0.99 else "part"


def _says(day: Day) -> str:
    if day.share is None:
        return f"{day.day}: not watched"
    return f"{day.day}: {share(day.share)}" + (f", {day.down_minutes} min down" if day.down_minutes else "")


@register.simple_tag
def holed(days: list[Day]) -> list[Day]:
    """Those that were watched and not up for the whole of it."""
    return [day for day in days if day.share is not None and day.share < 1]


@register.simple_tag
def bars(days: list[Day]) -> SafeString:
    """Ninety days, one bar each; what was down is lower as well as another colour."""
    step = BAR_PX + GAP_PX
    height = {"up": TALL_PX, "part": TALL_PX * 0.7, "down": TALL_PX * 0.4, "unknown": TALL_PX * 0.15}
    drawn = format_html_join(
        "",
        '<rect class="{}" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>',
        (
            (_sort(day), n * step, TALL_PX - height[_sort(day)], BAR_PX, height[_sort(day)], _says(day))
            for n, day in enumerate(days)
        ),
    )
    bad = holed(days)
    label = f"{len(days)} days, {len(bad)} of them with an outage" if bad else f"{len(days)} days without an outage"
    return format_html(
        '<svg class="bars" viewBox="0 0 {} {}" role="img" aria-label="{}" preserveAspectRatio="none">{}</svg>',
        len(days) * step - GAP_PX,
        TALL_PX,
        label,
        drawn,
    )


@register.filter
def between(hours: list[Hour]) -> str:
    """The lowest and the highest middle answer, in words."""
    known = [hour.median_ms for hour in hours if hour.median_ms is not None]
    ends = list(dict.fromkeys(f"{end:.0f}" for end in (min(known), max(known)))) if known else []
    return f"{' to '.join(ends)} ms" if ends else ""


@register.simple_tag
def line(hours: list[Hour]) -> SafeString:
    """The middle answer of each hour as bars from zero, with gaps where nobody asked."""
    known = [hour.median_ms for hour in hours if hour.median_ms is not None]
    if not known:
        return SafeString("")
    top, step = max(known) * 1.1 or 1, BAR_PX + GAP_PX
    drawn = format_html_join(
        "",
        '<rect class="took" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>',
        (
            (
                n * step,
                round(TALL_PX * (1 - hour.median_ms / top), 2),
                BAR_PX,
                round(TALL_PX * hour.median_ms / top, 2),
                f"{hour.from_at:%H:%M} UTC: {hour.median_ms:.0f} ms, slowest {hour.slowest_ms:.0f} ms",
            )
            for n, hour in enumerate(hours)
            if hour.median_ms is not None
        ),
    )
    return format_html(
        '<svg class="bars" viewBox="0 0 {} {}" role="img" aria-label="Response times of the last {} hours: '
        'between {} and {} milliseconds" preserveAspectRatio="none">{}</svg>',
        len(hours) * step - GAP_PX,
        TALL_PX,
        len(hours),
        f"{min(known):.0f}",
        f"{max(known):.0f}",
        drawn,
    )
