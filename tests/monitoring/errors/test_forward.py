"""Events on their way to a real Sentry: once each, patiently, and never back to ourselves."""

from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from pytest_django import Settings

from monitoring.errors import forward
from monitoring.errors.envelope import parse
from monitoring.errors.forward import Answer, target
from monitoring.models import ForwardItem
from tests.monitoring.errors.desk import T0, arrive, project
from tests.monitoring.errors.samples import error

pytestmark = pytest.mark.django_db
DSN = "https://" + "f" * 32 + "@o1.ingest.example/42"
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def place(settings: Settings, tmp_path: Path) -> Settings:
    settings.DATA_DIR, settings.SENTRY_DSN_FORWARD_BACKEND = tmp_path, DSN
    return settings


class Sentry:
    """The other end: says what it is told to say, and remembers what came."""

    def __init__(self, *answers: Answer | Exception) -> None:
        self.answers, self.came = list(answers), []  # type: ignore[var-annotated]

    def __call__(self, url: str, headers: dict[str, str], body: bytes) -> Answer:
        self.came.append((url, headers, body))
        answer = self.answers.pop(0) if self.answers else (200, 0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def test_a_cleaned_event_is_sent_on_once() -> None:
    arrive(project(), error("E", "mail ada@example.org"), error("E", "x", event_id="2" * 32))
    arrive(project("frontend"), error())
    sentry = Sentry()
    assert forward.run(T0, post=sentry) == 2
    url, headers, body = sentry.came[0]
    assert url == "https://o1.ingest.example/api/42/envelope/"
    assert "sentry_key=" + "f" * 32 in headers["X-Sentry-Auth"]
    assert headers["X-Icebreaker-Forwarded"] == "1"
    envelope = parse(body)
    assert (envelope.headers["event_id"], envelope.items[0].type) == (error()["event_id"], "event")
    assert b"ada@" not in body
    assert forward.run(T0, post=sentry) == 0
    assert not ForwardItem.objects.exists()


@pytest.mark.parametrize("trouble", [(500, 0), (503, 0), httpx.ConnectError("no")])
def test_trouble_over_there_is_waited_out(trouble: Answer | Exception) -> None:
    arrive(project(), error())
    sentry = Sentry(trouble)
    assert forward.run(T0, post=sentry) == 0
    assert forward.run(T0 + timedelta(seconds=5), post=sentry) == 0
    assert forward.run(T0 + MINUTE, post=sentry) == 1


def test_when_it_says_how_long_we_wait_that_long() -> None:
    arrive(project(), error())
    forward.run(T0, post=Sentry((429, 600)))
    assert ForwardItem.objects.get().next_attempt_at == T0 + timedelta(seconds=600)


def test_after_a_day_it_is_given_up_and_stays_to_be_seen() -> None:
    arrive(project(), error())
    for minutes in range(0, 26 * 60, 10):
        forward.run(T0 + minutes * MINUTE, post=Sentry((500, 0)))
    item = ForwardItem.objects.get()
    assert (item.state, item.last_error) == ("dead", "HTTP 500")


def test_what_is_refused_for_good_is_not_tried_again() -> None:
    arrive(project(), error())
    forward.run(T0, post=Sentry((403, 0)))
    assert ForwardItem.objects.get().state == "dead"


def test_nothing_is_ever_sent_to_ourselves(place: Settings) -> None:
    place.SENTRY_DSN_FORWARD_BACKEND = f"{place.PUBLIC_URL.replace('://', '://' + 'a' * 32 + '@')}/1"
    assert target("backend") is None
    arrive(project(), error())
    assert not ForwardItem.objects.exists()


@pytest.mark.parametrize("dsn", ["", "nonsense", "https://example.org/1"])
def test_what_is_no_dsn_is_no_target(place: Settings, dsn: str) -> None:
    place.SENTRY_DSN_FORWARD_BACKEND = dsn
    assert target("backend") is None


def test_when_nobody_wants_it_any_more_the_queue_empties(place: Settings) -> None:
    arrive(project(), error())
    place.SENTRY_DSN_FORWARD_BACKEND = ""
    forward.run(T0, post=Sentry())
    assert not ForwardItem.objects.exists()
