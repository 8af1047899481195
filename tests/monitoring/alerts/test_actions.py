"""What people do about alerts: each change with its row of history, and what makes no sense refused in words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth import get_user_model
from django.db import IntegrityError
from django.utils import timezone

from monitoring.alerts import actions, book, post, tokens
from monitoring.alerts.actions import NotNow
from monitoring.models import Alert, AlertTransition, OutboxMail, Recipient, RuleChange, RuleSetting, RuleState, Silence

pytestmark = pytest.mark.django_db
T0 = datetime(2026, 1, 5, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
RULE = "slow-ws-message-critical"


def fired(rule: str = RULE, **said: object) -> Alert:
    known = {"title": "Slow", "severity": "critical", "began_at": T0, "fired_at": T0} | said
    return Alert.objects.create(rule=rule, **known)


def standing(rule: str, judgement: str = "clear", phase: str = "firing") -> RuleState:
    return RuleState.objects.create(
        rule=rule, phase=phase, since_at=T0, evaluated_at=T0, fired_at=T0, judgement=judgement
    )


def somebody(name: str = "ann", **said: object) -> Recipient:
    known = {"address": f"{name}@example.org", "verified_at": T0, "created_at": T0} | said
    return Recipient.objects.create(name=name, **known)


def test_an_alert_is_acknowledged_once_with_who_and_when() -> None:
    ann = get_user_model().objects.create_user("ann")
    alert = actions.acknowledge(fired(), by=ann, now=T0 + MINUTE)
    assert (alert.acknowledged_at, alert.acknowledged_by, alert.acknowledged_name) == (T0 + MINUTE, ann, "ann")
    (row,) = AlertTransition.objects.all()
    assert (row.reason, row.by, row.before == row.after) == ("Acknowledged by ann.", ann, True)
    with pytest.raises(NotNow, match="ann acknowledged it at 12:01"):
        actions.acknowledge(alert, by=None, now=T0 + 2 * MINUTE)


def test_what_is_over_needs_no_acknowledgement() -> None:
    with pytest.raises(NotNow, match="over at 12:00"):
        actions.acknowledge(fired(resolved_at=T0), by=None, now=T0 + MINUTE)


def test_a_rule_has_one_open_alert() -> None:
    fired()
    with pytest.raises(IntegrityError):
        fired()


def test_a_mails_link_acknowledges_all_its_alerts_in_the_name_of_its_reader() -> None:
    mail = post.put(OutboxMail.Kind.FIRED, somebody(), now=T0)
    mail.alerts.set([fired(), fired("error-rate-critical")])
    token = tokens.acknowledging(mail.key)
    done = actions.acknowledge_mail(token, now=T0 + MINUTE)
    assert [alert.acknowledged_name for alert in done] == ["ann", "ann"]
    with pytest.raises(NotNow, match="ann acknowledged it"):
        actions.acknowledge_mail(token, now=T0 + 2 * MINUTE)


@pytest.mark.parametrize("spoil", [lambda t: t[:-2], lambda t: "x" + t, lambda t: "", lambda t: t + "\n"])
def test_a_forged_link_acknowledges_nothing(spoil) -> None:  # type: ignore[no-untyped-def]
    mail = post.put(OutboxMail.Kind.FIRED, somebody(), now=T0)
    mail.alerts.set([fired()])
    with pytest.raises(tokens.BadLink):
        actions.acknowledge_mail(spoil(tokens.acknowledging(mail.key)), now=T0)
    assert not Alert.objects.exclude(acknowledged_at=None).exists()


def test_a_link_ends_and_one_kind_of_link_is_not_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    ann = somebody(verification="abc")
    mail = post.put(OutboxMail.Kind.FIRED, ann, now=T0)
    with pytest.raises(tokens.BadLink):
        tokens.mail_of(tokens.verifying(ann))
    with pytest.raises(tokens.BadLink):
        tokens.recipient_of(tokens.acknowledging(mail.key))
    monkeypatch.setattr(tokens, "ACKNOWLEDGE_FOR", timedelta(seconds=-1))
    with pytest.raises(tokens.BadLink, match="too old"):
        tokens.mail_of(tokens.acknowledging(mail.key))


def test_an_alert_is_ended_by_hand_only_when_its_condition_no_longer_holds() -> None:
    alert, state = fired(), standing(RULE, "breach")
    with pytest.raises(NotNow, match="still holds"):
        actions.resolve(alert, by=None, why="gone", now=T0 + MINUTE)
    RuleState.objects.update(judgement="no data")
    with pytest.raises(NotNow, match="why"):
        actions.resolve(alert, by=None, why=" ", now=T0 + MINUTE)
    alert = actions.resolve(alert, by=None, why="the monitor is gone", now=T0 + MINUTE)
    state.refresh_from_db()
    assert (alert.resolved_at, state.phase, state.fired_at) == (T0 + MINUTE, "resolved", None)
    assert AlertTransition.objects.get().reason.endswith("the monitor is gone")


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ({"matcher": "nothing-*"}, "name"),
        ({"reason": "  "}, "why"),
        ({"to_at": T0 - MINUTE}, "end after"),
        ({"to_at": T0 + timedelta(days=31)}, "end after"),
    ],
)
def test_a_silence_that_makes_no_sense_is_refused(said: dict[str, object], word: str) -> None:
    known = {"matcher": "slow-*", "from_at": T0, "to_at": T0 + MINUTE, "reason": "a test"} | said
    with pytest.raises(NotNow, match=word):
        actions.silence(known.pop("matcher"), **known, by=None, now=T0)  # type: ignore[arg-type]
    assert not Silence.objects.exists()


def test_a_silence_is_ended_early_and_only_once() -> None:
    silence = actions.silence("slow-*", from_at=T0, to_at=T0 + 9 * MINUTE, reason="x", by=None, now=T0)
    actions.end_silence(silence, now=T0 + MINUTE)
    assert silence.span(T0 + MINUTE) == "over"
    with pytest.raises(NotNow):
        actions.end_silence(silence, now=T0 + 2 * MINUTE)


def test_an_edit_is_a_version_with_who_and_why_and_holds_from_then_on() -> None:
    ann = get_user_model().objects.create_user("ann")
    row = actions.edit_rule(RULE, over=0.1, keep=2 * MINUTE, by=ann, why="too nervous", now=T0)
    rule = book.one(RULE)
    assert (rule.condition.over, rule.keep, row.version) == (0.1, 2 * MINUTE, 2)
    change = RuleChange.objects.get()
    assert (change.before["over"], change.after["over"], change.by, change.why) == (0.05, 0.1, ann, "too nervous")
    assert actions.edit_rule(RULE, over=0.05, keep=5 * MINUTE, by=ann, why="back", now=T0).version == 3
    assert book.one(RULE) == book.BY_NAME[RULE]


@pytest.mark.parametrize(
    ("name", "said", "word"),
    [
        ("nothing", {"over": 1.0}, "no such rule"),
        (RULE, {"over": 7.0}, "threshold"),
        (RULE, {"over": 0.1, "why": ""}, "why"),
        (RULE, {}, "Nothing"),
        (RULE, {"edge_ms": 1234}, "edge"),
    ],
)
def test_an_edit_that_makes_no_sense_changes_nothing(name: str, said: dict[str, object], word: str) -> None:
    with pytest.raises(NotNow, match=word):
        actions.edit_rule(name, **({"why": "because", "by": None, "now": T0} | said))  # type: ignore[arg-type]
    assert not RuleSetting.objects.exists() and not RuleChange.objects.exists()


def test_a_rule_switched_off_ends_its_alert_and_is_judged_no_more() -> None:
    alert = fired()
    standing(RULE)
    actions.edit_rule(RULE, enabled=False, by=None, why="noise", now=T0 + MINUTE)
    alert.refresh_from_db()
    assert alert.resolved_at == T0 + MINUTE
    assert RULE not in {rule.name for rule in book.current()}


def test_values_that_no_longer_make_sense_leave_the_rule_as_shipped() -> None:
    actions.edit_rule(RULE, over=0.1, by=None, why="x", now=T0)
    RuleSetting.objects.update(over=99.0)
    assert book.one(RULE) == book.BY_NAME[RULE]


def test_a_recipient_is_mailed_a_link_and_listens_once_it_was_followed() -> None:
    now = timezone.now()
    ann = actions.add_recipient("Ann", "ann@example.org", escalation=False, now=now)
    mail = OutboxMail.objects.get()
    before, after = tokens.VERIFY_PATH.split("{token}")
    token = mail.text.partition(before)[2].partition(after)[0]
    assert (mail.kind, mail.address, mail.state) == ("verify", "ann@example.org", "waiting")
    assert not post.listening()
    assert actions.verify(token, now=now).verified_at == now
    assert list(post.listening()) == [ann]
    with pytest.raises(tokens.BadLink, match="used before"):
        actions.verify(token, now=now)


def test_a_newer_link_makes_the_older_one_useless_and_links_are_not_sent_in_a_row() -> None:
    ann = actions.add_recipient("Ann", "ann@example.org", escalation=False, now=T0)
    old = tokens.verifying(ann)
    with pytest.raises(NotNow, match="minute"):
        actions.ask(ann, now=T0 + timedelta(seconds=30))
    actions.ask(ann, now=T0 + MINUTE)
    with pytest.raises(tokens.BadLink):
        actions.verify(old, now=T0)


@pytest.mark.parametrize(
    "address", ["", "ann", "ann@example.org\nBcc: bob@example.org", "ann@example.org, bob@example.org", "a" * 250]
)
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(NotNow):
        actions.add_recipient("Ann", address, escalation=False, now=T0)
    assert not Recipient.objects.exists()


def test_a_test_mail_goes_only_to_a_confirmed_address() -> None:
    with pytest.raises(NotNow):
        actions.test(somebody(verified_at=None), now=T0)
    assert actions.test(somebody("bob"), now=T0).kind == "test"


def test_without_a_recipient_superusers_stand_in_and_without_them_the_mail_is_still_kept() -> None:
    get_user_model().objects.create_user("staff", "staff@example.org", is_staff=True)
    (mail,) = post.to_everybody(OutboxMail.Kind.FIRED, now=T0, due_at=T0)
    assert mail.address == ""
    get_user_model().objects.create_superuser("root", "root@example.org")
    (mail,) = post.to_everybody(OutboxMail.Kind.FIRED, now=T0, due_at=T0)
    assert mail.address == "root@example.org"
    somebody()
    (mail,) = post.to_everybody(OutboxMail.Kind.FIRED, now=T0, due_at=T0)
    assert mail.address == "ann@example.org"


def test_an_escalation_goes_to_its_own_list_or_else_to_the_first_one_again() -> None:
    ann = somebody()
    (mail,) = post.to_everybody(OutboxMail.Kind.ESCALATION, escalation=True, now=T0, due_at=T0)
    assert mail.recipient == ann
    boss = somebody("boss", escalation=True)
    (mail,) = post.to_everybody(OutboxMail.Kind.ESCALATION, escalation=True, now=T0, due_at=T0)
    assert mail.recipient == boss
