"""The page that people open: what a first visit weighs, and what Lighthouse says of it on its mobile profile."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from playwright.sync_api import sync_playwright

from bench.table import Row
from tests.browser.town import CHROMIUM, ROOT, Server, weigh

LIGHTHOUSE = "lighthouse@13.5.0"  # fetched by npm when this runs, since it is heavier than all else that we use
CATEGORIES = ("performance", "accessibility", "best-practices")
RUNS = 3
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def weight(url: str) -> Row:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=list(FLAGS))
        weighed = weigh(browser, url)
        browser.close()
    ours = f"{sum(weighed.values()) / 1000:.1f} KB in {len(weighed)} files"
    return Row("the page: first visit over the wire, without the error SDK", ours, "60 KB")


def lighthouse(npm: str, url: str, out: Path) -> dict[str, float]:
    """The scores of one run, 0 to 100."""
    what = f"--only-categories={','.join(CATEGORIES)}"
    told = [url, "--output=json", f"--output-path={out}", "--quiet", what, f"--chrome-flags={' '.join(FLAGS)}"]
    path = f"{os.environ['PATH']}:{Path(npm).parent}"
    subprocess.run(
        [npm, "exec", "--yes", f"--package={LIGHTHOUSE}", "--", "lighthouse", *told],
        env={**os.environ, "CHROME_PATH": str(CHROMIUM), "PATH": path},
        check=True,
        stdout=subprocess.DEVNULL,
        timeout=600,
    )
    found: dict[str, Any] = json.loads(out.read_text("utf-8"))["categories"]
    return {name: 100 * found[name]["score"] for name in CATEGORIES}


def scores(url: str) -> Row:
    what, wanted = f"the page: Lighthouse, mobile: {', '.join(CATEGORIES)} (median of {RUNS})", "95, 100, 100"
    npm = shutil.which("npm", path=f"{os.environ['PATH']}:{ROOT / '.venv/bin'}")
    if npm is None:
        return Row(what, "not measured: npm is not installed", wanted)
    with tempfile.TemporaryDirectory(prefix="icebreaker-lighthouse-") as folder:
        runs = [lighthouse(npm, url, Path(folder) / f"{n}.json") for n in range(RUNS)]
    return Row(what, ", ".join(f"{median(run[name] for run in runs):.0f}" for name in CATEGORIES), wanted)


def rows() -> list[Row]:
    if not CHROMIUM.exists():
        return [Row("the page", "not measured: Chromium is not installed", "60 KB; 95, 100, 100")]
    server = Server().start()
    try:
        return [weight(f"{server.url}/"), scores(f"{server.url}/")]
    finally:
        server.stop()
