"""The monitors as a real UptimeRobot takes them, by its API v3 (uptimerobot.com/api/v3).

It can't shake hands on a WebSocket; readiness, which looks at what sockets need, is watched in its place.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

import httpx

from monitoring.provision.client import Account, Refused
from monitoring.provision.plan import Body, Outcome, Step, Thing, step

PREFIX: Final = "Icebreaker "
INTERVAL_S: Final = 300  # the shortest of the free plan
TIMEOUT_S: Final = 30
MONITORS, INTEGRATIONS, CONTACTS = "monitors", "integrations", "user/alert-contacts"
HOOK: Final = f"{PREFIX}webhook"
VARIABLES: Final = (  # as its documentation names them; replaced when it sends
    "monitorID",
    "monitorURL",
    "monitorFriendlyName",
    "alertType",
    "alertTypeFriendlyName",
    "alertDetails",
    "alertDuration",
    "alertDateTime",
    "sslExpiryDate",
    "sslExpiryDaysLeft",
)
WATCHED: Final = (  # what, where, and the text that a good answer contains
    ("health", "/api/health", '"ok"'),
    ("readiness", "/api/health/ready", '"ready"'),
)


def hook(public_url: str, secret: str) -> Thing:
    """The webhook that brings its alerts into our history."""
    words = {"secret": secret} | {name: f"*{name}*" for name in VARIABLES}
    body = {
        "friendlyName": HOOK,
        "urlToNotify": f"{public_url}/hooks/uptimerobot",
        "postValue": json.dumps(words),
        "sendAsJSON": True,
        "enableNotificationsFor": "UpAndDown",
        "sslExpirationReminder": True,
    }
    return Thing("webhook", HOOK, INTEGRATIONS, {"type": "Webhook", "data": body})


def wanted(public_url: str, contacts: list[str]) -> Iterator[Thing]:
    for what, path, text in WATCHED:
        body: Body = {
            "friendlyName": f"{PREFIX}{what}",
            "url": f"{public_url}{path}",
            "type": "KEYWORD",
            "keywordType": "ALERT_NOT_EXISTS",
            "keywordValue": text,
            "interval": INTERVAL_S,
            "timeout": TIMEOUT_S,
            "followRedirections": False,
            "sslExpirationReminder": public_url.startswith("https"),
            "domainExpirationReminder": False,
            "tagNames": [],
            "assignedAlertContacts": [{"alertContactId": one, "threshold": 0, "recurrence": 0} for one in contacts],
        }
        yield Thing("monitor", body["friendlyName"], MONITORS, body)


def provision(account: Account, public_url: str, secret: str, *, apply: bool) -> Iterator[Outcome]:
    """Bring the account to what is wanted; a refusal (webhooks need a paid plan) does not stop the others."""
    contacts = [str(one["id"]) for one in _listed(account, CONTACTS).values() if one.get("status") in ("Active", 2)]
    if secret:
        outcome, number = _hook(account, hook(public_url, secret), apply=apply)
        if not apply and not outcome.refused:
            number = number or "the new webhook"  # so that a dry run says that monitors would change by it
        contacts += [number] if number and number not in contacts else []
        yield outcome
    there = _listed(account, MONITORS)
    for thing in wanted(public_url, contacts):
        found = there.get(thing.name)
        todo = step(_comparable(thing), found)
        yield Outcome(todo, thing, _done(account, thing, found, apply=apply and todo is not Step.KEEP), found)


def _hook(account: Account, thing: Thing, *, apply: bool) -> tuple[Outcome, str]:
    """What came of the webhook, and the number of its contact when there is one."""
    try:
        found = _listed(account, INTEGRATIONS).get(thing.name)
    except Refused as error:
        return Outcome(Step.CREATE, thing, str(error)), ""
    data = thing.body["data"]
    seen = {"friendlyName": HOOK, "postValue": data["postValue"], "enableNotificationsFor": "UpAndDown"}
    address = (found or {}).get("value") or (found or {}).get("urlToNotify")
    fits_there = address == data["urlToNotify"] and step(Thing("", "", "", seen), found) is Step.KEEP
    todo = Step.CREATE if found is None else Step.KEEP if fits_there else Step.UPDATE
    if not apply or todo is Step.KEEP:
        return Outcome(todo, thing, found=found), str(found["id"]) if found else ""
    try:
        made = _send(account, thing, found)
    except Refused as error:
        return Outcome(todo, thing, str(error), found), ""
    return Outcome(todo, thing, found=found), str((made or found or {}).get("id", ""))


def _done(account: Account, thing: Thing, found: Body | None, *, apply: bool) -> str:
    """Create or change it; answers with the reason of a refusal, or nothing."""
    if not apply:
        return ""
    try:
        _send(account, thing, found)
    except Refused as error:
        return str(error)
    return ""


def _send(account: Account, thing: Thing, found: Body | None) -> Body | None:
    method, path = ("POST", thing.path) if found is None else ("PATCH", f"{thing.path}/{found['id']}")
    made, _ = account.call(method, path, thing.body)
    return made if isinstance(made, dict) else None


def _comparable(thing: Thing) -> Thing:
    """Without what comes back in another form than it was sent in."""
    body = {name: value for name, value in thing.body.items() if name not in ("tagNames", "domainExpirationReminder")}
    return Thing(thing.kind, thing.name, thing.path, body)


def _listed(account: Account, path: str) -> dict[str, Body]:
    def following(page: Any, _: httpx.Headers) -> str | None:
        link = page.get("nextLink") if isinstance(page, dict) else None
        return str(link) if link else None

    found: dict[str, Body] = {}
    for page in account.pages(path, following):
        rows = page.get("data") if isinstance(page, dict) else page
        for row in rows if isinstance(rows, list) else []:
            if isinstance(row, dict) and "id" in row:
                found.setdefault(str(row.get("friendlyName") or row["id"]), row)
    return found
