"""From the spool into issues: each event exactly once, whatever dies in between."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError
from pytest_django import Settings

from monitoring.errors import digest, filing, spool
from monitoring.errors.record import encode
from monitoring.models import DeadLetter, Event, Issue, IssueHour, IssueTransition, Refused, Release, Sent, SpoolFile
from tests.monitoring.errors.desk import T0, arrive, project, put, record, refusals
from tests.monitoring.errors.samples import error, frame

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def data(settings: Settings, tmp_path: Path) -> Path:
    settings.DATA_DIR = tmp_path
    return tmp_path


def sent(n: int, *args: Any, **more: Any) -> dict[str, Any]:
    return error(*args, event_id=f"{n:032x}", **more)


def test_events_become_issues_by_what_they_are() -> None:
    assert arrive(project(), sent(1), sent(2), sent(3, "TypeError", "other")) == 3
    assert sorted(Issue.objects.values_list("type", "count")) == [("TypeError", 1), ("ValueError", 2)]
    issue = Issue.objects.get(type="ValueError")
    assert (issue.culprit, issue.value, issue.status) == ("signals.views in call", "bad", "unresolved")
    assert (issue.first_release, issue.last_release) == ("icebreaker@1.2.34", "icebreaker@1.2.34")
    assert issue.first_seen_at == issue.last_seen_at == T0
    assert spool.finished(digest.directory()) == []
    assert not SpoolFile.objects.exists()


def test_the_same_event_twice_is_one_in_one_batch_and_in_the_next() -> None:
    assert arrive(project(), sent(1), sent(1)) == 1
    assert arrive(project(), sent(1)) == 0
    assert Issue.objects.get().count == Event.objects.count() == 1
    assert Refused.objects.get(reason="duplicate").count == 2


def test_the_same_id_in_another_project_is_another_event() -> None:
    assert arrive(project(), sent(1)) + arrive(project("frontend"), sent(1)) == 2
    assert Issue.objects.count() == 2


def test_a_new_issue_is_a_turning_point_once() -> None:
    arrive(project(), sent(1))
    arrive(project(), sent(2), at=T0 + MINUTE)
    assert [(t.kind, t.at) for t in IssueTransition.objects.all()] == [("new", T0)]
    assert list(Event.objects.order_by("received_at").values_list("turning_point", flat=True)) == [True, False]


def test_an_event_on_a_resolved_issue_is_a_regression() -> None:
    arrive(project(), sent(1))
    Issue.objects.update(status="resolved", resolved_at=T0)
    arrive(project(), sent(2), sent(3), at=T0 + MINUTE)
    issue = Issue.objects.get()
    assert (issue.status, issue.resolved_at, issue.count) == ("unresolved", None, 3)
    assert [t.kind for t in issue.transitions.all()] == ["new", "regression"]
    assert Event.objects.filter(turning_point=True).count() == 2


def test_resolved_in_the_next_release_waits_for_one() -> None:
    arrive(project(), sent(1, release="1.0"))
    Issue.objects.update(status="resolved", resolved_at=T0 + MINUTE, in_next_release=True)
    arrive(project(), sent(2, release="1.0"), at=T0 + 2 * MINUTE)
    assert Issue.objects.get().status == "resolved"
    arrive(project(), sent(3, release="1.1"), at=T0 + 3 * MINUTE)
    assert Issue.objects.get().status == "unresolved"
    assert [r.version for r in Release.objects.order_by("first_seen_at")] == ["1.0", "1.1"]


def test_an_ignored_issue_counts_on_in_silence() -> None:
    arrive(project(), sent(1))
    Issue.objects.update(status="ignored", ignored_until_count=3)
    arrive(project(), sent(2), at=T0 + MINUTE)
    assert (Issue.objects.get().status, Issue.objects.get().count) == ("ignored", 2)
    arrive(project(), sent(3), at=T0 + 2 * MINUTE)
    assert Issue.objects.get().status == "unresolved"


def test_different_people_are_counted_each_once() -> None:
    hit = [sent(n, tags={"sessionId": f"s{n % 3}"}) for n in range(9)]
    arrive(project(), *hit, sent(20))
    assert Issue.objects.get().people == 3
    assert not Event.objects.filter(person__startswith="s").exists()


def test_hours_are_counted_apart() -> None:
    arrive(project(), sent(1), sent(2))
    arrive(project(), sent(3), at=T0 + timedelta(hours=1))
    assert list(IssueHour.objects.order_by("hour").values_list("hour", "count")) == [
        (T0, 2),
        (T0 + timedelta(hours=1), 1),
    ]


@pytest.mark.parametrize(
    ("said", "skew_s", "expected"),
    [
        ("2026-03-01T11:59:00Z", 0, T0 - MINUTE),
        ((T0 - MINUTE).timestamp(), 0, T0 - MINUTE),
        ("2025-03-01T11:59:00Z", 365 * 86400.0, T0 - MINUTE),
        ("2025-03-01T11:59:00Z", 0, T0),
        ("2027-03-01T12:00:00Z", 0, T0),
        ("nonsense", 0, T0),
        (1e300, 0, T0),
        (None, 0, T0),
    ],
)
def test_when_it_happened_is_by_our_clock(said: Any, skew_s: float, expected: Any) -> None:
    put(record(project(), sent(1, timestamp=said), skew_s=skew_s))
    digest.run(T0)
    event = Event.objects.get()
    assert (event.occurred_at, event.received_at) == (expected, T0)


def test_refusals_are_added_up_by_hour() -> None:
    put(refusals((1, "quota", 5), (0, "wrong_key", 1)), refusals((1, "quota", 2)))
    digest.run(T0)
    assert sorted(Refused.objects.values_list("project_number", "reason", "count")) == [
        (0, "wrong_key", 1),
        (1, "quota", 7),
    ]


def test_everything_else_has_its_row_once() -> None:
    transaction = {
        "event_id": "f" * 32,
        "transaction": "chat:message",
        "start_timestamp": T0.timestamp(),
        "timestamp": T0.timestamp() + 0.25,
        "contexts": {"trace": {"trace_id": "a" * 32, "status": "ok"}},
    }
    mine = project()
    for _ in range(2):
        put(record(mine, transaction, at=T0 + MINUTE, kind="transaction"))
    put(record(mine, {"monitor_slug": "nightly", "status": "error", "duration": 2.0}, kind="check_in"))
    put(record(mine, {"sid": "x", "status": "crashed", "attrs": {"release": "1"}}, kind="session"))
    lost = [{"reason": "queue_overflow", "category": "error", "quantity": 4}, {"reason": "bad <b>", "quantity": 1}]
    put(record(mine, {"discarded_events": lost}, kind="client_report"))
    digest.run(T0)
    trace = Sent.objects.get(kind="transaction")
    assert (trace.name, trace.duration_ms, trace.status, trace.trace_id) == ("chat:message", 250.0, "ok", "a" * 32)
    assert sorted(Sent.objects.values_list("kind", "status")) == [
        ("check_in", "error"),
        ("client_report", ""),
        ("session", "crashed"),
        ("transaction", "ok"),
    ]
    assert dict(Refused.objects.values_list("reason", "count")) == {"client:queue_overflow": 4, "client:other": 1}


def test_a_damaged_record_is_counted_and_costs_nobody_else() -> None:
    mine = project()
    put(record(mine, sent(1)), record(mine, sent(2)), record(mine, sent(3)))
    (path,) = spool.finished(digest.directory())
    data, second = path.read_bytes(), encode(record(mine, sent(2)))
    at = data.find(second[:40], len(spool.MAGIC) + len(second))
    assert at > 0
    path.write_bytes(data[: at + 50] + bytes([data[at + 50] ^ 1]) + data[at + 51 :])
    assert digest.run(T0) == 2
    assert Refused.objects.get(reason="damaged").count == 1


def test_what_can_not_be_digested_is_a_visible_dead_letter_and_the_rest_goes_on() -> None:
    mine = project()
    put(record(mine, sent(1)), b"this is no record", record(mine, sent(2)))
    assert digest.run(T0) == 2
    letter = DeadLetter.objects.get()
    assert (letter.state, letter.attempts, bytes(letter.record)) == ("waiting", 1, b"this is no record")
    assert "in decode" in letter.error
    assert spool.finished(digest.directory()) == []


def test_a_dead_letter_is_tried_again_and_goes_when_it_works(monkeypatch: pytest.MonkeyPatch) -> None:
    put(record(project(), sent(1)))
    real = filing.group

    def broken(event: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(filing, "group", broken)
    assert digest.run(T0) == 0
    assert DeadLetter.objects.get().error.startswith("ZeroDivisionError in broken")
    monkeypatch.setattr(filing, "group", real)
    assert digest.run(T0 + timedelta(seconds=30)) == 0
    assert digest.run(T0 + 2 * MINUTE) == 1
    assert not DeadLetter.objects.exists()


def test_a_letter_that_never_works_is_given_up_and_stays_to_be_seen() -> None:
    put(b"this is no record")
    for hours in range(12):
        digest.run(T0 + timedelta(hours=hours))
    letter = DeadLetter.objects.get()
    assert (letter.state, letter.attempts) == ("dead", 5)


def test_when_the_database_is_locked_everything_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    put(record(project(), sent(1)))
    real = digest.file

    def locked(records: Any) -> int:
        raise OperationalError("database is locked")

    monkeypatch.setattr(digest, "file", locked)
    with pytest.raises(OperationalError):
        digest.run(T0)
    assert not DeadLetter.objects.exists()
    monkeypatch.setattr(digest, "file", real)
    assert digest.run(T0 + 2 * MINUTE) == 1


def test_a_run_that_died_halfway_is_taken_up_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digest, "BATCH", 2)
    mine = project()
    put(*(record(mine, sent(n)) for n in range(7)))
    real, calls = digest._move, []

    def dies(*args: Any) -> None:
        real(*args)
        calls.append(1)
        if len(calls) == 3:
            raise SystemExit

    monkeypatch.setattr(digest, "_move", dies)
    with pytest.raises(SystemExit):
        digest.run(T0)
    assert Event.objects.count() == 4
    monkeypatch.setattr(digest, "_move", real)
    assert digest.run(T0 + timedelta(seconds=30)) == 0  # the lease of who died still holds
    assert digest.run(T0 + 2 * MINUTE) == 3
    assert Issue.objects.get().count == Event.objects.count() == 7
    assert not Refused.objects.exists()


def test_a_run_that_died_after_its_last_write_leaves_nothing_behind() -> None:
    put(record(project(), sent(1)))
    (path,) = spool.finished(digest.directory())
    copy = path.read_bytes()
    assert digest.run(T0) == 1
    path.write_bytes(copy)
    SpoolFile.objects.create(name=path.name, done=True, leased_until=T0)
    SpoolFile.objects.create(name="gone.ready", done=True, leased_until=T0)
    assert digest.run(T0 + MINUTE) == 0
    assert not path.exists()
    assert not SpoolFile.objects.exists()


def test_a_file_that_somebody_else_works_on_is_left_alone() -> None:
    put(record(project(), sent(1)))
    (path,) = spool.finished(digest.directory())
    SpoolFile.objects.create(name=path.name, leased_by="other", leased_until=T0 + MINUTE)
    assert digest.run(T0) == 0
    assert digest.run(T0 + MINUTE) == 1


def test_who_lost_the_lease_writes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    put(record(project(), sent(1)))
    real = digest.file

    def slow(records: Any) -> int:
        SpoolFile.objects.update(leased_by="somebody else")
        return real(records)

    monkeypatch.setattr(digest, "file", slow)
    assert digest.run(T0) == 0
    assert not Event.objects.exists()


def test_a_limit_ends_a_run_and_the_next_goes_on_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digest, "BATCH", 2)
    mine = project()
    put(*(record(mine, sent(n)) for n in range(5)))
    assert [digest.run(T0, limit=2) for _ in range(3)] == [2, 2, 1]
    assert Event.objects.count() == 5


def test_events_of_a_project_that_is_gone_are_counted() -> None:
    mine = project()
    put(record(mine, sent(1)))
    number = mine.pk
    mine.delete()
    assert digest.run(T0) == 0
    assert Refused.objects.get(reason="unknown_project").project_number == number


def test_too_many_kinds_of_trouble_become_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filing, "ISSUES_MAX", 3)
    arrive(project(), *(sent(n, f"Kind{n}") for n in range(6)))
    arrive(project(), sent(9, "Kind9"), at=T0 + MINUTE)
    assert Issue.objects.count() == 4
    assert Issue.objects.get(type="Other errors").count == 4
    assert IssueTransition.objects.filter(kind="new").count() == 4


def test_strange_characters_are_no_reason_to_die() -> None:
    mine = project()
    strange = frame("m\x00od", "f\x00\x1e", filename="a\x00b", context_line="\x00")
    arrive(mine, sent(1, "E\x00", "v\x00\ud7ff😀", strange), sent(2, message="x\x00y", exception=None))
    assert not DeadLetter.objects.exists()
    assert Event.objects.count() == 2
    assert "\x00" not in "".join(Issue.objects.values_list("type", flat=True))
