"""The same rules and monitors elsewhere: created once, changed when they differ, refused in words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from hypothesis import given
from hypothesis import strategies as st

from monitoring.provision import client
from monitoring.provision.client import Account, Unreachable
from monitoring.provision.plan import fits
from monitoring.uptime.hooks import take_uptimerobot
from tests.monitoring.provision.standin import Accounts, running

BACKEND = "/api/0/projects/us/icebreaker-backend/rules/"
METRICS = "/api/0/organizations/us/alert-rules/"


@pytest.fixture
def accounts(settings: Any) -> Iterator[Accounts]:
    with running() as accounts:
        settings.SENTRY_AUTH_TOKEN = settings.UPTIMEROBOT_API_KEY = "good"
        settings.SENTRY_API_URL, settings.UPTIMEROBOT_API_URL = accounts.url, f"{accounts.url}/v3"
        settings.SENTRY_ORG, settings.PUBLIC_URL = "us", "https://icebreaker.example"
        settings.UPTIMEROBOT_WEBHOOK_SECRET = "robot-secret"
        yield accounts


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    try:
        call_command("provision", *arguments)
    except CommandError as error:
        return capsys.readouterr().out + str(error)
    return capsys.readouterr().out


def test_a_dry_run_says_everything_and_changes_nothing(accounts: Accounts, capsys: Any) -> None:
    said = run(capsys)
    assert said.count("would create") == 4 + 3 + 1 + 2 and said.endswith("Run it again with --apply.\n")
    assert not accounts.writes


def test_applied_once_it_is_as_it_should_be_and_a_second_time_changes_nothing(accounts: Accounts, capsys: Any) -> None:
    assert run(capsys, "--apply").count(" created ") == 10
    written = len(accounts.writes)
    for arguments in (("--apply",), ()):
        assert run(capsys, *arguments).count("is as it should be") == 10
    assert len(accounts.writes) == written == 10


def test_the_thresholds_are_those_of_our_rules(accounts: Accounts, capsys: Any) -> None:
    run(capsys, "--apply")
    rules = {rule["name"]: rule for rule in accounts.rows[METRICS]}
    errors, messages = rules["Icebreaker: Errors a minute"], rules["Icebreaker: P95 of websocket.message"]
    assert [t["alertThreshold"] for t in errors["triggers"]] == [10, 5] and errors["timeWindow"] == 1
    assert [t["alertThreshold"] for t in messages["triggers"]] == [2000, 1000] and messages["timeWindow"] == 5
    assert messages["triggers"][0]["actions"][0]["targetIdentifier"] == "4711"
    assert {r["name"] for r in accounts.rows[BACKEND]} == {
        "Icebreaker: New kind of error",
        "Icebreaker: Resolved error came back",
    }


def test_monitors_look_at_health_and_tell_every_active_contact(accounts: Accounts, capsys: Any) -> None:
    run(capsys, "--apply")
    (hook,) = accounts.rows["integrations"]
    monitors = accounts.rows["monitors"]
    assert [m["url"] for m in monitors] == [f"https://icebreaker.example/api/health{end}" for end in ("", "/ready")]
    assert [c["alertContactId"] for c in monitors[0]["assignedAlertContacts"]] == [1, hook["id"]]


@pytest.mark.django_db
def test_our_own_door_takes_what_the_webhook_is_told_to_send(accounts: Accounts, capsys: Any) -> None:
    from django.utils import timezone

    run(capsys, "--apply")
    sent = accounts.rows["integrations"][0]["postValue"]
    now = timezone.now()
    real = {
        "monitorID": "7",
        "alertType": "1",
        "alertTypeFriendlyName": "Down",
        "monitorFriendlyName": "Icebreaker health",
    }
    for name, value in {**real, "alertDateTime": str(int(now.timestamp()))}.items():
        sent = sent.replace(f"*{name}*", value)
    assert take_uptimerobot(sent.encode(), {}, now).title.startswith("Icebreaker health: Down")


def test_what_somebody_changed_is_set_right_again(accounts: Accounts, capsys: Any) -> None:
    run(capsys, "--apply")
    accounts.rows[METRICS][0]["triggers"][0]["alertThreshold"] = 500.0
    accounts.rows[BACKEND][1]["actions"] = []
    accounts.rows["monitors"][0]["interval"] = 3600
    accounts.rows["integrations"][0]["value"] = "https://elsewhere.example/"
    assert run(capsys).count("would change") == 4
    assert run(capsys, "--apply").count(" changed ") == 4
    assert run(capsys, "--apply").count("is as it should be") == 10


def test_rules_and_monitors_of_others_are_left_alone_on_whatever_page(accounts: Accounts, capsys: Any) -> None:
    others = [{"id": str(n), "name": f"Other {n}"} for n in range(5)]
    accounts.rows[METRICS] = [dict(o) for o in others]
    accounts.rows["monitors"] = [{"id": n, "friendlyName": f"Other {n}"} for n in range(5)]
    run(capsys, "--apply")
    assert accounts.rows[METRICS][:5] == others and len(accounts.rows["monitors"]) == 7
    assert run(capsys, "--apply").count("is as it should be") == 10


def test_what_the_plan_refuses_is_said_and_the_rest_is_done(accounts: Accounts, capsys: Any) -> None:
    accounts.refuse["POST alert-rules"] = (403, {"detail": "Your plan has no metric alerts."})
    accounts.refuse["POST integrations"] = (403, {"message": "Webhooks are part of the Team plan."})
    said = run(capsys, "--apply")
    assert "could not create metric rule “Icebreaker: Errors a minute”: Your plan has no metric alerts." in said
    assert "could not create webhook “Icebreaker webhook”: Webhooks are part of the Team plan." in said
    assert said.count(" created ") == 6 and "4 could not be done" in said
    assert [c["alertContactId"] for c in accounts.rows["monitors"][0]["assignedAlertContacts"]] == [1]


def test_a_list_that_is_refused_stops_only_what_hangs_on_it(accounts: Accounts, capsys: Any) -> None:
    accounts.refuse["GET alert-rules"] = (403, {"detail": "You do not have permission to perform this action."})
    said = run(capsys, "--apply", "--only", "sentry")
    assert said.count("You do not have permission") == 3 and said.count(" created ") == 4


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"triggers": [{"alertThreshold": ["Too low."]}]}, "triggers: Too low."),
        ({"name": ["Bad.", "Worse."]}, "name: Bad., Worse."),
        ({}, "status 400"),
        (b"<html>", "status 400"),
    ],
)
def test_every_form_of_refusal_is_put_into_words(accounts: Accounts, capsys: Any, body: Any, words: str) -> None:
    accounts.refuse["POST alert-rules"] = (400, body)
    assert words in run(capsys, "--apply", "--only", "sentry")


def test_a_wrong_token_is_refused_and_never_shown(accounts: Accounts, capsys: Any) -> None:
    accounts.token = "another"
    said = run(capsys, "--apply")
    assert "sentry: refused (401): Invalid token" in said and "2 could not be done" in said
    assert "good" not in said.replace("is as it should be", "") and "robot-secret" not in said


def test_a_service_that_is_away_is_said_to_be(accounts: Accounts, capsys: Any, settings: Any) -> None:
    settings.SENTRY_API_URL = "http://127.0.0.1:1"
    assert "sentry: no answer (ConnectError)." in run(capsys, "--only", "sentry")
    accounts.refuse["GET icebreaker-backend"] = (200, b"<html>")
    settings.SENTRY_API_URL = accounts.url
    assert "sentry: an answer that is not JSON." in run(capsys, "--only", "sentry")


def test_it_waits_as_long_as_it_is_told_to(accounts: Accounts) -> None:
    accounts.busy, waited = 3, []
    account = Account(f"{accounts.url}/v3", "good", sleep=waited.append)
    account.call("GET", "monitors")
    assert waited == [7.0, 7.0, 7.0]
    accounts.busy = client.TRIES
    with pytest.raises(client.Refused, match="Too many requests"):
        account.call("GET", "monitors")
    account.close()


def test_a_next_page_elsewhere_does_not_get_the_token(accounts: Accounts) -> None:
    account = Account(accounts.url, "good")
    with pytest.raises(Unreachable, match="another host"):
        list(account.pages("v3/monitors", lambda *_: "https://elsewhere.example/steal"))
    account.close()


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("SENTRY_AUTH_TOKEN", "", "sentry: left out, since SENTRY_AUTH_TOKEN is not set."),
        ("SENTRY_ORG", "", "sentry: left out, since SENTRY_ORG or SENTRY_PROJECTS is not set."),
        ("UPTIMEROBOT_API_KEY", "", "uptimerobot: left out, since UPTIMEROBOT_API_KEY is not set."),
        ("PUBLIC_URL", "http://127.0.0.1:8000", "uptimerobot: left out, since PUBLIC_URL is an address"),
    ],
)
def test_what_is_not_set_is_left_out_and_said(
    accounts: Accounts, capsys: Any, settings: Any, name: str, value: str, sentence: str
) -> None:
    setattr(settings, name, value)
    assert sentence in run(capsys)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)


@given(JSON)
def test_whatever_was_sent_fits_itself_also_with_more_beside_it(sent: Any) -> None:
    assert fits(sent, json.loads(json.dumps(sent)))
    if isinstance(sent, dict):
        assert fits(sent, {**sent, "something of theirs": 1})


@pytest.mark.parametrize(
    ("wanted", "found"),
    [(1, 2), ("a", "b"), ([1], []), ({"a": 1}, {}), (True, 0), (True, "true"), ("x", None), (5, None)],
)
def test_what_differs_does_not_fit(wanted: Any, found: Any) -> None:
    assert not fits(wanted, found)
