"""The rules as a real Sentry takes them, by its documented API (docs.sentry.io/api/alerts).

Issue alert rules stand in a project, metric alert rules in the organization. A PUT replaces a rule as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import httpx

from monitoring.alerts.rules import SHIPPED, Rule
from monitoring.provision.client import Account, Refused
from monitoring.provision.plan import Body, Outcome, Step, Thing, step

PREFIX: Final = "Icebreaker: "
FREQUENCY_MIN: Final = 5  # minutes between two mails of one issue rule; the least that is allowed
CONDITIONS: Final = {
    "new-issue": "sentry.rules.conditions.first_seen_event.FirstSeenEventCondition",
    "regression": "sentry.rules.conditions.regression_event.RegressionEventCondition",
}
MAIL: Final = "sentry.mail.actions.NotifyEmailAction"
OPERATIONS: Final = {"slow-ws-message": "websocket.message", "slow-http-request": "http.server"}
_NEXT: Final = re.compile(r'<([^>]+)>;\s*rel="next";\s*results="true"')


@dataclass(frozen=True, slots=True)
class Place:
    """Where in Sentry. The first project is the server's; its first team is mailed."""

    organization: str
    projects: tuple[str, ...]


def _shipped(name: str) -> Rule:
    return next(rule for rule in SHIPPED if rule.name == name)


def _triggers(critical: float, warning: float, team: str) -> list[Body]:
    mail = {"type": "email", "targetType": "team", "targetIdentifier": team}
    return [
        {"label": "critical", "alertThreshold": critical, "actions": [mail]},
        {"label": "warning", "alertThreshold": warning, "actions": [mail]},
    ]


def _metric(name: str, project: str, minutes: int, resolved: float, **said: Any) -> Body:
    return {
        "name": f"{PREFIX}{name}",
        "projects": [project],
        "timeWindow": minutes,
        "thresholdType": 0,  # above
        "resolveThreshold": resolved,
        **said,
    }


def wanted(place: Place, team: str) -> Iterator[Thing]:
    """Every rule that has its like in Sentry; the others are judged in house alone."""
    for project in place.projects:
        for name, condition in CONDITIONS.items():
            body: Body = {
                "name": f"{PREFIX}{_shipped(name).title}",
                "actionMatch": "any",
                "filterMatch": "all",
                "frequency": FREQUENCY_MIN,
                "conditions": [{"id": condition}],
                "filters": [],
                "actions": [{"id": MAIL, "targetType": "Team", "targetIdentifier": team}],
            }
            path = f"api/0/projects/{place.organization}/{project}/rules/"
            yield Thing(f"issue rule of {project}", str(body["name"]), path, body)
    path, server = f"api/0/organizations/{place.organization}/alert-rules/", place.projects[0]
    critical, warning = _shipped("error-rate-critical"), _shipped("error-rate-warning")
    body = _metric(
        "Errors a minute",
        server,
        int(warning.window.total_seconds() // 60),
        warning.condition.clear,
        queryType=0,
        dataset="events",
        aggregate="count()",
        query="",
        eventTypes=["error", "default"],
        triggers=_triggers(critical.condition.over, warning.condition.over, team),
    )
    yield Thing("metric rule", str(body["name"]), path, body)
    for slug, operation in OPERATIONS.items():
        critical, warning = _shipped(f"{slug}-critical"), _shipped(f"{slug}-warning")
        body = _metric(
            f"P95 of {operation}",
            server,
            int(warning.window.total_seconds() // 60),
            warning.condition.edge_ms,
            queryType=1,
            dataset="transactions",
            aggregate="p95(transaction.duration)",
            query=f"transaction.op:{operation}",
            eventTypes=["transaction"],
            triggers=_triggers(critical.condition.edge_ms, warning.condition.edge_ms, team),
        )
        yield Thing("metric rule", str(body["name"]), path, body)


def provision(account: Account, place: Place, *, apply: bool) -> Iterator[Outcome]:
    """Bring the account to what is wanted, one thing after the other; a refusal does not stop the others."""
    team = _team(account, place)
    there: dict[str, dict[str, Body] | Refused] = {}
    for thing in wanted(place, team):
        if thing.path not in there:
            there[thing.path] = _listed(account, thing.path)
        known = there[thing.path]
        if isinstance(known, Refused):
            yield Outcome(Step.CREATE, thing, refused=str(known))
            continue
        found = known.get(thing.name)
        todo = step(thing, found)
        refused = ""
        if apply and todo is not Step.KEEP:
            try:
                if found is None:
                    account.call("POST", thing.path, thing.body)
                else:
                    account.call("PUT", f"{thing.path}{found['id']}/", thing.body)
            except Refused as error:
                refused = str(error)
        yield Outcome(todo, thing, refused, found)


def _team(account: Account, place: Place) -> str:
    project, _ = account.call("GET", f"api/0/projects/{place.organization}/{place.projects[0]}/")
    teams = project.get("teams") if isinstance(project, dict) else None
    if not isinstance(teams, list) or not teams or not isinstance(teams[0], dict):
        raise Refused(400, f"the project {place.projects[0]} has no team that could be mailed")
    return str(teams[0]["id"])


def _listed(account: Account, path: str) -> dict[str, Body] | Refused:
    def following(_: Any, headers: httpx.Headers) -> str | None:
        found = _NEXT.search(headers.get("Link", ""))
        return found.group(1) if found else None

    try:
        pages = list(account.pages(path, following))
    except Refused as error:
        return error
    return {rule["name"]: rule for rule in _rules(pages)}


def _rules(pages: Iterable[Any]) -> Iterator[Body]:
    for page in pages:
        for rule in page if isinstance(page, list) else []:
            if isinstance(rule, dict) and "id" in rule and "name" in rule:
                yield rule
