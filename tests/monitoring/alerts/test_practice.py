"""Only what a drill alone brought about is marked as one; real trouble beside it or after it is told as such."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from monitoring.alerts import evaluate, practice
from monitoring.alerts.rules import SHIPPED
from monitoring.drills import effects, record
from monitoring.drills.effects import Kind
from monitoring.metrics import store
from monitoring.metrics.tiers import TIERS_S, slot_of
from monitoring.models import (
    Alert,
    AlertTransition,
    Issue,
    IssueTransition,
    Measure,
    Monitor,
    Outage,
    OutboxMail,
    Project,
    Recipient,
)
from signals import telemetry

pytestmark = pytest.mark.django_db
T0 = datetime(2026, 1, 5, 12, tzinfo=UTC)
SLOT_S = 10


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


@pytest.fixture(autouse=True)
def watched() -> None:
    Recipient.objects.create(name="ann", address="ann@example.org", verified_at=T0, created_at=T0)
    first = int(at(-300).timestamp())
    rows = [measure(store.FLUSH, store.WEB, 2, start_s) for start_s in range(first, first + 1200, SLOT_S)]
    Measure.objects.bulk_create(rows)
    record.start(Kind.ERRORS, minutes=2, reason="Practice", by=None, now=T0)


def measure(metric: str, label: str, n: int, start_s: int, tier_s: int = SLOT_S, source: str = "web-0") -> Measure:
    return Measure(tier_s=tier_s, start_s=start_s, metric=metric, label=label, source=source, count=n)


def raised(component: str, n: int, second: float) -> None:
    for tier_s in TIERS_S:
        start_s = slot_of(at(second).timestamp(), tier_s)
        measure(telemetry.ERRORS, component, n, start_s, tier_s, f"web-{second}").save()


def issue(name: str, second: float, slug: str = "backend") -> None:
    project = Project.objects.get(slug=slug)
    found = Issue.objects.create(project=project, type=name, first_seen_at=at(second), last_seen_at=at(second))
    IssueTransition.objects.create(issue=found, kind=IssueTransition.Kind.NEW, at=at(second))


def judged(to: float, since: float = 0) -> None:
    for second in range(int(since), int(to) + 1, 15):
        evaluate.run(at(second))


def marks(rule: str) -> list[bool]:
    return list(Alert.objects.filter(rule=rule).order_by("pk").values_list("drill", flat=True))


def test_the_errors_and_the_issue_of_a_drill_are_the_drills_also_when_they_come_late() -> None:
    raised(effects.COMPONENT, 12, 5)
    issue(effects.ISSUE[1], 200)
    judged(240)
    assert marks("error-rate-critical") == [True]
    assert marks("new-issue") == [True]


@pytest.mark.parametrize(("name", "slug"), [("TypeError", "backend"), ("DrillError", "frontend")])
def test_a_new_kind_of_error_during_a_drill_is_no_drill(name: str, slug: str) -> None:
    issue(name, 5, slug)
    judged(30)
    assert marks("new-issue") == [False]


def test_a_new_kind_of_error_that_comes_after_the_drills_is_told_anew_and_at_once() -> None:
    issue(effects.ISSUE[1], 5)
    judged(45)
    OutboxMail.objects.update(rendered_at=at(50), state="sent", sent_at=at(50))
    issue("TypeError", 60)
    judged(105, since=60)
    assert marks("new-issue") == [True, False]
    drill, real = Alert.objects.order_by("pk")
    assert drill.resolved_at == real.fired_at and real.resolved_at is None
    assert real.heard_at is not None and real.heard_at - real.fired_at <= timedelta(seconds=45)
    mail = OutboxMail.objects.get(state="waiting")
    assert (mail.kind, list(mail.alerts.all())) == ("fired", [real]), "nobody hears that it is over"
    reasons = list(AlertTransition.objects.filter(rule="new-issue").order_by("pk").values_list("reason", flat=True))
    assert reasons[-2:] == ["What goes on is no drill.", "It goes on beside or after a drill."]


def test_errors_that_are_too_many_without_the_drills_are_no_drill() -> None:
    raised(effects.COMPONENT, 12, 5)
    raised("websocket", 6, 5)  # over the 5 of the warning, under the 10 of the critical rule
    judged(30)
    assert (marks("error-rate-critical"), marks("error-rate-warning")) == ([True], [False])
    raised("http", 20, 35)
    judged(60, since=45)
    assert marks("error-rate-critical") == [True, False]


def test_errors_that_go_on_when_a_drill_is_over_are_no_drill() -> None:
    for second in range(0, 120, SLOT_S):
        raised(effects.COMPONENT, 12, second)
    judged(240)
    assert marks("error-rate-critical") == [True], "what is left of it in the window is still its own"
    raised("http", 20, 245)
    judged(270, since=255)
    assert marks("error-rate-critical") == [True, False]


@pytest.mark.parametrize("drill", [True, False])
def test_an_outage_that_closes_between_the_numbers_and_the_judgement_keeps_its_mark(drill: bool) -> None:
    """A probe may end it, from its first good answer on, while the evaluator still holds what it read before."""
    rule = next(rule for rule in SHIPPED if rule.name == "service-down")
    times = {"opened_at": at(0), "confirmed_at": at(40), "closed_at": at(70)}
    Outage.objects.create(monitor=Monitor.objects.first(), kind="down", drill=drill, **times)
    assert practice.is_drill(rule, at(75)) is drill
