"""What a runbook is: Markdown with four sections, the rules that it answers, and figures to be filled in."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

SECTIONS: Final = ("Meaning", "Impact", "Diagnosis", "Mitigation")
UNKNOWN: Final = "unknown"

_TITLE = re.compile(r"\A# (.+)\n")
_RULES = re.compile(r"^Rules: (.+)$", re.M)
_SECTION = re.compile(r"^## (.+)$", re.M)
_STEP = re.compile(r"^\d+\. (.+(?:\n   .+)*)", re.M)
_FENCE = re.compile(r"^ *```sh\n(.*?)^ *```$", re.M | re.S)
_LINK = re.compile(r"\[([^\]]+)\]\(([^)\s]+)\)")
_PAGE = re.compile(r"([a-z0-9-]+)\.md")
_FIGURE = re.compile(r"\{\{ ([a-z0-9_.]+) \}\}")
_FENCED_LINE = re.compile(r"^ *```.*?^ *```$\n?", re.M | re.S)


class BadRunbook(ValueError):
    """A page that can't be used at night; the sentence says what it lacks."""


@dataclass(frozen=True, slots=True)
class Runbook:
    """One procedure, as written; `rules` are those that it answers besides one of its own name."""

    name: str
    title: str
    text: str
    rules: tuple[str, ...]

    @property
    def steps(self) -> tuple[str, ...]:
        """What to do, in order, to be ticked: the first sentence of each numbered line, without markup or figures."""
        wanted = (_between(self.text, name) for name in ("Diagnosis", "Mitigation"))
        found = (step for part in wanted for step in _STEP.findall(_FENCED_LINE.sub("", part)))
        return tuple(_first_sentence(" ".join(step.split())) for step in found)

    @property
    def commands(self) -> tuple[str, ...]:
        """Every line that somebody is told to type, comments left out."""
        lines = (line.strip() for block in _FENCE.findall(self.text) for line in block.splitlines())
        return tuple(line for line in lines if line and not line.startswith("#"))

    @property
    def links(self) -> tuple[str, ...]:
        return tuple(target for _, target in _LINK.findall(self.text))

    @property
    def figures(self) -> frozenset[str]:
        return frozenset(_FIGURE.findall(self.text))


def _first_sentence(step: str) -> str:
    spoken = _LINK.sub(r"\1", step).replace("`", "")
    return re.split(r"(?<=[.?!]) ", spoken, maxsplit=1)[0].rstrip(".")


def _between(text: str, section: str) -> str:
    _, _, rest = text.partition(f"\n## {section}\n")
    return _SECTION.split(rest)[0]


def parse(name: str, text: str) -> Runbook:
    """Read one page. Raises BadRunbook when the title or one of the four sections is missing or empty."""
    title = _TITLE.search(text)
    if not title:
        raise BadRunbook(f"{name} has no title.")
    if tuple(_SECTION.findall(text)) != SECTIONS:
        raise BadRunbook(f"{name} needs the sections {', '.join(SECTIONS)}, in this order and no other.")
    if empty := [section for section in SECTIONS if not _between(text, section).strip()]:
        raise BadRunbook(f"{name} says nothing under {', '.join(empty)}.")
    listed = _RULES.search(text)
    rules = tuple(re.findall(r"`([a-z0-9-]+)`", listed.group(1))) if listed else ()
    return Runbook(name, title.group(1), text, rules)


def answering(rule: str, runbooks: Iterable[Runbook]) -> Runbook | None:
    """The page for a rule: the one of its own name, else the one that lists it."""
    pages = list(runbooks)
    own = (page for page in pages if page.name == rule)
    return next(own, next((page for page in pages if rule in page.rules), None))


def answered_twice(runbooks: Iterable[Runbook]) -> frozenset[str]:
    """Rules that more than one page claims: whoever is paged would not know which to follow."""
    claims = [rule for page in runbooks for rule in dict.fromkeys((page.name, *page.rules))]
    return frozenset(rule for rule in claims if claims.count(rule) > 1)


def fill(text: str, figures: Mapping[str, str]) -> str:
    """The text with today's figures; one that nobody could read says so instead of hiding the page."""
    return _FIGURE.sub(lambda found: figures.get(found.group(1), UNKNOWN), text)


def relink(text: str, address: Callable[[str], str]) -> str:
    """The text with every link to another runbook turned into `address(name)`."""

    def turned(found: re.Match[str]) -> str:
        page = _PAGE.fullmatch(found.group(2))
        return f"[{found.group(1)}]({address(page.group(1))})" if page else found.group(0)

    return _LINK.sub(turned, text)


def handbook(runbooks: Iterable[Runbook]) -> str:
    """All pages as one, for when the admin can't be had. Figures become a word that says where they are."""
    pages = list(runbooks)
    head = (
        "# Runbooks\n\n"
        "Written from `monitoring/runbooks/*.md` by `python -m monitoring.runbooks.shelf`;\n"
        "change those, not this page. In the admin the same pages show live figures; here these read *(live)*.\n\n"
    )
    contents = "".join(f"- [{page.title}](#{page.name})\n" for page in pages)
    return head + contents + "".join(f'\n<a id="{page.name}"></a>\n\n{_nested(page)}' for page in pages)


def _nested(page: Runbook) -> str:
    text = relink(page.text, lambda name: f"#{name}")
    return _FIGURE.sub("*(live)*", re.sub(r"^(#+ )", r"#\1", _outside_fences(text), flags=re.M)).replace("\0", "#")


def _outside_fences(text: str) -> str:
    """Shell comments start with the sign of a heading: hide them while headings are moved down."""
    return _FENCE.sub(lambda block: block.group(0).replace("#", "\0"), text)
