"""A process looks at the overview before anybody does, and whatever goes wrong then harms nothing."""

from __future__ import annotations

import logging
import threading
from typing import Any

import pytest
from django.db import connection

from monitoring.views import warm


@pytest.mark.django_db
def test_a_look_reads_the_overview_and_its_templates(django_assert_max_num_queries: Any) -> None:
    with django_assert_max_num_queries(80) as asked:
        warm.up()
    assert any("monitoring_incident" in query["sql"] for query in asked.captured_queries)


def test_trouble_is_said_once_and_kept_from_the_process(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise RuntimeError

    monkeypatch.setattr(warm, "up", fail)
    monkeypatch.setattr(connection, "close", lambda: None)
    caplog.set_level(logging.INFO, "icebreaker")
    warm._quietly()
    assert [record.getMessage() for record in caplog.records] == ["the boards could not be warmed: RuntimeError"]


def test_it_begins_once_and_not_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[float, Any]] = []

    class Timer(threading.Thread):
        def __init__(self, after_s: float, function: Any) -> None:
            super().__init__(target=lambda: None)
            made.append((after_s, function))

    monkeypatch.setattr(warm, "_begun", threading.Event())
    monkeypatch.setattr(threading, "Timer", Timer)
    warm.start()
    warm.start()
    assert made == [(warm.AFTER_S, warm._quietly)]
