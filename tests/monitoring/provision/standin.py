"""Stand-ins for the APIs of Sentry and UptimeRobot, on a real socket, as their documents say and plans refuse."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

PAGE = 2


@dataclass
class Accounts:
    """What stands in both accounts, and what they refuse."""

    url: str = ""
    token: str = "good"
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)  # by collection
    refuse: dict[str, tuple[int, Any]] = field(default_factory=dict)  # by method and the end of a path
    busy: int = 0  # so many answers are 429 first
    calls: list[tuple[str, str]] = field(default_factory=list)
    number: int = 100

    def new(self) -> int:
        self.number += 1
        return self.number

    @property
    def writes(self) -> list[tuple[str, str]]:
        return [call for call in self.calls if call[0] != "GET"]


def _answer(accounts: Accounts, method: str, path: str, query: dict[str, list[str]], body: Any) -> tuple[int, Any, str]:
    for key, (status, said) in accounts.refuse.items():
        wanted, _, end = key.partition(" ")
        if method == wanted and path.rstrip("/").endswith(end):
            return status, said, ""
    if path.startswith("/api/0/"):
        return _sentry(accounts, method, path, query, body)
    return _robot(accounts, method, path.removeprefix("/v3/"), query, body)


def _sentry(accounts: Accounts, method: str, path: str, query: dict[str, list[str]], body: Any) -> tuple[int, Any, str]:
    if not path.endswith("/"):
        return 404, {"detail": "The requested resource does not exist"}, ""
    parts = path.strip("/").split("/")
    if parts[2] == "projects" and len(parts) == 5:
        return 200, {"slug": parts[4], "teams": [{"id": "4711", "slug": "on-call"}]}, ""
    if parts[-1] in ("rules", "alert-rules"):
        rows = accounts.rows.setdefault(path, [])
        if method == "GET":
            first = int(query.get("cursor", ["0"])[0])
            more = str(first + PAGE < len(rows)).lower()
            link = (
                f'<{accounts.url}{path}?cursor={first + PAGE}>; rel="next"; results="{more}"; cursor="{first + PAGE}"'
            )
            return 200, rows[first : first + PAGE], link
        if problem := _sentry_problem(parts[-1], body):
            return 400, problem, ""
        row = _as_sentry_keeps(body) | {"id": str(accounts.new())}
        rows.append(row)
        return 201, row, ""
    collection = path[: path.rstrip("/").rfind("/") + 1]
    for n, row in enumerate(accounts.rows.get(collection, [])):
        if row["id"] == parts[-1] and method == "PUT":
            accounts.rows[collection][n] = _as_sentry_keeps(body) | {"id": row["id"]}
            return 200, accounts.rows[collection][n], ""
    return 404, {"detail": "The requested resource does not exist"}, ""


def _sentry_problem(kind: str, body: Any) -> dict[str, Any]:
    needed = {
        "rules": ("name", "actionMatch", "conditions", "actions", "frequency"),
        "alert-rules": ("name", "aggregate", "timeWindow", "projects", "query", "thresholdType", "triggers"),
    }[kind]
    missing = {name: ["This field is required."] for name in needed if name not in body}
    if kind == "rules" and not missing and not 5 <= body["frequency"] <= 43_200:
        return {"frequency": ["Ensure this value is between 5 and 43200."]}
    if kind == "alert-rules" and not missing:
        if body["timeWindow"] not in (1, 5, 10, 15, 30, 60, 120, 240, 1440):
            return {"timeWindow": ["Invalid."]}
        if [t["label"] for t in body["triggers"]][:1] != ["critical"]:
            return {"nonFieldErrors": ['Trigger 1 must be labeled "critical"']}
    return missing


def _as_sentry_keeps(body: Any) -> dict[str, Any]:
    """It adds names and numbers of its own, and gives numbers back as floats."""
    kept = json.loads(json.dumps(body))
    for part in ("conditions", "filters", "actions"):
        kept[part] = [{**one, "name": "In words of its own"} for one in kept.get(part, [])]
    for trigger in kept.get("triggers", []):
        trigger |= {"id": "9", "alertThreshold": float(trigger["alertThreshold"])}
        trigger["actions"] = [{**one, "id": "8", "desc": "Send an email"} for one in trigger["actions"]]
    return {"owner": None, "environment": None, "dateCreated": "2026-01-05T12:00:00Z", **kept}


def _robot(accounts: Accounts, method: str, path: str, query: dict[str, list[str]], body: Any) -> tuple[int, Any, str]:
    if path == "user/alert-contacts":
        return (
            200,
            [
                {"id": 1, "friendlyName": "Sam", "type": "Email", "status": "Active", "value": "sam@example.org"},
                {"id": 2, "friendlyName": "Old", "type": "Email", "status": "Paused", "value": "old@example.org"},
            ],
            "",
        )
    collection, _, number = path.partition("/")
    rows = accounts.rows.setdefault(collection, [])
    if method == "GET":
        first = int(query.get("cursor", ["0"])[0])
        onward = f"{accounts.url}/v3/{collection}?cursor={first + PAGE}" if first + PAGE < len(rows) else None
        return 200, {"data": rows[first : first + PAGE], "nextLink": onward}, ""
    if collection == "integrations":
        data = body["data"]
        kept = {"type": "Webhook", "value": data["urlToNotify"], "status": "Active", **data}
    else:
        if method == "POST" and body["interval"] < 300:
            return 400, {"message": "The interval is below the minimum of your plan."}, ""
        kept = {**body, "tags": [], "status": "UP"}
        kept.pop("tagNames", None)
        for one in kept["assignedAlertContacts"]:
            one["alertContactId"] = int(one["alertContactId"])
    if method == "POST":
        rows.append({"id": accounts.new(), **kept})
        return 201, rows[-1], ""
    for n, row in enumerate(rows):
        if str(row["id"]) == number and method == "PATCH":
            rows[n] = {**row, **kept}
            return 200, rows[n], ""
    return 404, {"message": "Not found"}, ""


@contextmanager
def running() -> Iterator[Accounts]:
    accounts = Accounts()

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            where = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            accounts.calls.append((self.command, where.path))
            link, retry = "", ""
            if accounts.busy:
                accounts.busy -= 1
                status, said, retry = 429, {"message": "Too many requests"}, "7"
            elif self.headers.get("Authorization") != f"Bearer {accounts.token}":
                status, said = 401, {"detail": "Invalid token"}
            else:
                status, said, link = _answer(accounts, self.command, where.path, parse_qs(where.query), body)
            encoded = json.dumps(said).encode() if not isinstance(said, bytes) else said
            self.send_response(status)
            for name, value in (("Link", link), ("Retry-After", retry), ("Content-Length", str(len(encoded)))):
                if value:
                    self.send_header(name, value)
            self.end_headers()
            self.wfile.write(encoded)

        do_GET = do_POST = do_PUT = do_PATCH = _serve

        def log_message(self, *args: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    accounts.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield accounts
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
