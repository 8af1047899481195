"""An account elsewhere over HTTP: JSON in and out, waits when told to, and turns refusals into sentences."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

import httpx

TRIES: Final = 4
WAIT_MOST_S: Final = 60.0
TIMEOUT_S: Final = 20.0
PAGES_MOST: Final = 200
PLAN_STATUS: Final = frozenset({402, 403})
WORDS_MOST: Final = 300


class Refused(Exception):
    """The account said no; the text is its reason."""

    def __init__(self, status: int, reason: str) -> None:
        self.status = status
        super().__init__(reason)


class Unreachable(Exception):
    """No answer, or none that makes sense."""


class Account:
    """One account, by the address of its API and a bearer token."""

    def __init__(self, root: str, token: str, sleep: Callable[[float], None] = time.sleep) -> None:
        self._root = root.rstrip("/") + "/"
        self._sleep = sleep
        self._client = httpx.Client(
            headers={"Authorization": f"Bearer {token}", "Accept": "application/json", "User-Agent": "icebreaker"},
            timeout=TIMEOUT_S,
        )

    def close(self) -> None:
        self._client.close()

    def call(self, method: str, path: str, body: object = None) -> tuple[Any, httpx.Headers]:
        """The decoded answer and its headers. Raises Refused or Unreachable."""
        url = urljoin(self._root, path.lstrip("/"))
        if urlsplit(url).netloc != urlsplit(self._root).netloc:  # a page link may not take the token elsewhere
            raise Unreachable("the answer leads to another host")
        for attempt in range(TRIES):
            try:
                answer = self._client.request(method, url, json=body)
            except httpx.HTTPError as error:
                raise Unreachable(f"no answer ({type(error).__name__})") from error
            if answer.status_code != 429 or attempt == TRIES - 1:
                break
            self._sleep(_pause(answer.headers.get("Retry-After", ""), attempt))
        if answer.status_code >= 400:
            raise Refused(answer.status_code, _reason(answer))
        if not answer.is_success:
            raise Unreachable(f"an answer of {answer.status_code}")
        try:
            return (answer.json() if answer.content else None), answer.headers
        except ValueError as error:
            raise Unreachable("an answer that is not JSON") from error

    def pages(self, path: str, following: Callable[[Any, httpx.Headers], str | None]) -> Iterator[Any]:
        """Every page of a collection, until `following` names no other."""
        for _ in range(PAGES_MOST):
            page, headers = self.call("GET", path)
            yield page
            onward = following(page, headers)
            if not onward:
                return
            path = onward


def _pause(said: str, attempt: int) -> float:
    try:
        return min(WAIT_MOST_S, max(0.0, float(said)))
    except ValueError:
        return min(WAIT_MOST_S, 2.0**attempt)


def _reason(answer: httpx.Response) -> str:
    """Both services say it as message, error or detail, or by field."""
    try:
        said = answer.json()
    except ValueError:
        said = None
    if isinstance(said, dict):
        for name in ("detail", "message", "error"):
            if said.get(name):
                return _flat(said[name])
        if said:
            return "; ".join(f"{name}: {_flat(value)}" for name, value in said.items())[:WORDS_MOST]
    return f"status {answer.status_code}"


def _flat(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_flat(one) for one in value)[:WORDS_MOST]
    if isinstance(value, dict):
        return _flat(value.get("message") or list(value.values()))
    return str(value)[:WORDS_MOST]
