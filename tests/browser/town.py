"""A real server in a process of its own, and people with real browsers in front of it."""

from __future__ import annotations

import atexit
import fcntl
import itertools
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from signals.domain.proximity import cell_of, distance_m
from tests.flows import stores
from tests.flows.server import SECRET, fill

ROOT = Path(__file__).resolve().parents[2]
AXE = ROOT / "node_modules/axe-core/axe.min.js"
CHROMIUM = Path("/usr/bin/chromium")
WIDE, NARROW = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
LAG_MS = 20_000  # how long a change may take to show on a busy machine
expect.set_options(timeout=LAG_MS)


_places = itertools.count(1)


def somewhere() -> dict[str, float]:
    """A café that no other test knows: a session outlives its test, and radars would mix."""
    return {"latitude": 5.0 + 0.25 * next(_places) + os.getpid() % 40 / 200, "longitude": 13.405}


def away(place: dict[str, float], low_m: float, high_m: float) -> dict[str, float]:
    """A point north (or south, for negative metres) whose cell lies so far from the place's."""
    here = cell_of(place["latitude"], place["longitude"])
    sign = 1 if high_m > 0 else -1
    for metres in range(10, 5000, 10):
        latitude = place["latitude"] + sign * metres / 111_320
        if abs(low_m) <= distance_m(here, cell_of(latitude, place["longitude"])) <= abs(high_m):
            return {"latitude": latitude, "longitude": place["longitude"]}
    raise AssertionError("no such place")


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def _folder() -> Path:
    made = Path(tempfile.mkdtemp(prefix="icebreaker-browser-"))
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made


@cache
def collected() -> Path:
    """The static files as they are deployed, made once for all workers and runs until one changes: it takes seconds."""
    sources = [*sorted(ROOT.glob("*/static/**/*")), ROOT / "requirements.lock"]
    facts = [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in sources if path.is_file()]
    home = ROOT / "var/browser-static"
    data = home / sha256(repr(facts).encode()).hexdigest()[:16]
    home.mkdir(parents=True, exist_ok=True)
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (data / "whole").exists():
            for old in (path for path in home.iterdir() if path.is_dir()):
                shutil.rmtree(old, ignore_errors=True)
            command = [sys.executable, "manage.py", "collectstatic", "--noinput", "--verbosity=0"]
            ours = {"ENV_FILE": os.devnull, "DATA_DIR": str(data), "DEBUG": "false", "SECRET_KEY": SECRET}
            subprocess.run(command, cwd=ROOT, env={**os.environ, **ours}, check=True, timeout=240)
            (data / "whole").touch()
    return data / "static"


class Server:
    """The application as it is deployed: no DEBUG, collected and compressed static files, uvicorn."""

    def __init__(self, **settings: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.data = _folder()
        self.log = self.data / "server.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.env = {
            **os.environ,
            "ENV_FILE": os.devnull,
            "DEBUG": "false",
            "SECRET_KEY": SECRET,
            "HTTPS": "false",
            "ENVIRONMENT": "test",
            "DATA_DIR": str(self.data),
            "PUBLIC_URL": self.url,
            "ONBOARDING_PER_MINUTE": "1000",
            "DJANGO_SETTINGS_MODULE": "icebreaker.settings",
            **stores.place(self.data),
            **settings,
        }
        fill(self.env)
        (self.data / "static").symlink_to(collected())

    def start(self) -> Server:
        command = [sys.executable, "-m", "uvicorn", "icebreaker.asgi:application", "--port", str(self.port)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*command, "--no-access-log", "--timeout-graceful-shutdown", "2"],
                cwd=ROOT,
                env=self.env,
                stdout=log,
                stderr=log,
            )
        until(self.answers, "the server did not come up: " + self.log.read_text("utf-8")[-2000:])
        return self

    def answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/offline", timeout=2).status_code == 200
        except httpx.HTTPError:
            return False

    def stop(self) -> None:
        if self.process:
            self.process.terminate()
            self.process.wait(timeout=20)
            self.process = None


