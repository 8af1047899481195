"""How a drill went is read from what noticed it, and stands when alerts and mails are long forgotten."""

from datetime import UTC, datetime, timedelta

import pytest

from monitoring.drills import follow, record
from monitoring.drills.effects import Kind
from monitoring.models import Alert, Drill, OutboxMail

pytestmark = pytest.mark.django_db
T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def drill() -> Drill:
    return record.start(Kind.ERRORS, minutes=2, reason="Practice", by=None, now=T0)


def fired(rule: str, second: float, *, drill: bool = True) -> Alert:
    return Alert.objects.create(
        rule=rule, title=rule, severity="critical", began_at=at(second), fired_at=at(second), drill=drill
    )


def sent(alert: Alert, second: float) -> None:
    mail = OutboxMail.objects.create(
        kind="fired",
        state="sent",
        message_id=f"<{alert.pk}@x>",
        created_at=at(second),
        due_at=at(second),
        next_attempt_at=at(second),
        sent_at=at(second),
    )
    mail.alerts.add(alert)


def test_each_step_is_written_down_as_it_comes_and_outlives_its_alerts() -> None:
    one = drill()
    assert follow.run(at(10)) == 0
    first, second = fired("error-rate-critical", 20), fired("new-issue", 30)
    fired("mail-stuck", 15, drill=False)
    sent(first, 55)
    follow.run(at(60))
    one.refresh_from_db()
    assert (one.detected_at, one.mailed_at, one.acknowledged_at, one.resolved_at) == (at(20), at(55), None, None)
    Alert.objects.filter(pk=first.pk).update(acknowledged_at=at(80), resolved_at=at(200))
    follow.run(at(300))
    one.refresh_from_db()
    assert (one.acknowledged_at, one.ended_at, one.resolved_at) == (at(80), at(120), None)
    Alert.objects.filter(pk=second.pk).update(resolved_at=at(400))
    follow.run(at(420))
    one.refresh_from_db()
    assert one.resolved_at == at(400)
    Alert.objects.all().delete()
    assert follow.run(at(430)) == 0


def test_an_alert_whose_window_ended_just_before_its_drill_began_is_the_drills() -> None:
    one = drill()
    fired("error-rate-critical", -26)
    follow.run(at(20))
    one.refresh_from_db()
    assert one.detected_at is None
    fired("error-rate-warning", -8)
    follow.run(at(20))
    one.refresh_from_db()
    assert one.detected_at == at(0)


def test_a_drill_that_nobody_noticed_is_looked_after_for_a_while_only() -> None:
    drill()
    late = at(0) + follow.GIVEN_UP
    fired("error-rate-critical", 100)
    assert follow.run(late) == 0
    assert follow.run(late - timedelta(seconds=1)) == 1


def test_what_fires_of_the_same_kind_long_after_is_not_the_drills() -> None:
    one = drill()
    fired("error-rate-critical", 120 + 121)
    follow.run(at(300))
    one.refresh_from_db()
    assert one.detected_at is None
