"""Where servers of the tests keep things: SQLite and memory, or what `DATABASE_URL` and `REDIS_URL` name.

Each server has a database, a copy of a migrated one, and a region on Redis of its own; both go with the tests.
"""

from __future__ import annotations

import atexit
import os
import secrets
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import redis
from psycopg import sql

from tests import redis_here

DATABASE_URL = os.environ.get("DATABASE_URL", "")
ON_POSTGRES = DATABASE_URL.startswith("postgres")
REDIS_URL = os.environ.get("SERVERS_REDIS_URL", "")  # see tests/environment.py
FILE = "icebreaker.sqlite3"

_names: list[str] = []
_regions: list[str] = []


def is_postgres(url: str) -> bool:
    return url.startswith("postgres")


def beside(name: str) -> str:
    """The address of another database on the same server."""
    return urlsplit(DATABASE_URL)._replace(path=f"/{name}").geturl()


def order(words: str, *names: str) -> None:
    with psycopg.connect(beside("postgres"), autocommit=True) as server:
        server.execute(sql.SQL(words).format(*map(sql.Identifier, names)))  # type: ignore[arg-type]


@atexit.register
def clear() -> None:
    """Remove what was made here. A worker of pytest-xdist may not end by itself, so tests/conftest.py asks too."""
    while _names:
        with suppress(psycopg.Error):
            order("DROP DATABASE IF EXISTS {} WITH (FORCE)", _names.pop())
    while _regions:
        with suppress(redis.RedisError):
            redis_here.empty(_regions.pop())


def named(kind: str) -> str:
    """A name that nobody has; whatever bears it is dropped at the end."""
    _names.append(f"icebreaker_{kind}_{secrets.token_hex(6)}")
    return _names[-1]


def new_region() -> str:
    _regions.append(redis_here.new_region())
    return _regions[-1]


def new_database(data: Path, kind: str, *, on_postgres: bool) -> str:
    """The address of a database that is not there yet: on the server, or a file in this folder."""
    return beside(named(kind)) if on_postgres else f"sqlite:///{data / FILE}"


def place(data: Path) -> dict[str, str]:
    """The settings of one server that say where it keeps things, none of it there yet."""
    chosen = {"DATABASE_URL": new_database(data, "server", on_postgres=ON_POSTGRES)}
    if REDIS_URL:
        chosen |= {"REDIS_URL": REDIS_URL, "PRESENCE_REGION": new_region()}
    return chosen


def is_ours(url: str) -> bool:
    """Whether a server's database is one that tests make."""
    return not is_postgres(url) or (ON_POSTGRES and url.startswith(beside("icebreaker_server_")))


def make(url: str) -> None:
    """An empty database; a file makes itself."""
    if is_postgres(url):
        order("CREATE DATABASE {}", urlsplit(url).path[1:])


def copy(whole: str, url: str) -> None:
    """Copy a migrated database, which nobody is connected to."""
    if is_postgres(url):
        order("CREATE DATABASE {} TEMPLATE {}", urlsplit(url).path[1:], urlsplit(whole).path[1:])
    else:
        shutil.copy(whole.removeprefix("sqlite:///"), url.removeprefix("sqlite:///"))


@contextmanager
def database(env: dict[str, str]) -> Iterator[Callable[..., list[tuple[Any, ...]]]]:
    """Ask the database of a server, in SQL that both kinds know, with `?` for what is given."""
    url = env["DATABASE_URL"]
    if is_postgres(url):
        with psycopg.connect(url) as there:

            def ask(question: str, *given: object) -> list[tuple[Any, ...]]:
                found = there.execute(question.replace("?", "%s"), given or None)  # type: ignore[call-overload]
                return found.fetchall() if found.description else []

            yield ask
        return
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"), timeout=30)) as file, file:
        yield lambda question, *given: file.execute(question, given).fetchall()


def tables(env: dict[str, str]) -> list[str]:
    question = (
        "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
        if is_postgres(env["DATABASE_URL"])
        else "SELECT name FROM sqlite_master WHERE type = 'table'"
    )
    with database(env) as ask:
        return [name for (name,) in ask(question)]
