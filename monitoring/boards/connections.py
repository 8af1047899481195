"""Sockets and the people behind them: how many, how they come and go, who is turned away."""

from __future__ import annotations

from typing import Final

from monitoring.boards.board import Board, Spec
from monitoring.boards.chart import Chart, Line, leading
from monitoring.boards.desk import Desk
from monitoring.boards.thresholds import of_rules
from monitoring.boards.words import Unit
from signals import telemetry

LABELS_DRAWN: Final = 6
CLOSED: Final = {  # RFC 6455, and ours from 4400 on
    "1000": "1000 done",
    "1001": "1001 left the page",
    "1005": "1005 without a code",
    "1006": "1006 lost",
    "1011": "1011 our fault",
    "1012": "1012 restart",
}


def sockets(desk: Desk) -> Chart:
    last, high = desk.level(telemetry.WS_CONNECTIONS)
    return desk.chart("Open sockets", Unit.COUNT, [Line("sockets", last), Line("peak", high)])


def people(desk: Desk) -> Chart:
    sessions, _ = desk.level(telemetry.SESSIONS)
    chats, _ = desk.level(telemetry.CHATS_OPEN)
    return desk.chart("People and chats", Unit.COUNT, [Line("sessions", sessions), Line("open chats", chats)])


def by_session(desk: Desk) -> Chart:
    """Open sockets over live sessions: more than a few mean that sockets are not closed."""
    sockets_open, _ = desk.level(telemetry.WS_CONNECTIONS)
    sessions, _ = desk.level(telemetry.SESSIONS)
    ratio = [
        a / b if a is not None and b else (0.0 if a == 0 and b == 0 else None)
        for a, b in zip(sockets_open, sessions, strict=True)
    ]
    line = Line("sockets by session", ratio)
    return desk.chart("Sockets", Unit.RATIO, [line], thresholds=of_rules("sockets.by_session"))


def opened(desk: Desk) -> Chart:
    return desk.chart("Handshakes", Unit.PER_MINUTE, leading(desk.counts(telemetry.WS_OPENED), LABELS_DRAWN))


def closed(desk: Desk) -> Chart:
    named = {CLOSED.get(code, code): values for code, values in desk.counts(telemetry.WS_CLOSED).items()}
    return desk.chart("Closed sockets", Unit.PER_MINUTE, leading(named, LABELS_DRAWN))


def turned_away(desk: Desk) -> Chart:
    """Handshakes that were not accepted, against the rule about them."""
    found = {label: values for label, values in desk.counts(telemetry.WS_OPENED).items() if label != "accepted"}
    lines = leading(found, LABELS_DRAWN) or [Line("refused", desk.per_minute([0] * len(desk.times)))]
    return desk.chart("Refused", Unit.PER_MINUTE, lines, thresholds=of_rules("ws.refused"))


def refused(desk: Desk) -> Chart:
    found = leading(desk.counts(telemetry.REFUSED), LABELS_DRAWN)
    return desk.chart("Refused", Unit.PER_MINUTE, found)


def chats(desk: Desk) -> Chart:
    return desk.chart("Chats", Unit.PER_MINUTE, leading(desk.counts(telemetry.CHATS), LABELS_DRAWN))


BOARD: Final = Board(
    name="connections",
    title="Connections",
    permission="monitoring.view_measure",
    specs=(
        Spec("sockets", "Open sockets", sockets),
        Spec("people", "People and chats", people),
        Spec("by-session", "Sockets by session", by_session),
        Spec("opened", "Sockets opened", opened),
        Spec("closed", "Sockets closed, by code", closed),
        Spec("turned-away", "Refused at the door", turned_away),
        Spec("refused", "Refused calls and frames", refused),
        Spec("chats", "Chats begun and ended", chats),
    ),
)
