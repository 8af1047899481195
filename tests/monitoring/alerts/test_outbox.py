"""A mail is sent exactly when SMTP took it, whatever the server does, and goes again under the same Message-ID."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from django.core import signing
from django.core.mail import get_connection
from django.db import DatabaseError

from monitoring.alerts import outbox, post, smtp, tokens
from monitoring.alerts.letters import Block, letter
from monitoring.models import Alert, OutboxMail, Recipient
from monitoring.uptime.probe import Prober
from monitoring.watch import jobs
from tests.monitoring.alerts.mailserver import BUSY, DELAY, DROP, REFUSE, STALL, TAKE, TAKE_AND_DROP, MailServer

pytestmark = pytest.mark.django_db(transaction=True)
T0 = datetime(2026, 1, 5, 12, tzinfo=UTC)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
NASTY = "TypeError: <img src=x onerror=alert(1)>\r\nBcc: eve@example.org \u202egnol"


@pytest.fixture
def server() -> Iterator[MailServer]:
    with MailServer() as running:
        yield running


def carrier(server: MailServer, name: str = "one") -> outbox.Carrier:
    backend = "django.core.mail.backends.smtp.EmailBackend"
    return outbox.Carrier(name, lambda: get_connection(backend, host="127.0.0.1", port=server.port, timeout=5))


def ann(**said: Any) -> Recipient:
    known = {"name": "Ann", "address": "ann@example.org", "verified_at": T0, "created_at": T0} | said
    return Recipient.objects.create(**known)


def owed(n: int = 1, recipient: Recipient | None = None) -> list[OutboxMail]:
    recipient = recipient or ann()
    said = letter("Hello", [Block("Hello", ["There."])], "Bye.")
    return [post.put(OutboxMail.Kind.TEST, recipient, now=T0, said=said) for _ in range(n)]


def fired(rule: str = "error-rate-critical", **said: Any) -> Alert:
    known = {"title": "Errors", "severity": "critical", "began_at": T0, "fired_at": T0, "value": 12.0, "peak": 14.0}
    return Alert.objects.create(rule=rule, **(known | said))


def fresh(mail: OutboxMail) -> OutboxMail:
    return OutboxMail.objects.get(pk=mail.pk)


def test_a_mail_that_smtp_took_is_sent_and_goes_never_again(server: MailServer) -> None:
    (mail,) = owed()
    one = carrier(server)
    assert one.run(T0) == 1 and one.run(T0 + HOUR) == 0
    assert (fresh(mail).state, server.ids) == ("sent", [mail.message_id])
    assert [t.outcome for t in mail.tries.all()] == ["accepted"]


@pytest.mark.parametrize(
    ("mood", "outcome", "word"),
    [(REFUSE, "refused", "550"), (BUSY, "refused", "451"), (DROP, "failed", "Disconnected")],
)
def test_a_server_that_will_not_take_it_is_asked_again_with_what_it_said_on_record(
    server: MailServer, mood: str, outcome: str, word: str
) -> None:
    server.moods.extendleft([mood])
    (mail,) = owed()
    one = carrier(server)
    assert one.run(T0) == 0
    attempt = mail.tries.get()
    assert attempt.outcome == outcome and word in attempt.reply
    assert (fresh(mail).state, one.run(T0 + 5 * SECOND)) == ("waiting", 0)
    assert one.run(T0 + 11 * SECOND) == 1 and server.ids == [mail.message_id]


def test_a_server_that_takes_it_and_hangs_up_gets_it_again_under_the_same_name(server: MailServer) -> None:
    server.moods.extendleft([TAKE_AND_DROP])
    (mail,) = owed()
    one = carrier(server)
    one.run(T0)
    assert fresh(mail).state == "waiting", "it never said yes"
    one.run(T0 + MINUTE)
    assert server.ids == [mail.message_id] * 2


def test_one_address_that_is_refused_holds_up_no_other(server: MailServer) -> None:
    server.moods.extendleft([TAKE, REFUSE])
    owed(3)
    assert carrier(server).run(T0) == 2


def test_nobody_listens_and_each_mail_is_kept_with_longer_and_longer_pauses() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    one = outbox.Carrier(
        "one", lambda: get_connection("django.core.mail.backends.smtp.EmailBackend", host="127.0.0.1", port=port)
    )
    (mail,) = owed()
    waits, at = [], T0
    for _ in range(7):
        one.run(at)
        waits.append((fresh(mail).next_attempt_at - at).total_seconds())
        at = fresh(mail).next_attempt_at
    assert waits == pytest.approx([10, 20, 40, 80, 160, 300, 300], abs=1)
    OutboxMail.objects.update(next_attempt_at=T0 + 24 * HOUR)
    one.run(T0 + 24 * HOUR)
    assert fresh(mail).state == "given_up"


def test_two_processes_share_the_mails_and_send_each_once(server: MailServer) -> None:
    mails = owed(6)
    one, two = carrier(server, "one"), carrier(server, "two")
    first = one._claim(T0)
    assert first and two.run(T0) == 5
    assert two.run(T0 + 44 * SECOND) == 0, "the first one holds it"
    assert two.run(T0 + 46 * SECOND) == 1, "and was killed, as it seems"
    assert sorted(server.ids) == sorted(mail.message_id for mail in mails)


def test_what_was_taken_while_the_database_failed_is_written_before_anything_goes_again(
    server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    (mail,) = owed()
    one = carrier(server)
    with monkeypatch.context() as broken:
        broken.setattr(outbox, "_sent", lambda *_: (_ for _ in ()).throw(DatabaseError("locked")))
        for n in range(3):
            with pytest.raises(DatabaseError):
                one.run(T0 + n * HOUR)
    assert fresh(mail).state == "waiting" and server.ids == [mail.message_id]
    one.run(T0 + 4 * HOUR)
    assert fresh(mail).state == "sent" and server.ids == [mail.message_id]


def test_an_alert_mail_says_what_since_when_and_where_and_can_be_answered(server: MailServer) -> None:
    alert = fired(detail=NASTY, release="1.2.3", last=12.0)
    mail = post.put(OutboxMail.Kind.FIRED, ann(), now=T0)
    mail.alerts.add(alert)
    carrier(server).run(T0 + MINUTE)
    (taken,) = server.taken
    text = taken.get_body(("plain",)).get_content()  # type: ignore[attr-defined]
    html = taken.get_body(("html",)).get_content()  # type: ignore[attr-defined]
    assert taken["Subject"] == "[Icebreaker] Critical: Errors" and taken["Importance"] == "high"
    assert (taken["To"], taken["Bcc"]) == ("Ann <ann@example.org>", None)
    for word in ("12 a minute", "at most 10 a minute", "14 a minute", "2026-01-05 12:00:00 UTC (1 min)", "1.2.3"):
        assert word in text and word in html
    assert "/monitoring/runbooks/" in text and f"/admin/monitoring/alert/{alert.pk}/" in text
    assert "<img" not in html and "\u202e" not in text and "Bcc: eve" in text
    token = text.split("/monitoring/acknowledge/")[1].split("/")[0]
    assert tokens.mail_of(token) == mail


def test_a_header_can_not_be_slipped_into_a_mail(server: MailServer) -> None:
    alert = fired(title=NASTY)
    mail = post.put(OutboxMail.Kind.FIRED, ann(name="Ann\r\nBcc: eve@example.org"), now=T0)
    mail.alerts.add(alert)
    assert carrier(server).run(T0 + MINUTE) == 1
    (taken,) = server.taken
    assert taken["Bcc"] is None and "\n" not in str(taken["Subject"]).strip()


def test_later_mails_hang_under_the_first_one(server: MailServer) -> None:
    alert, recipient = fired(), ann()
    first, later = (post.put(kind, recipient, now=T0) for kind in (OutboxMail.Kind.FIRED, OutboxMail.Kind.REMINDER))
    for mail in (first, later):
        mail.alerts.add(alert)
    carrier(server).run(T0 + MINUTE)
    assert [m["In-Reply-To"] for m in server.taken] == [None, first.message_id]


def test_a_mail_for_nobody_is_worded_and_kept_where_staff_see_it(server: MailServer) -> None:
    (mail,) = post.to_everybody(OutboxMail.Kind.FIRED, now=T0, due_at=T0)
    mail.alerts.add(fired())
    assert carrier(server).run(T0 + MINUTE) == 0 and server.taken == []
    assert (fresh(mail).state, "Errors" in fresh(mail).html) == ("nobody", True)


def hurried(server: MailServer, at_most_s: float) -> outbox.Carrier:
    def connect() -> smtp.EmailBackend:
        return smtp.EmailBackend(host="127.0.0.1", port=server.port, timeout=5, at_most_s=at_most_s)

    return outbox.Carrier("one", connect)


def test_a_server_that_is_slow_gets_no_more_mails_than_a_run_has_time_for_and_the_others_next_in_order(
    server: MailServer,
) -> None:
    server.moods.appendleft(DELAY)
    server.moods.pop()
    server.delay_s = 0.02
    mails, one, looks = owed(5), carrier(server), count()

    def clock() -> float:  # time passes whenever somebody looks: a mail takes six seconds
        return 1.5 * next(looks)

    counts = [one.run(T0 + n * MINUTE, clock) for n in range(5)]
    assert counts == [2, 2, 1, 0, 0]
    assert server.ids == [mail.message_id for mail in mails]


def test_a_server_that_drips_its_answer_is_cut_off_and_the_mail_goes_again(server: MailServer) -> None:
    server.moods.appendleft(STALL)
    first, second = owed(2)
    one = hurried(server, 0.3)
    assert one.run(T0) == 0
    attempt = first.tries.get()
    assert (attempt.outcome, smtp.TOO_SLOW in attempt.reply) == ("failed", True)
    assert fresh(second).attempts == 0, "the next would have fared no better"
    assert one.run(T0 + MINUTE) == 2
    assert server.ids == [first.message_id, second.message_id]


def test_a_server_that_never_greets_is_given_up_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        one = outbox.Carrier("one", lambda: smtp.EmailBackend(host="127.0.0.1", port=port, timeout=600, at_most_s=0.2))
        (mail,) = owed()
        assert one.run(T0) == 0
    assert smtp.TOO_SLOW in mail.tries.get().reply


def test_the_slowest_run_is_over_before_its_limit_and_a_lease_outlasts_an_attempt() -> None:
    (job,) = [job for job in jobs(Prober()) if job.name == "outbox"]
    attempt_s = 2 * smtp.MAIL_AT_MOST_S  # signing in, and the mail
    assert outbox.AT_ONCE_S + attempt_s + smtp.CLOSE_AT_MOST_S < job.limit.total_seconds() - 5
    assert attempt_s + smtp.CLOSE_AT_MOST_S < outbox.LEASE.total_seconds() - 5


def test_the_mail_server_that_is_set_is_reached_by_the_bounded_way(settings: Any) -> None:
    settings.EMAIL_BACKEND = outbox.DJANGOS
    assert isinstance(outbox._connect(), smtp.EmailBackend)
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert not isinstance(outbox._connect(), smtp.EmailBackend)


@pytest.mark.parametrize("inside", [None, 7, "no key", ["a"], {"pk": 1}, [None, None], [1, 2, 3]])
def test_a_link_that_is_signed_but_holds_no_key_is_a_bad_one(inside: Any) -> None:
    with pytest.raises(tokens.BadLink, match="not one of ours"):
        tokens.mail_of(signing.dumps(inside, salt=tokens._ACKNOWLEDGE))
    with pytest.raises(tokens.BadLink, match="not one of ours"):
        tokens.recipient_of(signing.dumps(inside, salt=tokens._VERIFY))
