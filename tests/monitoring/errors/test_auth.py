"""Only whoever has the key of a project may send to it."""

import pytest

from monitoring.errors.auth import Denied, Door, admit, door_of, header_key, query_key

A, B = "a" * 32, "b" * 32
DOOR = Door(1, frozenset({A}), "example.org:8000", "https")
DSN = f"https://{A}@example.org:8000/1"


@pytest.mark.parametrize(
    ("header", "key"),
    [
        (f"Sentry sentry_key={A}, sentry_version=7, sentry_client=x/1", A),
        (f"sentry sentry_version=7,sentry_key={A}", A),
        ("Sentry sentry_version=7", None),
        (f"Bearer sentry_key={A}", None),
        ("", None),
    ],
)
def test_the_key_is_read_from_the_header(header: str, key: str | None) -> None:
    assert header_key(header) == key


def test_the_key_is_read_from_the_address() -> None:
    assert query_key(f"sentry_key={A}&sentry_version=7") == A
    assert query_key("other=1") is None
    assert query_key(f"sentry_key={A}&sentry_key={B}") == ""


@pytest.mark.parametrize(("header", "query", "dsn"), [(A, None, None), (None, A, None), (None, None, DSN), (A, A, DSN)])
def test_one_key_is_enough_and_several_that_agree(header: str | None, query: str | None, dsn: str | None) -> None:
    admit(DOOR, header, query, dsn)


@pytest.mark.parametrize(
    ("header", "query", "dsn"),
    [
        (None, None, None),
        (B, None, None),
        (A, B, None),
        (A, "", None),
        ("", None, None),
        (A, None, DSN.replace("example", "evil")),
        (A, None, DSN.replace("/1", "/2")),
        (A, None, DSN.replace("https", "http")),
        (A, None, DSN.replace(":8000", "")),
        (A, None, DSN.replace("@", ":secret@")),
        (A, None, DSN + "/"),
        (A, None, 7),
        (None, None, f"https://{B}@example.org:8000/1"),
    ],
)
def test_anything_else_is_denied(header: str | None, query: str | None, dsn: object) -> None:
    with pytest.raises(Denied):
        admit(DOOR, header, query, dsn)


def test_a_tunnel_finds_its_project_by_the_exact_dsn() -> None:
    assert door_of(DSN, {1: DOOR}) is DOOR
    for wrong in (DSN.replace("example", "evil"), None, "", 3, DSN.upper()):
        with pytest.raises(Denied):
            door_of(wrong, {1: DOOR})
