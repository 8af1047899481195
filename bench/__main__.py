"""`make bench`: what we measure, each row by one script here. Names on the command line choose scripts."""

from __future__ import annotations

import importlib
import os
import pkgutil
import sys
import tempfile
from pathlib import Path

import django

import bench
from bench.table import Row


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
        rows: list[Row] = []
        for name in sys.argv[1:] or names:
            module = importlib.import_module(f"bench.{name}")
            if hasattr(module, "rows"):
                rows.extend(module.rows())
    width = max(len(row.what) for row in rows)
    for row in rows:
        sys.stdout.write(f"{row.what:{width}}  {row.ours:>28}  wanted: {row.wanted}\n")


main()
