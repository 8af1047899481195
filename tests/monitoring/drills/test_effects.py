"""Which rule a drill explains, and what can't be asked of one."""

from datetime import UTC, datetime, timedelta

import pytest

from monitoring.alerts.rules import SHIPPED
from monitoring.drills.effects import MINUTES, NOTICED_BY, TRACES, Kind, Refused, Span, caused, check

T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATENCY = Span(7, Kind.LATENCY, T0, T0 + timedelta(minutes=10))


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_is_noticed_by_rules_that_are_shipped(kind: Kind) -> None:
    span = Span(1, kind, T0, T0 + timedelta(minutes=1))
    found = [rule.name for rule in SHIPPED if caused(rule.name, T0, [span])]
    assert len(found) >= len(NOTICED_BY[kind])


@pytest.mark.parametrize(
    ("rule", "minutes", "explained"),
    [
        ("slow-ws-message-critical", 0, True),
        ("slow-ws-message-critical", 10 + TRACES[Kind.LATENCY] / timedelta(minutes=1), True),
        ("slow-ws-message-critical", 11 + TRACES[Kind.LATENCY] / timedelta(minutes=1), False),
        ("slow-ws-message-critical", -1, False),
        ("slow-signal-rank-critical", 5, False),
        ("service-down", 5, False),
        ("mail-stuck", 5, False),
    ],
)
def test_a_drill_explains_only_what_follows_from_it(rule: str, minutes: float, explained: bool) -> None:
    assert bool(caused(rule, T0 + timedelta(minutes=minutes), [LATENCY])) is explained


@pytest.mark.parametrize(
    ("minutes", "reason"), [(0, "x"), (-5, "x"), (MINUTES[1] + 1, "x"), (10, " "), (10, "x" * 201)]
)
def test_a_drill_has_bounds_and_a_reason(minutes: int, reason: str) -> None:
    with pytest.raises(Refused):
        check(minutes, reason)
