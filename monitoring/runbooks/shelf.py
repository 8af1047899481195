"""Where the pages lie; as a program it prints the handbook: `python -m monitoring.runbooks.shelf`."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

from monitoring.runbooks.library import Runbook, handbook, parse

FOLDER = Path(__file__).resolve().parent
FIRST = "incident-response"  # whoever is paged reads this one first; the others follow by name


@cache
def runbooks() -> tuple[Runbook, ...]:
    """Every page; they ship with the code, so once read they hold for the life of the process."""
    pages = (parse(path.stem, path.read_text(encoding="utf-8")) for path in FOLDER.glob("*.md"))
    return tuple(sorted(pages, key=lambda page: (page.name != FIRST, page.name)))


if __name__ == "__main__":
    sys.stdout.write(handbook(runbooks()))
