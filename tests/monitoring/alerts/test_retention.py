"""What is old goes in small steps and nothing else does; our own mailbox hears from us once a week."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from monitoring.alerts import post, retention
from monitoring.alerts.letters import Block, letter
from monitoring.models import Alert, AlertTransition, OutboxMail, Silence

pytestmark = pytest.mark.django_db
T0 = datetime(2026, 1, 5, 12, tzinfo=UTC)
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)


def alert(resolved_at: datetime | None, began_at: datetime = T0) -> Alert:
    return Alert.objects.create(
        rule="new-issue", title="x", severity="warning", began_at=began_at, fired_at=began_at, resolved_at=resolved_at
    )


def mail(state: str, at: datetime) -> OutboxMail:
    said = letter("Hello", [Block("Hello", ["There."])], "Bye.")
    made = post.put(OutboxMail.Kind.TEST, None, address="ann@example.org", now=at, said=said)
    OutboxMail.objects.filter(pk=made.pk).update(state=state)
    return made


def test_alerts_and_their_history_go_after_their_time_and_an_open_one_stays() -> None:
    old, young, still = alert(T0), alert(T0 + SECOND), alert(None)
    for one in (old, young, still):
        AlertTransition.objects.create(rule=one.rule, alert=one, before="inactive", after="firing", at=T0)
    now = T0 + retention.KEPT + SECOND
    assert retention.prune(now - 2 * SECOND) == 0
    retention.prune(now)
    assert set(Alert.objects.all()) == {young, still}
    assert not AlertTransition.objects.exists()


def test_a_mail_goes_after_three_months_but_never_while_it_is_owed() -> None:
    sent, owed, young = mail("sent", T0), mail("waiting", T0), mail("sent", T0 + DAY)
    retention.prune(T0 + retention.MAILS_KEPT + SECOND)
    assert set(OutboxMail.objects.all()) == {owed, young} and sent not in OutboxMail.objects.all()


def test_one_run_deletes_a_bounded_number_and_the_next_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "STEP", 3)
    Silence.objects.bulk_create(
        Silence(matcher="*", from_at=T0 - DAY, to_at=T0, reason="x", created_at=T0) for _ in range(7)
    )
    now = T0 + retention.KEPT + DAY
    assert [retention.prune(now) for _ in range(4)] == [3, 3, 1, 0]


def test_the_self_test_is_owed_once_a_week_and_only_to_a_mailbox_that_is_set(settings: Any) -> None:
    settings.SELF_TEST_ADDRESS = ""
    assert not retention.self_test(T0)
    settings.SELF_TEST_ADDRESS = "self@example.org"
    hours = [retention.self_test(T0 + timedelta(hours=hour)) for hour in range(24 * 15)]
    assert [hour for hour, owed in enumerate(hours) if owed] == [0, 7 * 24, 14 * 24]
    assert set(OutboxMail.objects.values_list("address", "kind")) == {("self@example.org", "self_test")}
