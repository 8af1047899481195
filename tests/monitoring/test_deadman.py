"""A dead watch process is noticed by the web process, which carries that mail too; so is a database that is gone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.db import OperationalError

from monitoring import deadman
from monitoring.alerts import lastresort, outbox
from monitoring.deadman import Switch
from monitoring.models import Alert, Heartbeat, OutboxMail, Recipient

pytestmark = pytest.mark.django_db(transaction=True)
T0 = datetime(2026, 1, 5, 12, tzinfo=UTC)
STEP, MINUTE = timedelta(seconds=15), timedelta(minutes=1)


@pytest.fixture(autouse=True)
def place(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.DATA_DIR = tmp_path
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    monkeypatch.setattr(outbox, "_carrier", None)
    Recipient.objects.create(name="ann", address="ann@example.org", verified_at=T0, created_at=T0)


def looks(switch: Switch, from_at: datetime, minutes: float) -> datetime:
    at = from_at
    while at < from_at + minutes * MINUTE:
        at += STEP
        switch.look(at)
    return at


def test_a_watch_that_beats_is_left_alone() -> None:
    switch, at = Switch("web", T0), T0
    for _ in range(10):
        Heartbeat.objects.update_or_create(name="watch", defaults={"beat_at": at})
        at = looks(switch, at, 1)
    assert not Alert.objects.exists() and mail.outbox == []


def test_a_watch_that_dies_is_alerted_once_mailed_by_the_web_process_and_its_return_too() -> None:
    Heartbeat.objects.create(name="watch", beat_at=T0)
    switch = Switch("web", T0)
    at = looks(switch, T0, 4)
    alert = Alert.objects.get()
    assert (alert.rule, alert.critical) == ("watch-late", True)
    assert 2 * MINUTE < alert.fired_at - T0 <= 2 * MINUTE + STEP
    assert [m.subject for m in mail.outbox] == ["[Icebreaker] Critical: Watch process is late"]
    for _ in range(8):
        Heartbeat.objects.update(beat_at=at)
        at = looks(switch, at, 1)
    alert.refresh_from_db()
    outbox.run(at)
    assert alert.resolved_at
    assert OutboxMail.objects.filter(kind="resolved", state="sent").count() == 1


def test_a_watch_that_never_ran_is_late_too_but_not_before_it_had_time_to_start() -> None:
    switch = Switch("web", T0)
    looks(switch, T0, 1.75)
    assert not Alert.objects.exists()
    looks(switch, T0 + 1.75 * MINUTE, 1)
    assert Alert.objects.count() == 1


def test_of_several_web_processes_one_looks_and_another_follows() -> None:
    Heartbeat.objects.create(name="watch", beat_at=T0)
    one, two = Switch("one", T0), Switch("two", T0)
    for n in range(1, 21):
        for switch in (one, two):
            switch.look(T0 + n * STEP)
    assert Alert.objects.count() == 1 and len(mail.outbox) == 1
    assert deadman._leading("one", T0 + 20 * STEP)
    assert not deadman._leading("two", T0 + 20 * STEP)
    assert deadman._leading("two", T0 + 22 * STEP)


def test_a_web_process_that_slept_itself_blames_nobody() -> None:
    Heartbeat.objects.create(name="watch", beat_at=T0)
    switch = Switch("web", T0)
    switch.look(T0 + STEP)
    looks(switch, T0 + 60 * MINUTE, 1.5)
    assert not Alert.objects.exists()


def test_a_database_that_is_gone_is_mailed_from_memory_once(monkeypatch: pytest.MonkeyPatch) -> None:
    Heartbeat.objects.create(name="watch", beat_at=T0)
    switch = Switch("web", T0)
    switch.look(T0 + STEP)

    def gone(*_: object) -> bool:
        raise OperationalError("the server closed the connection")

    with monkeypatch.context() as broken:
        broken.setattr(deadman, "_leading", gone)
        at = looks(switch, T0 + STEP, 1.5)
        assert mail.outbox == []
        at = looks(switch, at, 60)
    (sent,) = mail.outbox
    assert (sent.to, "database" in sent.subject) == (["ann@example.org"], True)
    assert sent.extra_headers["Message-ID"].startswith("<last-resort-")


def test_whom_to_tell_outlives_the_process_in_a_file_of_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "who.json"
    lastresort.LastResort(file).learn(T0)
    assert file.stat().st_mode & 0o777 == 0o600
    later = lastresort.LastResort(file)
    assert later.run(T0, T0 + 3 * MINUTE, "OperationalError") and len(mail.outbox) == 1


@pytest.mark.parametrize("text", ["", "{", '{"a": 1}', "[1, null]"])
def test_a_spoilt_file_is_nobody_and_no_trouble(tmp_path: Path, text: str) -> None:
    file = tmp_path / "who.json"
    file.write_text(text)
    assert not lastresort.LastResort(file).run(T0, T0 + 3 * MINUTE, "OperationalError")
