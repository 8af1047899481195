"""The guides name everything that there is, and nothing that there is not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.core.management import get_commands
from django.urls import URLPattern, resolve

import monitoring.urls
import signals.urls
from monitoring.boards.board import Board
from monitoring.boards.shelf import BOARDS
from monitoring.ingest_app import _PATH as ERROR_DOOR
from monitoring.views.live import PATH as LIVE

ROOT = Path(__file__).resolve().parent.parent
DASHBOARDS = ROOT / "docs/monitoring/DASHBOARDS.md"
CONNECTIONS = ROOT / "docs/ConnectionGuide.md"
GUIDES = (DASHBOARDS, CONNECTIONS)
OURS = [name for name, app in get_commands().items() if app in ("signals", "monitoring")]
both = pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.stem)


def text_of(guide: Path) -> str:
    return guide.read_text("utf-8")


def addresses(text: str) -> list[str]:
    """Everything in backticks that begins as an address of ours."""
    return [said for said in re.findall(r"`(/[^`\s]*)`", text) if not said.startswith("//")]


@pytest.mark.parametrize("board", BOARDS.values(), ids=lambda board: board.name)
def test_every_board_has_its_section_and_every_panel_its_row(board: Board) -> None:
    section = re.search(rf"^## {board.title}\n(.*?)(?=^## |\Z)", text_of(DASHBOARDS), re.M | re.S)
    assert section and f"`/admin/{board.name}/`" in section[1]
    told = re.findall(r"^\| \*\*(.+?)\*\* \|", section[1], re.M)
    assert told == [spec.title for spec in board.specs]


@both
def test_every_address_that_is_named_leads_somewhere(guide: Path) -> None:
    for said in addresses(text_of(guide)):
        path = re.sub(r"<token>", "abc", said)
        path = re.sub(r"<project>", "1", path)
        path = re.sub(r"<name>", "overview" if "/boards/" in path else "incident-response", path)
        path = re.sub(r"<key>", "rate", path)
        if path in ("/ws", LIVE) or ERROR_DOOR.fullmatch(path):
            continue
        found = resolve(path)
        assert found.func.__name__ != "not_found", said
        assert found.url_name != "admin:catch_all" and "catch_all" not in found.func.__qualname__, said


@both
def test_every_command_that_is_named_exists(guide: Path) -> None:
    known = {*get_commands(), "run"}
    assert set(re.findall(r"`?manage\.py ([a-z_]+)", text_of(guide))) <= known


@both
def test_every_link_and_file_that_is_named_is_there(guide: Path) -> None:
    text = text_of(guide)
    for file, anchor in re.findall(r"\]\(([\w./-]+)(?:#([\w-]+))?\)", text):
        target = guide.parent / file
        assert target.is_file(), file
        page = target.read_text("utf-8")
        titles = {title.lower() for title in re.findall(r"^## ([\w-]+)$", page, re.M)}
        known = titles | set(re.findall(r'<a id="([\w-]+)">', page))
        assert not anchor or anchor in known, f"{file}#{anchor}"
    for file in re.findall(r"`(bin/[\w-]+|\.github/[\w./-]+|\.env\.example)`", text):
        assert (ROOT / file).is_file(), file


def test_the_connection_guide_names_every_setting_and_no_other() -> None:
    text = text_of(CONNECTIONS)
    settings = set(re.findall(r"^# ([A-Z_]+)=", (ROOT / ".env.example").read_text("utf-8"), re.M))
    named = set(re.findall(r"`([A-Z][A-Z_]+)(?:=[^`]*)?`", text))
    assert settings - named == set()
    assert named - settings <= {"HEALTH_URL"}  # a variable of the workflow


def test_the_connection_guide_names_every_command() -> None:
    text = text_of(CONNECTIONS)
    assert [name for name in OURS if f"`manage.py {name}`" not in text] == []


def test_the_connection_guide_names_every_address() -> None:
    named = set(addresses(text_of(CONNECTIONS)))
    patterns = [*signals.urls.urlpatterns, *monitoring.urls.urlpatterns]
    routes = [str(one.pattern) for one in patterns if isinstance(one, URLPattern)]
    wanted = {"/" + re.sub(r"<\w+:(\w+)>", r"<\1>", route) for route in routes}
    assert wanted - named == set()
    assert {"/ws", LIVE, "/api/tunnel", "/api/<project>/envelope/"} <= named