def until(true: Callable[[], bool], otherwise: str, seconds: float = 40) -> None:
    """Ask again and again until it holds."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.05)


class Somebody:
    """One person with a browser of their own. Remembers every request that it made and everything that went wrong."""

    def __init__(
        self,
        browser: Browser,
        url: str,
        *,
        viewport: Any = NARROW,
        at: dict[str, float] | None,
        worker: bool = False,
        **more: Any,
    ) -> None:
        allowed = ["geolocation"] if at else []
        self.url = url
        self.context: BrowserContext = browser.new_context(
            viewport=viewport,
            geolocation=at,
            permissions=allowed,
            service_workers="allow" if worker else "block",
            **{"reduced_motion": "reduce", **more},  # a sweep drawn by the processor alone slows every other page
        )
        self.requests: list[str] = []
        self.trouble: list[str] = []
        self.context.on("request", lambda r: self.requests.append(r.url))
        self.context.on("weberror", lambda e: self.trouble.append(str(e.error)))
        self.context.on("console", self._console)
        self.page = self.tab()

    def _console(self, message: Any) -> None:
        network = "Failed to load resource" in message.text or "WebSocket connection" in message.text
        if message.type == "error" and not network:
            self.trouble.append(message.text)

    def tab(self) -> Page:
        page = self.context.new_page()
        page.goto(self.url)
        page.wait_for_selector("body[data-ready]")
        return page

    def move(self, to: dict[str, float]) -> None:
        self.context.set_geolocation(to)  # type: ignore[arg-type]

    def vanish(self) -> None:
        """Hide at the end of a test: who gave no location is seen by everybody, in the next test too."""
        if not self.page.is_closed():
            self.page.evaluate(
                """async () => {
                  const {token} = JSON.parse(sessionStorage.getItem("icebreaker") || "{}");
                  const headers = {Authorization: `Bearer ${token}`};
                  const body = JSON.stringify({visibility: false});
                  if (token) await fetch("/api/profile/visibility", {method: "PUT", headers, body}).catch(() => 0);
                }"""
            )

    # --- finding things as a person does ---

    def button(self, name: str, exact: bool = True) -> Locator:
        return self.page.get_by_role("button", name=name, exact=exact)

    def press(self, name: str) -> None:
        self.button(name).click()

    def sees(self, text: str) -> None:
        expect(self.page.get_by_text(text).filter(visible=True).first).to_be_visible()

    def heading(self, text: str) -> None:
        expect(self.page.get_by_role("heading", level=1, name=text)).to_be_visible()

    # --- ways through the page ---

    def to_consent(self) -> Somebody:
        self.press("Press start")
        return self

    def to_place(self) -> Somebody:
        self.to_consent()
        self.page.get_by_label("I am 18 or older.").check()
        self.page.get_by_label("I keep to the").check()
        self.press("Continue")
        self.heading("Where you are")
        return self

    def to_vibe(self, place: bool = True) -> Somebody:
        self.to_place()
        self.press("Enable location" if place else "Skip for now")
        self.heading("Your vibe")
        return self

    def arrive(
        self, vibe: str = "Open to intros", tags: tuple[str, ...] = (), place: bool = True, visible: bool = True
    ) -> Somebody:
        self.to_vibe(place)
        self.page.get_by_label(vibe).check()
        for tag in tags:
            self.page.get_by_label(tag).check()
        if not visible:
            self.page.get_by_label("Show me on the radar.").uncheck()
        self.press("Enter the radar")
        self.heading("Radar")
        expect(self.page.locator("#loading")).to_be_hidden()
        return self

    @property
    def handle(self) -> str:
        return self.page.locator("#my-handle").inner_text()

    def sees_on_radar(self, other: str) -> None:
        expect(self.page.locator("#people .handle", has_text=other)).to_be_visible()

    def sees_not(self, other: str) -> None:
        expect(self.page.locator("#people .handle", has_text=other)).to_have_count(0)

    def ask(self, other: str) -> None:
        self.sees_on_radar(other)
        self.press(f"Chat with {other}")

    def open(self, other: str) -> None:
        self.sees_on_radar(other)
        self.page.locator("#people .open", has_text=other).click()
        expect(self.page.get_by_role("dialog")).to_be_visible()

    def write(self, text: str) -> None:
        self.page.get_by_label("Your message").fill(text)
        self.page.keyboard.press("Enter")

    def reads(self, text: str, times: int = 1) -> None:
        expect(self.page.locator("#chat-lines li", has_text=text)).to_have_count(times)

    def axe(self) -> None:
        """No finding of WCAG 2.2 AA (size of targets too) and of good practice on what is on the screen."""
        self.page.evaluate(AXE.read_text("utf-8"))
        found = self.page.evaluate(
            "axe.run(document, {resultTypes: ['violations'], rules: {'target-size': {enabled: true}}})"
        )
        words = [f"{v['id']}: {v['help']} {[n['html'][:120] for n in v['nodes']]}" for v in found["violations"]]
        assert not words, words


def weigh(browser: Browser, url: str) -> dict[str, float]:
    """What a first visit brings over the wire, headers and all, in bytes by address; without the error bundle."""
    context = browser.new_context(service_workers="block")
    page = context.new_page()
    session = context.new_cdp_session(page)
    weights: dict[str, float] = {}
    urls: dict[str, str] = {}
    session.on("Network.responseReceived", lambda e: urls.update({e["requestId"]: e["response"]["url"]}))
    session.on("Network.loadingFinished", lambda e: weights.update({e["requestId"]: e["encodedDataLength"]}))
    session.send("Network.enable")
    page.goto(url, wait_until="networkidle")
    context.close()
    return {urls[r]: size for r, size in weights.items() if r in urls and "/vendor/" not in urls[r]}


def chatting(a: Somebody, b: Somebody) -> tuple[str, str]:
    """Bring two people who are on the radar into a chat; gives their handles."""
    one, two = a.handle, b.handle
    a.ask(two)
    b.press(f"Accept the chat with {one}")
    a.heading(two)
    b.heading(one)
    return one, two
