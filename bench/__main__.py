"""`make bench`: what we measure, each row by one script here. Names on the command line choose scripts."""

from __future__ import annotations

import importlib
import os
import pkgutil
import sys
import tempfile
from pathlib import Path

import django
from django.db import connections

import bench
from bench.table import FAILED, Row, attempted


def main() -> None:
    os.environ["ENV_FILE"] = os.devnull
    os.environ.setdefault("DEBUG", "true")
    os.environ.setdefault("SECRET_KEY", "only-for-measuring")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "icebreaker.settings")
    os.environ["LOG_LEVEL"] = "WARNING"
    with tempfile.TemporaryDirectory(prefix="icebreaker-bench-") as data:
        os.environ["DATA_DIR"] = data
        Path(data).mkdir(exist_ok=True)
        django.setup()
        names = [m.name for m in pkgutil.iter_modules(bench.__path__) if m.name not in ("__main__", "table")]
        rows = [row for name in sys.argv[1:] or names for row in measured(name, Path(data))]
    width, ours = max(len(row.what) for row in rows), max(len(row.ours) for row in rows)
    sys.stdout.write(f"{'what':{width}}  {'ours: median (least to most)':>{ours}}  goal\n")
    for row in rows:
        sys.stdout.write(f"{row.what:{width}}  {row.ours:>{ours}}  {row.wanted}\n")
    if any(row.ours.startswith(FAILED) for row in rows):
        sys.exit(1)


def measured(name: str, data: Path) -> list[Row]:
    """The rows of one script; one that fails has a row that says so, and the others still run. Each has a database of
    its own, as far as it is a file."""
    connections.close_all()
    for left in data.glob("*.sqlite3*"):
        left.unlink()
    module = importlib.import_module(f"bench.{name}")
    if not hasattr(module, "rows"):
        return []
    sys.stderr.write(f"measuring: {name}\n")
    return attempted(name, module.rows)


if __name__ == "__main__":
    main()
