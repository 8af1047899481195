"""The back-test says what the evaluator would have done, by the second, the minute and the hour."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone

from monitoring.alerts import backtest, book
from monitoring.metrics import store
from monitoring.models import Alert, Measure
from signals import telemetry

pytestmark = pytest.mark.django_db
T0 = datetime(2026, 1, 30, 12, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
RULE = "error-rate-warning"


def measured(tier_s: int, start: datetime, end: datetime, errors: dict[datetime, int] | None = None) -> None:
    """A web process that measured all the time, and errors in some slots."""
    low, high = int(start.timestamp()) // tier_s * tier_s, int(end.timestamp())
    rows = [
        Measure(tier_s=tier_s, start_s=s, metric=store.FLUSH, label=store.WEB, source="web-0", count=2)
        for s in range(low, high, tier_s)
    ]
    rows += [
        Measure(tier_s=tier_s, start_s=int(at.timestamp()), metric=telemetry.ERRORS, label="x", source="web-0", count=n)
        for at, n in (errors or {}).items()
    ]
    Measure.objects.bulk_create(rows)


def test_the_last_day_is_judged_as_it_was() -> None:
    measured(10, T0 - 2 * HOUR, T0, {T0 - HOUR: 6, T0 - HOUR + 20 * MINUTE: 5, T0 - HOUR + 30 * MINUTE: 11})
    outcome = backtest.run(book.current(), days=1 / 12, now=T0)
    fires = outcome.fires[RULE]
    assert [(fire.fired_at - (T0 - HOUR)) // MINUTE for fire in fires] == [0, 30]
    assert fires[0].worst == 6 and fires[0].resolved_at
    assert [fire.muted for fire in fires] == ["", "error-rate-critical"]
    assert (len(outcome.paged(RULE)), outcome.a_day(RULE)) == (1, pytest.approx(24))


def test_a_week_is_judged_by_the_minute_and_what_is_older_by_the_hour() -> None:
    at_minute, at_hour = T0 - 3 * DAY, T0 - 20 * DAY
    measured(60, at_minute - HOUR, at_minute + HOUR, {at_minute: 7})
    measured(3600, at_hour - 5 * HOUR, at_hour + 5 * HOUR, {at_hour: 400, at_hour + 3 * HOUR: 200})
    fires = backtest.run([book.one(RULE)], days=30, now=T0).fires[RULE]
    assert [round((fire.fired_at - at) / HOUR) for fire, at in zip(fires, (at_hour, at_minute), strict=True)] == [1, 0]


def test_a_candidate_is_held_against_the_rule_as_it_is() -> None:
    measured(10, T0 - 2 * HOUR, T0, {T0 - HOUR: 6, T0 - HOUR + 30 * MINUTE: 4})
    higher = backtest.compare(RULE, days=1 / 12, now=T0, over=7.0)
    assert (len(higher.missed), len(higher.more)) == (1, 0)
    lower = backtest.compare(RULE, days=1 / 12, now=T0, over=3.0, clear=1.0)
    assert (len(lower.missed), len(lower.more)) == (0, 1)
    assert not Alert.objects.exists(), "nothing is written"


def test_an_absurd_candidate_is_refused() -> None:
    with pytest.raises(ValueError, match="threshold"):
        backtest.compare(RULE, days=1, now=T0, over=-1.0)
    for arguments, word in (
        (["--rule", "nothing"], "no rule"),
        (["--over", "3"], "which rule"),
        (["--rule", RULE, "--over", "nan"], "threshold"),
        (["--days", "0"], "400 days"),
    ):
        with pytest.raises(CommandError, match=word):
            call_command("backtest", *arguments, stdout=StringIO())


def test_the_command_prints_every_rule_and_what_a_candidate_changes() -> None:
    now = timezone.now()
    measured(10, now - 3 * HOUR, now, {now - HOUR: 6})
    out = StringIO()
    call_command("backtest", "--days", "0.125", stdout=out)  # begins with a whole hour, at most one later
    assert all(rule.name in out.getvalue() for rule in book.current())
    out = StringIO()
    call_command("backtest", "--days", "0.125", "--rule", RULE, "--over", "9", stdout=out)
    assert "No longer: 1" in out.getvalue() and "worst 6 a minute" in out.getvalue()
