"""What breaks in the invented history: kinds of errors as SDKs send them, and when each of them happens. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final, NamedTuple

from monitoring.seeding.plan import PEAK, Plan, Sort, people

Json = dict[str, Any]
DAY_S: Final = 86_400


class At(NamedTuple):
    """A frame of a stack, and the source line that it stands at."""

    module: str
    function: str
    lineno: int
    line: str
    ours: bool = True


@dataclass(frozen=True, slots=True)
class Breakage:
    """One kind of error: `a_day` times on an ordinary day, and `{}` in its value is somebody or something each time."""

    project: str
    kind: str
    value: str
    stack: tuple[At, ...]
    a_day: float
    level: str = "error"
    component: str = "websocket"
    since_day: float = 0.0  # as a share of the whole history: before that it did not exist
    until_day: float = 1.0
    bursts: bool = False  # this is what happens in bad times


_LOOP: Final = At("asyncio.base_events", "run_until_complete", 653, "return future.result()", ours=False)
_FRAME: Final = At("signals.consumers", "Consumer._frame", 190, "await self._serve(request, label)")
_BROWSER: Final = At("app:///static/signals/socket.js", "onmessage", 88, "this.heard(JSON.parse(event.data));")

BREAKAGES: Final = (
    Breakage(
        "backend",
        "OperationalError",
        "database is locked",
        (
            _LOOP,
            At("signals.services.safety", "report", 121, "await keep(category, marks, now)"),
            At("django.db.backends.utils", "_execute", 105, "return self.cursor.execute(sql, params)", ours=False),
        ),
        0.6,
        component="http",
        bursts=True,
    ),
    Breakage(
        "backend",
        "KeyError",
        "'requests'",
        (
            _LOOP,
            _FRAME,
            At("signals.services.chats", "accept", 64, 'waiting = party.requests["requests"]'),
        ),
        2.2,
        since_day=0.78,
        until_day=0.93,
    ),
    Breakage(
        "backend",
        "TimeoutError",
        "channel layer did not answer within 2 s",
        (_LOOP, At("monitoring.checks", "round_trip", 88, "await asyncio.wait_for(layer.receive(name), 2)")),
        0.8,
        level="warning",
        component="health",
    ),
    Breakage(
        "backend",
        "SMTPServerDisconnected",
        "Connection unexpectedly closed",
        (
            At("monitoring.alerts.outbox", "deliver", 71, "connection.send_messages([mail])"),
            At("smtplib", "getreply", 405, 'raise SMTPServerDisconnected("...")', ours=False),
        ),
        0.5,
        component="watch.mail",
    ),
    Breakage(
        "backend",
        "ValueError",
        "cell {} is not at resolution 10",
        (_LOOP, _FRAME, At("signals.domain.proximity", "around", 61, "return grid_disk(cell, steps)")),
        1.4,
        until_day=0.5,
    ),
    Breakage(
        "frontend",
        "TypeError",
        "Cannot read properties of undefined (reading 'sessionId')",
        (
            _BROWSER,
            At("app:///static/signals/actions.js", "accepted", 131, "open(state.chat.partner.sessionId);"),
        ),
        5.5,
        component="page",
    ),
    Breakage(
        "frontend",
        "AbortError",
        "The play() request was interrupted by a new load request.",
        (At("app:///static/signals/screens/chat.js", "ring", 44, "await bell.play();"),),
        2.6,
        level="warning",
        component="page",
    ),
    Breakage(
        "frontend",
        "RangeError",
        "Maximum call stack size exceeded",
        (_BROWSER, At("app:///static/signals/store.js", "tell", 52, "for (const draw of drawers) draw(state);")),
        1.2,
        component="page",
        since_day=0.45,
    ),
    Breakage("frontend", "", "Geolocation took {} ms", (), 3.0, level="info", component="page"),
)


class Broke(NamedTuple):
    """One error: when, and which."""

    at_s: float
    breakage: Breakage


def times(plan: Plan) -> list[Broke]:
    """Every error of the history, in order: more when more people are here, and bursts in bad times."""
    found: list[Broke] = []
    whole_s = plan.end_s - plan.start_s
    for breakage in BREAKAGES:
        draw = plan.draw("errors", breakage.kind)
        at_s = plan.start_s + breakage.since_day * whole_s
        end_s = plan.start_s + breakage.until_day * whole_s
        while breakage.a_day and (at_s := at_s + draw.expovariate(3 * breakage.a_day / DAY_S)) < end_s:
            if draw.random() < people(at_s) / PEAK:  # so that there are as many as people allow
                found.append(Broke(at_s, breakage))
    for burst in plan.all(Sort.ERRORS):
        draw, at_s = plan.draw("burst", burst.start_s), float(burst.start_s)
        kinds = [breakage for breakage in BREAKAGES if breakage.bursts]
        while (at_s := at_s + draw.expovariate(burst.share / 60)) < burst.end_s:
            found.append(Broke(at_s, draw.choice(kinds)))
    found = [one for one in found if not plan.under_way(one.at_s, Sort.DOWN, Sort.BLIND, Sort.DEPLOY)]
    return sorted(found, key=lambda one: one.at_s)


def sent(broke: Broke, release: str, draw: Random) -> Json:
    """The error as an SDK sends it."""
    breakage, at_s = broke.breakage, broke.at_s
    who = f"seeded{draw.randrange(400)}"
    value = breakage.value.format(draw.randrange(1000, 9000))
    event: Json = {
        "event_id": f"{draw.getrandbits(128):032x}",
        "timestamp": at_s,
        "platform": "python" if breakage.project == "backend" else "javascript",
        "level": breakage.level,
        "release": release,
        "environment": "seeded",
        "tags": {"component": breakage.component, "sessionId": who},
        "breadcrumbs": {"values": _crumbs(at_s, breakage)},
        "contexts": {"runtime": _runtime(breakage), "trace": {"trace_id": f"{draw.getrandbits(128):032x}"}},
    }
    if not breakage.kind:
        return {**event, "message": value}
    frames = [_frame(at, breakage.project) for at in breakage.stack]
    mechanism = {"type": "generic", "handled": breakage.level == "warning"}
    raised = {"type": breakage.kind, "value": value, "mechanism": mechanism, "stacktrace": {"frames": frames}}
    return {**event, "exception": {"values": [raised]}}


def _runtime(breakage: Breakage) -> Json:
    python = {"name": "CPython", "version": "3.11.7"}
    return python if breakage.project == "backend" else {"name": "Chrome Mobile", "version": "131.0.0"}


def _frame(at: At, project: str) -> Json:
    where: Json = (
        {"module": at.module, "filename": at.module.replace(".", "/") + ".py"}
        if project == "backend"
        else {"filename": at.module, "colno": 17}
    )
    return {
        **where,
        "function": at.function,
        "lineno": at.lineno,
        "in_app": at.ours,
        "pre_context": ["", "# what comes before"],
        "context_line": f"    {at.line}",
        "post_context": ["", ""],
    }


def _crumbs(at_s: float, breakage: Breakage) -> list[Json]:
    def crumb(before: timedelta, category: str, message: str) -> Json:
        at = datetime.fromtimestamp(at_s, UTC) - before
        return {"timestamp": at.isoformat(), "category": category, "message": message, "level": "info"}

    said = ("radar:subscribe", "location:update", "chat:request")
    if breakage.project == "frontend":
        return [crumb(timedelta(seconds=9 - 3 * n), "websocket", f"sent {type_}") for n, type_ in enumerate(said)]
    return [crumb(timedelta(seconds=5 - n), "signals", f"served {type_}") for n, type_ in enumerate(said)]
