"""An incident from its first alert to its write-up, on the real database."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from monitoring.incidents import actions, record
from monitoring.incidents.stages import Firing, NotNow, Verdict
from monitoring.models import Incident, IncidentAlert, IncidentChange

pytestmark = pytest.mark.django_db
T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)


def at(minutes: float) -> datetime:
    return T0 + timedelta(minutes=minutes)


def firing(key: str, began: float, ended: float | None = None, **said: object) -> Firing:
    words: dict[str, object] = {"rule": "service-down", "title": "Service is down", "severity": "critical", **said}
    return Firing(key=key, began_at=at(began), ended_at=None if ended is None else at(ended), **words)  # type: ignore[arg-type]


def end(incident: Incident, minutes: float, verdict: Verdict = Verdict.REAL, **said: object) -> Incident:
    words: dict[str, object] = {"cause": "A full disk.", "follow_ups": "", "sessions_hit": None, "by": None, **said}
    return actions.resolve(incident, verdict=verdict, now=at(minutes), **words)  # type: ignore[arg-type]


@pytest.fixture
def ada() -> User:
    return User.objects.create_user("ada")


def told(incident: Incident) -> list[str]:
    return [change.what for change in incident.changes.all()]


def test_alerts_that_overlap_are_one_incident_as_severe_as_the_worst() -> None:
    one = actions.attach(firing("1", 0, severity="warning", title="Slow", rule="slow-health"), at(0))
    two = actions.attach(firing("2", 3), at(3))
    assert one == two
    two.refresh_from_db()
    assert (two.title, two.rule, two.severity, two.detected_at) == ("Slow", "slow-health", "critical", at(0))
    assert told(two) == ["Alert: Slow", "Alert: Service is down"]


def test_the_same_alert_again_changes_nothing_until_it_ends_and_then_once() -> None:
    for minute in range(5):
        actions.attach(firing("1", 0), at(minute))
    for minute in range(5, 8):
        actions.attach(firing("1", 0, 5), at(minute))
    assert IncidentAlert.objects.get().ended_at == at(5)
    assert told(Incident.objects.get()) == ["Alert: Service is down", "Over: Service is down"]


def test_a_relapse_within_half_an_hour_is_the_same_story_and_later_it_is_another() -> None:
    first = actions.attach(firing("1", 0, 5), at(5))
    assert actions.attach(firing("2", 20, 22), at(22)) == first
    later = actions.attach(firing("3", 52), at(52))
    assert later != first
    first.refresh_from_db()
    assert first.quiet_at == at(22)
    assert first.stage == "detected"  # it still waits for its verdict


def test_what_fires_after_the_verdict_is_a_new_incident() -> None:
    first = actions.attach(firing("1", 0), at(0))
    end(first, 10)
    assert actions.attach(firing("1", 0, 11), at(11)) == first  # its own alert still learns that it ended
    assert actions.attach(firing("2", 12), at(12)) != first


def test_a_drill_never_swallows_a_real_alert() -> None:
    drill = actions.attach(firing("1", 0, drill=True), at(0))
    real = actions.attach(firing("2", 1), at(1))
    assert drill != real
    for incident, verdict in ((drill, Verdict.REAL), (real, Verdict.DRILL)):
        with pytest.raises(NotNow, match="A drill is resolved as a drill"):
            end(incident, 5, verdict)


def test_the_database_itself_refuses_a_second_incident_that_gathers() -> None:
    actions.attach(firing("1", 0), at(0))
    with pytest.raises(IntegrityError), transaction.atomic():
        Incident.objects.create(title="x", rule="x", severity="warning", detected_at=at(1))


def test_sync_twice_is_sync_once_and_hushes_what_is_over() -> None:
    alerts = [firing("1", 0, 2), firing("2", 1, 4)]
    actions.sync(alerts, at(5))
    actions.sync(alerts, at(5))
    incident = Incident.objects.get()
    assert incident.alerts.count() == 2
    assert len(told(incident)) == 4
    actions.sync([], at(34))
    incident.refresh_from_db()
    assert incident.quiet_at == at(4)


def test_five_stages_with_who_and_when(ada: User) -> None:
    incident = actions.attach(firing("1", 0, 20), at(20))
    actions.acknowledge(incident, by=ada, now=at(2))
    actions.investigate(incident, by=ada, now=at(4))
    actions.note(incident, text=" The disk is full. ", by=ada, now=at(6))
    end(incident, 30, follow_ups="Alert earlier", sessions_hit=9, by=ada)
    incident.refresh_from_db()
    for line in (
        "12:06:00 UTC: The disk is full. (ada)",
        "Sessions hit: 9",
        "open alert: 20 minutes",
        "- Alert earlier",
    ):
        assert line in incident.write_up
    assert "12:30:00 UTC: Resolved: real. (ada)" in incident.write_up
    actions.document(incident, write_up="# Final\r\n", by=ada, now=at(60))
    incident.refresh_from_db()
    assert (incident.stage, incident.write_up, incident.documented_at) == ("documented", "# Final\n", at(60))
    assert set(IncidentChange.objects.exclude(what__startswith="Over").values_list("by__username", flat=True)) == {
        None,
        "ada",
    }


def test_acknowledging_twice_is_refused_and_the_first_stands(ada: User) -> None:
    incident = actions.attach(firing("1", 0), at(0))
    actions.acknowledge(incident, by=ada, now=at(1))
    with pytest.raises(NotNow):
        actions.acknowledge(incident, by=None, now=at(2))
    incident.refresh_from_db()
    assert incident.acknowledged_at == at(1)
    assert told(incident).count("Acknowledged.") == 1


def test_a_refusal_leaves_no_trace(ada: User) -> None:
    incident = actions.attach(firing("1", 0), at(0))
    before = told(incident)
    with pytest.raises(NotNow, match="Say what the cause was"):
        end(incident, 5, cause=" ")
    with pytest.raises(NotNow):
        actions.document(incident, write_up="x", by=ada, now=at(5))
    for text in ("", "  ", "x" * 4001):
        with pytest.raises(NotNow):
            actions.note(incident, text=text, by=ada, now=at(5))
    incident.refresh_from_db()
    assert (incident.stage, told(incident), incident.notes.count()) == ("detected", before, 0)


def test_a_step_stays_with_who_ticked_it_first_and_can_be_taken_back(ada: User) -> None:
    incident = actions.attach(firing("1", 0), at(0))
    bob = User.objects.create_user("bob")
    for who, minute in ((ada, 1), (bob, 2)):
        actions.tick(incident, runbook="service-downtime", step="Look.", by=who, now=at(minute))
    assert incident.steps.get().by == ada
    for _ in range(2):
        actions.untick(incident, runbook="service-downtime", step="Look.", by=bob, now=at(3))
    assert not incident.steps.exists()
    assert told(incident)[1:] == ["Done: Look.", "Not done after all: Look."]


def test_history_outlives_the_account_of_who_made_it(ada: User) -> None:
    incident = actions.attach(firing("1", 0), at(0))
    actions.acknowledge(incident, by=ada, now=at(1))
    ada.delete()
    assert "Acknowledged." in told(incident)


def test_times_and_the_share_of_false_alarms_are_kept_by_rule() -> None:
    for n, (verdict, acknowledged, resolved) in enumerate(
        [(Verdict.REAL, 2, 10), (Verdict.FALSE_ALARM, 4, 20), (Verdict.DRILL, 9, 30)]
    ):
        start = n * 100
        incident = actions.attach(firing(str(n), start, drill=verdict is Verdict.DRILL), at(start))
        actions.acknowledge(incident, by=None, now=at(start + acknowledged))
        end(incident, start + resolved, verdict)
    actions.attach(firing("open", 400, rule="new-issue"), at(400))
    [found] = record.by_rule(at(0), at(1000))
    assert (found.rule, found.incidents, found.false_share) == ("service-down", 3, 0.5)
    assert (found.to_acknowledge, found.to_resolve) == (timedelta(minutes=4), timedelta(minutes=20))
    assert record.by_rule(at(-10), at(0)) == []
