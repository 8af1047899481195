"""Every shipped page can be followed to the letter: what it names exists."""

import re
import shlex
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import get_commands, load_command_class
from django.urls import resolve

from monitoring.alerts.rules import SHIPPED
from monitoring.runbooks import live
from monitoring.runbooks.library import Runbook, answered_twice, answering, handbook
from monitoring.runbooks.shelf import FIRST, runbooks

ROOT = Path(__file__).resolve().parents[3]
PROCEDURES = {
    "incident-response",
    "error-investigation",
    "performance-degradation",
    "service-downtime",
    "websocket-connections",
}
TOOLS = {
    "cat",
    "curl",
    "df",
    "dmesg",
    "du",
    "free",
    "git",
    "grep",
    "head",
    "ls",
    "nc",
    "ps",
    "redis-cli",
    "sort",
    "ss",
    "tail",
    "timedatectl",
    "uptime",
    "wc",
}
every_page = pytest.mark.parametrize("page", runbooks(), ids=lambda page: page.name)


def piped(command: str) -> list[list[str]]:
    lexer = shlex.shlex(command, posix=True, punctuation_chars="|")
    lexer.whitespace_split = True
    parts: list[list[str]] = [[]]
    for token in lexer:
        if token == "|":
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


def test_the_five_procedures_are_there_and_whoever_is_paged_finds_the_first_on_top() -> None:
    names = [page.name for page in runbooks()]
    assert set(names) >= PROCEDURES
    assert names[0] == FIRST


def test_every_shipped_rule_has_exactly_one_runbook_and_no_page_answers_a_rule_that_is_gone() -> None:
    names = {rule.name for rule in SHIPPED}
    assert [name for name in sorted(names) if answering(name, runbooks()) is None] == []
    assert {rule for page in runbooks() for rule in page.rules} <= names


def test_no_rule_is_answered_by_two_pages() -> None:
    assert answered_twice(runbooks()) == frozenset()


@every_page
def test_every_command_exists_with_the_options_given(page: Runbook) -> None:
    for words in (part for command in page.commands for part in piped(command)):
        if words[0] == ".venv/bin/python":
            assert words[1] == "manage.py"
            app = get_commands()[words[2]]
            parser = (load_command_class(app, words[2]) if isinstance(app, str) else app).create_parser("x", words[2])
            parser.parse_args(words[3:])
            continue
        assert not re.search(r"manage\.py\W+[a-z]", " ".join(words)), "a command hidden in a pattern is not checked"
        if words[0] == "make":
            assert re.search(rf"^{words[1]}:", (ROOT / "Makefile").read_text("utf-8"), re.M)
        else:
            assert words[0] in TOOLS


@every_page
def test_every_address_and_page_that_is_named_exists(page: Runbook) -> None:
    named = {found.name for found in runbooks()}
    own = re.findall(r"(?:\$PUBLIC_URL|127\.0\.0\.1:8000)(/[^\s\"`]*)", page.text)
    for target in (*page.links, *own):
        if target.endswith(".md"):
            assert target.removesuffix(".md") in named
        else:
            assert resolve(target).url_name != "", target
            assert resolve(target).func.__name__ != "catch_all_view", f"{target} is only the admin's 404"


@every_page
def test_every_setting_that_is_named_is_read_from_the_environment(page: Runbook) -> None:
    documented = set(re.findall(r"^# ([A-Z_]+)=", (ROOT / ".env.example").read_text("utf-8"), re.M))
    named = set(re.findall(r"\$([A-Z_]+)", page.text)) | set(re.findall(r"`([A-Z]+(?:_[A-Z]+)+)`", page.text))
    assert named <= documented
    assert all(hasattr(settings, name) or name == "EMAIL_URL" for name in named)


@every_page
def test_every_figure_has_a_reader(page: Runbook) -> None:
    assert page.figures <= live.NAMES


@every_page
def test_every_page_has_steps_to_tick(page: Runbook) -> None:
    assert len(page.steps) >= 5
    assert len(set(page.steps)) == len(page.steps)
    assert not any(mark in step for step in page.steps for mark in ("`", "{{", "](", ".md"))
    assert all(len(step) > 12 for step in page.steps)


def test_the_handbook_in_the_docs_is_the_one_that_the_pages_make() -> None:
    assert (ROOT / "docs/monitoring/RUNBOOK.md").read_text("utf-8") == handbook(runbooks())
