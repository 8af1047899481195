"""Who may send: the key of a project, said in a header, in the address, or in the envelope itself."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from urllib.parse import parse_qs

KEY: Final = re.compile(r"[0-9a-f]{32}")


class Denied(Exception):
    """No key, a wrong one, or several that disagree."""


@dataclass(frozen=True, slots=True)
class Door:
    """A project as its senders know it."""

    project_id: int
    keys: frozenset[str]
    host: str  # where we are, with the port if it has to be said
    scheme: str

    def dsns(self) -> frozenset[str]:
        return frozenset(dsn(self.scheme, key, self.host, self.project_id) for key in self.keys)


def dsn(scheme: str, key: str, host: str, project_id: int) -> str:
    return f"{scheme}://{key}@{host}/{project_id}"


@lru_cache(maxsize=256)
def header_key(header: str) -> str | None:
    """The key in `Sentry sentry_key=..., sentry_version=7`."""
    scheme, _, rest = header.strip().partition(" ")
    if scheme.lower() != "sentry":
        return None
    pairs = (part.partition("=") for part in rest.split(","))
    return next((value.strip() for name, _, value in pairs if name.strip() == "sentry_key"), None)


def query_key(query: str) -> str | None:
    if "sentry_key" not in query:
        return None
    found = parse_qs(query, max_num_fields=20).get("sentry_key", [])
    return found[0] if len(set(found)) == 1 else "" if found else None


def admit(door: Door, header: str | None, query: str | None, said_dsn: object) -> None:
    """Let in who has the key of this project, and says nothing else elsewhere. Raises Denied."""
    keys = {key for key in (header, query) if key is not None}
    if said_dsn is not None:
        if not isinstance(said_dsn, str) or said_dsn not in door.dsns():
            raise Denied("the DSN is not one of ours")
        keys.add(said_dsn.partition("://")[2].partition("@")[0])
    if not keys:
        raise Denied("no key")
    if len(keys) > 1:
        raise Denied("the keys disagree")
    if not keys <= door.keys:
        raise Denied("the key is wrong")


def door_of(said_dsn: object, doors: Mapping[int, Door]) -> Door:
    """The project whose DSN this is, letter by letter. Raises Denied."""
    if isinstance(said_dsn, str):
        for door in doors.values():
            if said_dsn in door.dsns():
                return door
    raise Denied("the DSN is not one of ours")
