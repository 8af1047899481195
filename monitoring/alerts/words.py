"""What an alert says, in figures and plain words; the same in mails and on pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from monitoring.alerts.letters import Block, Letter, Link, letter, one_line
from monitoring.alerts.rules import Condition, Kind, Rule, Severity

COLOURS: Final = {Severity.CRITICAL: "#b91c1c", Severity.WARNING: "#b45309"}
OVER: Final = "#15803d"
SHOWN: Final = 10  # alerts in one mail; the others are counted
FORMS: Final = {  # places after the point, and what follows
    Kind.RATE: (1, " a minute"),
    Kind.COUNT: (0, ""),
    Kind.LEFT: (1, " days"),
    Kind.LEVEL: (2, ""),
}
_LISTED: Final = 5


@dataclass(frozen=True, slots=True)
class Happened:
    """One alert, as whoever reads of it has to know it."""

    rule: Rule
    title: str
    began_at: datetime
    fired_at: datetime
    resolved_at: datetime | None
    value: float | None
    peak: float | None
    samples: int
    detail: str
    release: str
    acknowledged: str  # by whom and when; empty: by nobody
    news: Sequence[str]  # what is new, by its title
    news_count: int
    back_since: datetime | None  # when the same had ended shortly before
    url: str
    runbook_url: str
    dashboard_url: str


def figure(condition: Condition, value: float | None) -> str:
    """A value as its rule measures it."""
    if value is None:
        return "unknown"
    if condition.kind is Kind.AGE:
        return duration(timedelta(seconds=value))
    is_share = condition.kind is Kind.SHARE or condition.source.endswith(".used")
    places, unit = (1, " %") if is_share else FORMS[condition.kind]
    return f"{_short(100 * value if is_share else value, places)}{unit}"


def _short(value: float, places: int) -> str:
    """No more places than needed."""
    said = f"{value:.{places}f}"
    return said.rstrip("0").rstrip(".") if places else said


def limit(condition: Condition) -> str:
    """The threshold, in words."""
    side = "at least" if condition.kind is Kind.LEFT else "at most"
    return f"{side} {figure(condition, condition.over)}"


def sentence(condition: Condition, value: float | None, samples: int) -> str:
    """What was measured, against what is allowed."""
    said = figure(condition, value)
    if condition.kind is Kind.SHARE:
        said = f"{said} of {samples} samples took over {condition.edge_ms / 1000:g} s"
    return f"{said} (allowed: {limit(condition)})"


def duration(span: timedelta) -> str:
    """A length of time with its two largest units."""
    seconds = max(0, round(span.total_seconds()))
    for size, unit, smaller, small in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if seconds >= size:
            rest = seconds % size // smaller
            return f"{seconds // size} {unit} {rest} {small}" if rest else f"{seconds // size} {unit}"
    return f"{seconds} s"


def stamp(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def subject(kind: str, alerts: Sequence[Happened], *, drill: bool) -> str:
    """One line that says what it is about before the mail is opened."""
    first = next((a for a in alerts if a.rule.severity is Severity.CRITICAL), alerts[0])
    level = first.rule.severity.value.capitalize()
    ended = all(a.resolved_at for a in alerts)
    word = {
        "fired": "Over already" if ended else level,
        "more": f"{level}, more",
        "reminder": f"{level}, still",
        "escalation": f"{level}, nobody has answered",
        "resolved": "Over",
    }[kind]
    more = f" and {len(alerts) - 1} more" if len(alerts) > 1 else ""
    return one_line(f"{'[DRILL] ' if drill else ''}[Icebreaker] {word}: {first.title}{more}")


def mail(  # noqa: PLR0913 - what a mail is made of
    kind: str, alerts: Sequence[Happened], *, now: datetime, drill: bool, acknowledge_url: str, footer: str
) -> Letter:
    """The mail about these alerts. Raises ValueError without any."""
    if not alerts:
        raise ValueError("a mail is about something")
    blocks = [_opening(kind, alerts, drill, acknowledge_url)]
    blocks += [_about(alert, now) for alert in alerts[:SHOWN]]
    if len(alerts) > SHOWN:
        blocks.append(Block(f"And {len(alerts) - SHOWN} more", [alert.title for alert in alerts[SHOWN : 2 * SHOWN]]))
    return letter(subject(kind, alerts, drill=drill), [b for b in blocks if b.sentences or b.rows or b.links], footer)


def _opening(kind: str, alerts: Sequence[Happened], drill: bool, acknowledge_url: str) -> Block:
    sentences = ["This is a drill: the trouble is made on purpose, everything else is real."] if drill else []
    if kind == "escalation":
        sentences.append("Nobody has answered for five minutes. Somebody has to look at it now.")
    waiting = any(a.resolved_at is None and not a.acknowledged for a in alerts)
    links = [Link("I have it", acknowledge_url, button=True)] if waiting and acknowledge_url else []
    return Block(sentences=sentences, links=links)


def _about(alert: Happened, now: datetime) -> Block:
    condition = alert.rule.condition
    rows = [("Now" if alert.resolved_at is None else "Last", sentence(condition, alert.value, alert.samples))]
    if alert.peak is not None and alert.peak != alert.value:
        rows.append(("Worst", figure(condition, alert.peak)))
    rows += _times(alert, now)
    rows += [(name, said) for name, said in (("Where", alert.detail), ("Release", alert.release)) if said]
    if alert.acknowledged:
        rows.append(("Answered", alert.acknowledged))
    links = [Link("What to do", alert.runbook_url), Link("Alert", alert.url), Link("Dashboard", alert.dashboard_url)]
    colour = OVER if alert.resolved_at else COLOURS[alert.rule.severity]
    return Block(alert.title, _news(alert), rows, links, colour)


def _times(alert: Happened, now: datetime) -> list[tuple[str, str]]:
    rows = [("Since", f"{stamp(alert.began_at)} ({duration((alert.resolved_at or now) - alert.began_at)})")]
    if alert.resolved_at:
        rows.append(("Over", f"{stamp(alert.resolved_at)}"))
    if alert.back_since:
        rows.append(("Before", f"It was over at {stamp(alert.back_since)}, and is back."))
    return rows


def _news(alert: Happened) -> list[str]:
    listed = [one_line(title, 200) for title in alert.news[:_LISTED]]
    rest = alert.news_count - len(listed)
    return [*listed, f"And {rest} more."] if listed and rest > 0 else listed
