"""A service in miniature, played from a scenario file with a clock of its own, through everything real that alerts go.

Measures, probes, issues and heartbeats are written as the processes would write them; evaluation, outbox and incidents
run when the watch process would run them. Only the clock and the mail server are made up.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

from monitoring.alerts import actions, evaluate, outbox, story
from monitoring.drills import record as drills
from monitoring.drills.effects import PROBED
from monitoring.drills.effects import Kind as DrillKind
from monitoring.metrics import store
from monitoring.metrics.histogram import Histogram
from monitoring.models import (
    Alert,
    Issue,
    IssueTransition,
    Maintenance,
    Measure,
    Monitor,
    OutboxMail,
    Project,
    Recipient,
)
from monitoring.uptime import record
from monitoring.uptime.outage import Answer
from monitoring.uptime.probe import Seen
from signals import telemetry

FOLDER = Path(__file__).resolve().parents[2] / "scenarios"
T0 = datetime(2026, 1, 5, 12, tzinfo=UTC)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
TICK = 5 * SECOND
SLOT_S = 10
BEFORE = 10  # minutes of an ordinary life before the first of the scenario


class Sent(NamedTuple):
    """A mail that the server took."""

    minute: float
    to: str
    kind: str
    rules: tuple[str, ...]
    message_id: str
    drill: bool


@dataclass
class Scenario:
    """One file: what happens in which minute, and who has to be told of what."""

    name: str
    about: str
    minutes: float
    life: dict[str, float] = field(default_factory=dict)
    happens: list[dict[str, Any]] = field(default_factory=list)
    alerts: list[dict[str, Any]] = field(default_factory=list)
    mails: list[dict[str, Any]] = field(default_factory=list)
    stride: int = 1  # of the watch, in windows: a long quiet one need not take long


def scenarios() -> list[Scenario]:
    return [Scenario(**yaml.safe_load(path.read_text(encoding="utf-8"))) for path in sorted(FOLDER.glob("*.yaml"))]


class Server(BaseEmailBackend):
    """The mail server of the scenario: it takes a mail, refuses it, or isn't there."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world

    def open(self) -> bool:
        if self._world.on("smtp", "down"):
            raise ConnectionRefusedError("nobody listens")
        return True

    def send_messages(self, messages: Any) -> int:
        for message in messages:
            self._world.took(message)
        return len(messages)


