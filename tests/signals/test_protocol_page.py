"""docs/protocol.md says every message that the code knows, field by field, and no other."""

import re
from pathlib import Path

import msgspec
import pytest

from signals import bodies, consumers, errors, middleware, protocol, urls

PAGE = (Path(__file__).resolve().parents[2] / "docs/protocol.md").read_text("utf-8")


def rows(heading: str) -> dict[str, list[str]]:
    """The tables below a heading: the first cell's words in backquotes, each with its row."""
    part = re.split(r"^#+ ", PAGE.split(heading, 1)[1], maxsplit=1, flags=re.M)[0]
    found: dict[str, list[str]] = {}
    for line in part.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and not line.startswith(("|---", "| type", "| call", "| code", "| close", "| status")):
            for name in re.findall(r"`([^`]+)`", cells[0]) or [cells[0]]:
                found[name] = cells
    return found


def words(cell: str) -> set[str]:
    return set(re.findall(r"`([A-Za-z]+)`", cell))


def fields(kind: type[msgspec.Struct]) -> set[str]:
    return {field.encode_name for field in msgspec.structs.fields(kind)}


def test_every_request_stands_on_the_page_and_no_other() -> None:
    assert set(rows("### Client to server")) == set(protocol.REQUESTS)


def test_every_notice_stands_on_the_page_and_no_other() -> None:
    assert set(rows("### Server to client")) == set(protocol.NOTICES)


@pytest.mark.parametrize("type_", protocol.REQUESTS)
def test_a_request_has_the_fields_that_the_page_says(type_: str) -> None:
    assert words(rows("### Client to server")[type_][1]) == fields(protocol.REQUESTS[type_])


@pytest.mark.parametrize("type_", protocol.NOTICES)
def test_a_notice_has_the_fields_that_the_page_says(type_: str) -> None:
    inner = fields(protocol.RadarPerson) if type_ == "radar:update" else set()
    said = words(rows("### Server to client")[type_][1]) - {"signal_weak", "signal_back"}
    assert said == fields(protocol.NOTICES[type_]) | inner


def test_every_refusal_of_a_socket_stands_on_the_page() -> None:
    known = {kind.code for kind in errors.SignalsError.__subclasses__()}
    lower = {code for code in known if code.islower()} | {consumers.BROKEN.code}
    assert set(rows("### Codes of `error` frames")) == lower


def test_every_refusal_of_a_call_stands_on_the_page() -> None:
    known = {kind.code for kind in errors.SignalsError.__subclasses__() if kind.code.isupper()}
    said = set(re.findall(r"`([A-Z]+_[A-Z_]+|UNAUTHORIZED)`", PAGE.split("## WebSocket")[0]))
    usual = {middleware.error_body(status)["error"]["code"] for status in (400, 404, 405, 413, 429, 500)}
    assert said == known | usual


def test_every_close_code_of_ours_stands_on_the_page() -> None:
    ours = {*consumers.CLOSE_BY_REFUSAL.values(), consumers.CLOSE_FLOOD, consumers.CLOSE_BROKEN}
    said = {int(code) for code in re.findall(r"^\| (4\d\d\d) ", PAGE, re.M)}
    assert said == ours


def test_every_call_stands_on_the_page_with_its_fields() -> None:
    calls = {name.split()[1]: cells for name, cells in rows("## HTTP").items() if " " in name}
    ours = {f"/{pattern.pattern}" for pattern in urls.urlpatterns if str(pattern.pattern).startswith("api/")}
    assert set(calls) - {"/api/health", "/api/health/ready"} == ours
    kinds = {
        "/api/onboarding": bodies.Onboarding,
        "/api/profile/visibility": bodies.Visibility,
        "/api/profile/emergency-contact": bodies.EmergencyContact,
        "/api/safety/block": bodies.Block,
        "/api/safety/report": bodies.Report,
    }
    for path, kind in kinds.items():
        assert words(calls[path][1]) == fields(kind), path
