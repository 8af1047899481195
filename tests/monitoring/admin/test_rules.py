"""Rules on staff's pages: every one is listed, changed only within bounds and with a reason, and keeps its history."""

from __future__ import annotations

from datetime import datetime

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from monitoring.alerts import actions, book
from monitoring.alerts.rules import SHIPPED
from monitoring.metrics import store
from monitoring.metrics.ledger import Row
from monitoring.models import RuleChange, RuleSetting, RuleState
from tests.monitoring.admin.desk import EVIL, alert, member

pytestmark = pytest.mark.django_db
LIST = "/admin/monitoring/rulesetting/"
RULE = "error-rate-critical"
SAID = {
    "do": "save",
    "over": "12",
    "clear": "6",
    "window_s": "60",
    "hold_s": "0",
    "keep_s": "300",
    "enabled": "on",
    "why": "A quieter week",
}


def page(name: str = RULE) -> str:
    return reverse("admin:monitoring_rule", args=[name])


def test_the_list_has_every_rule_with_its_state_and_value(admin_client: Client) -> None:
    now = timezone.now()
    RuleState.objects.create(rule=RULE, phase="firing", since_at=now, evaluated_at=now, judgement="breach", value=17.25)
    text = admin_client.get(LIST).content.decode()
    for rule in SHIPPED:
        assert page(rule.name) in text
    assert "17.2" in text
    assert "firing since" in text


@pytest.mark.parametrize("rule", SHIPPED, ids=lambda rule: rule.name)
def test_every_rule_has_its_page(admin_client: Client, rule: object) -> None:
    assert admin_client.get(page(rule.name)).status_code == 200  # type: ignore[attr-defined]


def test_an_admin_changes_a_rule_with_a_reason_that_its_page_keeps() -> None:
    client = member("admins")
    alert(RULE)
    text = client.post(page(), {**SAID, "why": f"Quieter {EVIL}"}, follow=True).content.decode()
    assert book.one(RULE).condition.over == 12
    assert "Version 2" in text
    assert "Threshold: 10 to 12" in text
    assert EVIL not in text
    row = RuleSetting.objects.get()
    assert client.get(f"{LIST}{row.pk}/change/").url == page()  # type: ignore[attr-defined]


def test_switching_a_rule_off_is_said_in_the_list_and_ends_its_alert() -> None:
    client, open_one = member("admins"), alert(RULE)
    client.post(page(), {k: v for k, v in {**SAID, "over": "10"}.items() if k != "enabled"})
    open_one.refresh_from_db()
    assert not open_one.is_open
    assert "switched off" in client.get(LIST).content.decode()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("over", "0"),
        ("over", "-1"),
        ("over", "1e308"),
        ("over", "inf"),
        ("over", "nan"),
        ("over", "ten"),
        ("clear", "13"),
        ("window_s", "1"),
        ("window_s", "999999999999999999999"),
        ("hold_s", "-1"),
        ("keep_s", "0"),
        ("why", " "),
        ("why", "x" * 301),
    ],
)
def test_absurd_values_are_refused_in_words_and_change_nothing(admin_client: Client, field: str, value: str) -> None:
    answer = admin_client.post(page(), {**SAID, field: value})
    assert answer.status_code == 200
    assert 'role="alert"' in answer.content.decode()
    assert not RuleSetting.objects.exists()
    assert not RuleChange.objects.exists()


def test_a_share_has_an_edge_that_is_counted_exactly(admin_client: Client) -> None:
    name = "slow-ws-message-critical"
    said = {**SAID, "over": "0.05", "clear": "0.03", "edge_ms": "1234", "min_samples": "20", "window_s": "300"}
    assert 'role="alert"' in admin_client.post(page(name), said).content.decode()
    assert admin_client.post(page(name), {**said, "edge_ms": "1000"}).status_code == 302
    assert book.one(name).condition.edge_ms == 1000


def burst(now: datetime) -> None:
    """Twelve errors a minute, an hour ago, for ten minutes; nothing else in that hour and the next."""
    first_s = int(now.timestamp() // 10 * 10) - 7200
    rows = []
    for n in range(720):
        start_s = first_s + 10 * n
        rows.append(Row("t-1", 10, start_s, store.FLUSH, store.WEB, 1, None, None, None))
        if 360 <= n < 420:
            rows.append(Row("t-1", 10, start_s, "errors", "ws", 2, None, None, None))
    store.write(rows, store.WEB, "1", now)


def test_a_candidate_is_played_through_history_before_anybody_saves_it() -> None:
    burst(timezone.now())
    client = member("on-call")
    text = client.post(page(), {**SAID, "do": "try", "over": "11", "why": ""}).content.decode()
    assert "As proposed" in text
    assert "No longer: 0" in text
    text = client.post(page(), {**SAID, "do": "try", "over": "20"}).content.decode()
    assert "No longer: 1" in text
    assert "at worst 12" in text
    assert not RuleSetting.objects.exists()


def test_a_candidate_that_makes_no_sense_is_refused_before_anything_is_played(admin_client: Client) -> None:
    answer = admin_client.post(page(), {**SAID, "do": "try", "clear": "13"}).content.decode()
    assert 'role="alert"' in answer
    assert "As proposed" not in answer


def test_who_is_on_call_reads_rules_and_changes_none_and_moderators_read_none() -> None:
    on_call, moderator = member("on-call"), member("moderators")
    assert on_call.get(page()).status_code == 200
    assert 'value="save"' not in on_call.get(page()).content.decode()
    assert on_call.post(page(), SAID).status_code == 403
    for address in (LIST, page()):
        assert moderator.get(address).status_code == 403
    assert not RuleSetting.objects.exists()


def test_a_rule_that_does_not_exist_has_no_page(admin_client: Client) -> None:
    assert admin_client.get("/admin/monitoring/rulesetting/of/too-much-tea/").status_code == 404
    assert admin_client.get(f"{LIST}999/change/").status_code == 404
    assert admin_client.get(f"{LIST}add/").status_code == 403


def test_versions_count_on(admin_client: Client) -> None:
    for over in (11, 12):
        actions.edit_rule(RULE, over=over, by=None, why="x", now=timezone.now())
    text = admin_client.get(page()).content.decode()
    assert "Version 3" in text
    assert "version 3" in admin_client.get(LIST).content.decode()