class World:
    """Everything that a scenario changes, at the minute that it is."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.now = T0 - BEFORE * MINUTE
        self.sent: list[Sent] = []
        self._done: set[int] = set()
        self._carrier = outbox.Carrier("scenario", lambda: Server(self))
        self._shift = timedelta(0)

    @property
    def minute(self) -> float:
        return (self.now - T0) / MINUTE

    def play(self) -> None:
        self._begin()
        self._measure()
        end, tick = T0 + self.scenario.minutes * MINUTE, 0
        while self.now < end:
            self._once_due()
            if not self.on("watch", "down"):
                self._watch(tick)
            self.now += TICK
            tick += 1

    def took(self, message: EmailMessage) -> None:
        mail = OutboxMail.objects.get(message_id=message.extra_headers["Message-ID"])
        rules = tuple(sorted(mail.alerts.values_list("rule", flat=True)))
        drill = message.subject.startswith("[DRILL]")
        self.sent.append(Sent(self.minute, mail.address, mail.kind, rules, mail.message_id, drill))

    def on(self, key: str, value: object = None, minute: float | None = None) -> Any:
        """What holds at this minute under that name; with `value`, whether it holds."""
        minute = self.minute if minute is None else minute
        found = [h[key] for h in self.scenario.happens if key in h and h.get("from", 0) <= minute < h.get("to", 1e9)]
        return value in found if value is not None else found

    # --- what the processes do ---------------------------------------------------------------------------------------

    def _begin(self) -> None:
        Recipient.objects.create(name="ann", address="ann@example.org", verified_at=self.now, created_at=self.now)
        Recipient.objects.create(
            name="boss", address="boss@example.org", verified_at=self.now, created_at=self.now, escalation=True
        )
        Monitor.objects.all().delete()
        Monitor.objects.create(name="Health", address="/api/health", interval_s=60)

    def _watch(self, tick: int) -> None:
        now = self.now + self._clock()
        if seen := [self._probe(target.id) for target in record.due(now)]:
            record.keep(seen, now=now)
        if tick % (3 * self.scenario.stride) == 0 and not self.on("evaluator", "down"):
            evaluate.run(now)
        if tick % 12 == 0:
            story.run(now)
        self._carrier.run(now, clock=lambda: 0.0)

    def _clock(self) -> timedelta:
        return sum((seconds * SECOND for seconds in self.on("clock_s")), timedelta(0))

    def _probe(self, target: int) -> Seen:
        if self.on("prober", "blind"):
            return Seen(target, self.now + self._clock(), Answer.UNKNOWN, None, "The canary failed.")
        if self.on("service", "down"):
            return Seen(target, self.now + self._clock(), Answer.FAILED, None, "Connection refused")
        if drills.running(self.now).filter(kind=DrillKind.HEALTH).exists():
            return Seen(target, self.now + self._clock(), Answer.FAILED, None, PROBED)
        answer = Answer.SLOW if self.on("service", "slow") else Answer.GOOD
        return Seen(target, self.now + self._clock(), answer, 1500.0 if answer is Answer.SLOW else 20.0, "")

    def _once_due(self) -> None:
        for number, happening in enumerate(self.scenario.happens):
            if "at" in happening and number not in self._done and happening["at"] <= self.minute:
                self._done.add(number)
                self._once(happening)

    def _once(self, said: dict[str, Any]) -> None:
        if kind := said.get("issue"):
            _turning_points(kind, said.get("title", "Something"), said.get("n", 1), self.now)
        if matcher := said.get("silence"):
            actions.silence(
                matcher, from_at=self.now, to_at=self.now + said["for"] * MINUTE, reason="A test", by=None, now=self.now
            )
        if "maintenance" in said:
            Maintenance.objects.create(
                from_at=self.now, to_at=self.now + said["maintenance"] * MINUTE, reason="New disks"
            )
        if rule := said.get("acknowledge"):
            actions.acknowledge(Alert.objects.get(rule=rule, resolved_at=None), by=None, now=self.now)
        if drill := said.get("drill"):
            begun = drills.start(DrillKind(drill), minutes=said["for"], reason="To learn", by=None, now=self.now)
            drills.in_effect([begun.pk], self.now)

    # --- what they measure -------------------------------------------------------------------------------------------

    def _measure(self) -> None:
        """Every slot of the scenario, as the web process would have written it."""
        first, last = (int((T0 + m * MINUTE).timestamp()) for m in (-BEFORE, self.scenario.minutes))
        rows: list[Measure] = []
        for start_s in range(first, last, SLOT_S):
            minute = (start_s - T0.timestamp()) / 60
            if not self.on("web", "down", minute):
                rows += self._slot(start_s, minute)
        Measure.objects.bulk_create(rows, batch_size=500)

    def _slot(self, start_s: int, minute: float) -> list[Measure]:
        def row(metric: str, label: str = "", **said: Any) -> Measure:
            return Measure(tier_s=SLOT_S, start_s=start_s, metric=metric, label=label, source="web-0", **said)

        life = {"messages": 120.0, "calls": 60.0, "sessions": 40.0, "sockets": 40.0} | self.scenario.life
        for change in self.on("life", minute=minute):
            life |= change
        counts: defaultdict[tuple[str, str], int] = defaultdict(int)
        counts[telemetry.WS_OPENED, "accepted"] = 1
        for burst in self.on("errors", minute=minute):  # by the minute
            counts[telemetry.ERRORS, "websocket"] += _share(burst, minute)
        for refused in self.on("refused", minute=minute):
            counts[telemetry.WS_OPENED, "bad_token"] += _share(refused, minute)
        slow = {s["metric"]: s for s in self.on("slow", minute=minute)}
        timed = {
            telemetry.WS_MESSAGE: _timed(_share(life["messages"], minute), slow.get(telemetry.WS_MESSAGE)),
            telemetry.SIGNAL_RANK: _timed(_share(life["messages"], minute), slow.get(telemetry.SIGNAL_RANK)),
            telemetry.HTTP_REQUEST: _timed(_share(life["calls"], minute), slow.get(telemetry.HTTP_REQUEST)),
        }
        rows = [row(store.FLUSH, store.WEB, count=2)]
        rows += [row(metric, label, count=n) for (metric, label), n in counts.items() if n]
        rows += [row(metric, "scan", count=h.count, histogram=h.to_bytes()) for metric, h in timed.items() if h.count]
        levels = ((telemetry.SESSIONS, life["sessions"]), (telemetry.WS_CONNECTIONS, life["sockets"]))
        return rows + [row(metric, last=value, high=value) for metric, value in levels]


def _share(by_minute: float, minute: float) -> int:
    """What of a number by the minute falls into the slot: whole, evenly, none lost."""
    slot = round(minute * 60 / SLOT_S)
    before, after = (int(by_minute * n / (60 / SLOT_S)) for n in (slot % 6, slot % 6 + 1))
    return after - before


def _timed(n: int, slow: dict[str, Any] | None) -> Histogram:
    late = round(n * slow["share"]) if slow else 0
    return Histogram([slow["ms"]] * late + [20.0] * (n - late) if slow else [20.0] * n)


def _turning_points(kind: str, title: str, n: int, at: datetime) -> None:
    project = Project.objects.order_by("pk").first()
    assert project
    issues = Issue.objects.bulk_create(
        Issue(project=project, type="TypeError", value=f"{title} {number}", first_seen_at=at, last_seen_at=at)
        for number in range(n)
    )
    IssueTransition.objects.bulk_create(IssueTransition(issue=issue, kind=kind, at=at) for issue in issues)


class Verdict(NamedTuple):
    """What was too much, what was missing, and what went twice; each in words."""

    false: list[str]
    missed: list[str]
    twice: list[str]


def play(scenario: Scenario) -> Verdict:
    """Play it, and hold what came of it against what the file wants."""
    world = World(scenario)
    world.play()
    alerts = [_seen_alert(alert) for alert in Alert.objects.order_by("fired_at", "pk")]
    mails = [_seen_mail(mail) for mail in world.sent]
    false, missed = _held(alerts, scenario.alerts, ("rule", "fired", "resolved", "late", "drill", "muted"))
    too_many, too_few = _held(mails, scenario.mails, ("to", "kind", "rules", "at", "drill"))
    ids = [mail.message_id for mail in world.sent]
    waiting = [str(mail) for mail in OutboxMail.objects.exclude(state=OutboxMail.State.SENT)]
    twice = sorted({message_id for message_id in ids if ids.count(message_id) > 1})
    return Verdict(false + too_many, missed + too_few + waiting, twice)


def _seen_alert(alert: Alert) -> dict[str, Any]:
    return {
        "rule": alert.rule,
        "fired": (alert.fired_at - T0) / MINUTE,
        "resolved": (alert.resolved_at - T0) / MINUTE if alert.resolved_at else None,
        "late": alert.late,
        "drill": alert.drill,
        "muted": bool(alert.muted),
    }


def _seen_mail(mail: Sent) -> dict[str, Any]:
    to = mail.to.partition("@")[0]
    return {"to": to, "kind": mail.kind, "rules": list(mail.rules), "at": mail.minute, "drill": mail.drill}


DEFAULTS = {"to": "ann", "resolved": None, "late": False, "drill": False, "muted": False}


def _held(
    seen: list[dict[str, Any]], wanted: list[dict[str, Any]], names: tuple[str, ...]
) -> tuple[list[str], list[str]]:
    """What of `seen` nobody wanted, and what of `wanted` was not seen."""
    left, missing = list(seen), []
    for one in wanted:
        full = {name: one.get(name, DEFAULTS.get(name)) for name in names}
        found = next((s for s in left if all(_fits(s[name], full[name]) for name in names)), None)
        if found:
            left.remove(found)
        else:
            missing.append(f"wanted: {full}")
    return [f"nobody wanted: {one}" for one in left], missing


def _fits(seen: Any, wanted: Any) -> bool:
    if isinstance(wanted, list) and isinstance(seen, int | float):
        return bool(wanted[0] <= seen <= wanted[1])
    return bool(
        sorted(seen) == sorted(wanted) if isinstance(wanted, list) and isinstance(seen, list) else seen == wanted
    )
