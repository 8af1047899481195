"""The pages that people open: what they may load, what they say, what they leave behind."""

import gzip
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.test import Client

from signals import pages
from signals.domain.people import TAGS_MAX, VIBES
from signals.models import Tag
from signals.protocol import TEXT_MAX
from signals.services import catalogue

PATHS = ["/", "/privacy", "/code-of-conduct", "/offline"]
STATIC = Path(pages.__file__).parent / "static/signals"


@pytest.fixture(autouse=True)
def fresh_catalogue(transactional_db: None) -> None:
    catalogue.forget()


def directives(header: str) -> dict[str, list[str]]:
    return {words[0]: words[1:] for words in (part.split() for part in header.split(";"))}


@pytest.mark.parametrize("path", PATHS)
def test_a_page_allows_our_own_files_and_nothing_inline(client: Client, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 200
    allowed = directives(response.headers["Content-Security-Policy"])
    assert allowed["default-src"] == ["'none'"]
    assert allowed["script-src"] == allowed["style-src"] == ["'self'"]
    assert allowed["connect-src"] == ["'self'", "ws://testserver"]
    assert "unsafe" not in response.headers["Content-Security-Policy"]
    assert response.headers["Cache-Control"] == "no-store"
    assert not response.cookies


def test_a_page_comes_compressed_to_who_can_read_that(client: Client) -> None:
    plain, small = client.get("/"), client.get("/", headers={"Accept-Encoding": "gzip, br"})
    assert gzip.decompress(small.content) == plain.content
    assert len(small.content) < len(plain.content) / 3
    assert "Accept-Encoding" in plain.headers["Vary"]


class Inline(HTMLParser):
    """Collects what the policy would refuse."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = {name for name, _ in attrs}
        if tag == "style" or (tag == "script" and "src" not in names):
            self.found.append(tag)
        self.found += [name for name in names if name == "style" or name.startswith("on")]


@pytest.mark.parametrize("path", PATHS)
def test_a_page_holds_nothing_inline_and_no_foreign_address(client: Client, path: str) -> None:
    html = client.get(path).content.decode()
    inline = Inline()
    inline.feed(html)
    assert not inline.found
    assert not [url for url in re.findall(r'(?:src|href)="([^"]+)"', html) if not url.startswith(("/", "#"))]


def test_the_home_page_offers_every_vibe_and_the_active_tags_alone(client: Client) -> None:
    Tag.objects.create(name="Night owl")
    Tag.objects.create(name="Retired words", active=False)
    html = client.get("/").content.decode()
    assert re.findall(r'name="vibe" value="([^"]+)"', html) == list(VIBES)
    assert 'value="Night owl"' in html
    assert "Retired words" not in html


def test_the_home_page_tells_the_modules_every_limit_and_each_vibe_has_a_picture(client: Client, settings: Any) -> None:
    settings.CHAT_MESSAGES_PER_MINUTE = 7
    html = client.get("/").content.decode()
    assert 'data-lines-a-minute="7"' in html
    assert f'data-text-max="{TEXT_MAX}"' in html
    assert f'data-tags-max="{TAGS_MAX}"' in html
    pictures = re.findall(r'<svg class="pixel".*? d="([^"]+)"', html)
    assert len(set(pictures)) == len(VIBES)


def test_the_privacy_page_says_what_is_set(client: Client, settings: Any) -> None:
    settings.SESSION_IDLE_S, settings.SESSION_MAX_S, settings.REPORTS_KEPT_DAYS = 1800, 3600, 33
    words = client.get("/privacy").content.decode()
    for said in ("until 30 minutes after", "1 hour at most", "for 33 days", "Such reports stay on this server."):
        assert said in words
    settings.MAIL_LEAVES = False
    settings.SENTRY_DSN_FORWARD_FRONTEND = "https://key@errors.example/1"
    words = client.get("/privacy").content.decode()
    assert "pass such reports on" in words
    assert "sends no mail yet" in words
    assert 'data-mail="stays"' in client.get("/").content.decode()


def test_pages_are_read_only(client: Client) -> None:
    for path in [*PATHS, "/sw.js", "/manifest.webmanifest"]:
        assert client.post(path).status_code == 405
        assert client.head(path).status_code == 200


def test_the_manifest_names_icons_that_exist(client: Client) -> None:
    said = client.get("/manifest.webmanifest").json()
    assert said["display"] == "standalone"
    for icon in said["icons"]:
        assert finders.find(icon["src"].removeprefix("/static/"))


def test_the_worker_keeps_only_what_exists(client: Client) -> None:
    script = client.get("/sw.js")
    assert script.headers["Content-Type"] == "text/javascript"
    kept = re.search(r"KEPT = \[(.*)\]", script.content.decode())
    assert kept
    for path in re.findall(r'"([^"]+)"', kept[1]):
        assert (
            client.get(path).status_code == 200 if path == "/offline" else finders.find(path.removeprefix("/static/"))
        )


def test_every_module_of_the_page_is_preloaded_and_small() -> None:
    loaded = {path.relative_to(STATIC).as_posix() for path in STATIC.rglob("*.js") if "vendor" not in path.parts}
    assert {f"signals/{name}" for name in loaded - {"main.js", "offline.js", "again.js"}} == set(pages.MODULES)
    for name in loaded:
        assert len((STATIC / name).read_text("utf-8").splitlines()) < 300, name


def test_modules_use_no_eval_and_no_way_to_write_html() -> None:
    for path in STATIC.rglob("*.js"):
        if "vendor" not in path.parts:
            assert not re.search(
                r"\beval\(|new Function|innerHTML|outerHTML|insertAdjacentHTML", path.read_text("utf-8")
            )
