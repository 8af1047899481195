"""Block, report and panic, with a real mail server."""

import asyncio
import socket
import traceback
from collections.abc import Iterator

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from signals import errors, telemetry
from signals.models import Report
from signals.presence.memory import MemoryPresence
from signals.services import chats, radar, safety, sessions
from tests.signals.world import HERE, NOW, someone

pytestmark = pytest.mark.usefixtures("store")


class Mailbox:
    """Refuses the first few mails, keeps the others."""

    def __init__(self) -> None:
        self.refuse, self.mails = 0, list[str]()

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if self.refuse:
            self.refuse -= 1
            return "451 try again"
        content = envelope.content
        assert isinstance(content, bytes)
        self.mails.append(content.decode())
        return "250 OK"


@pytest.fixture
def mailbox(settings: object) -> Iterator[Mailbox]:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    box = Mailbox()
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"  # type: ignore[attr-defined]
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port  # type: ignore[attr-defined]
    yield box
    controller.stop()


async def test_a_block_hides_the_two_from_each_other_and_reads_like_a_goodbye() -> None:
    a, b = await someone(), await someone()
    await chats.request(a.id, b.id, NOW)
    await chats.accept(b.id, a.id, NOW)
    a.heard(), b.heard()
    await safety.block(a.id, b.id, NOW)
    assert [p["reason"] for _, p in a.heard()] == ["user_blocked"]
    assert [p["reason"] for _, p in b.heard()] == ["user_exit"]
    for one, other in ((a, b), (b, a)):
        assert other.id.encode() not in await radar.scan(one.id, 50, False, NOW)
        with pytest.raises(errors.ChatRequestFailed):
            await chats.request(one.id, other.id, NOW)
    for target in (a.id, b.id, "nobody"):
        with pytest.raises(errors.BlockFailed):
            await safety.block(a.id, target, NOW)


@pytest.mark.django_db(transaction=True)
async def test_three_reporters_take_somebody_off_every_radar_for_an_hour() -> None:
    bad, others = await someone(), [await someone() for _ in range(4)]
    for other in others[:3]:
        assert bad.id.encode() in await radar.scan(others[3].id, 50, False, NOW)
        await safety.report(other.id, bad.id, "spam", NOW)
    assert bad.id.encode() not in await radar.scan(others[3].id, 50, False, NOW)
    for who in (bad, *others):
        await sessions.touch(who.id, NOW + 1800)
    await sessions.sweep(NOW + 3600)
    assert bad.id.encode() in await radar.scan(others[3].id, 50, False, NOW + 3600)
    rows = [row async for row in Report.objects.all()]
    assert len(rows) == 3 and len({r.reporter_hash for r in rows}) == 3 and len({r.reported_hash for r in rows}) == 1
    assert not any(who.id in repr(row.__dict__) for row in rows for who in (bad, *others))


@pytest.mark.django_db(transaction=True)
async def test_a_second_report_an_unknown_one_and_oneself_are_refused_and_leave_no_row() -> None:
    a, b = await someone(), await someone()
    await safety.report(a.id, b.id, "other", NOW)
    for target in (b.id, a.id, "nobody"):
        with pytest.raises(errors.ReportFailed):
            await safety.report(a.id, target, "other", NOW)
    with pytest.raises(errors.ValidationFailed):
        await safety.report(b.id, a.id, "rudeness", NOW)
    assert await Report.objects.acount() == 1


async def test_panic_ends_everything_and_the_mail_tells_time_and_area_alone(
    mailbox: Mailbox, store: MemoryPresence
) -> None:
    a, b = await someone(), await someone()
    await sessions.set_contact(a.id, " ann@example.org ", NOW)
    await chats.request(a.id, b.id, NOW)
    await chats.accept(b.id, a.id, NOW)
    a.heard(), b.heard()
    mailbox.refuse = 2
    await safety.panic(a.id, NOW + 60, retries_s=(0, 0, 0))
    ((type_, payload),) = a.heard()
    assert type_ == "panic:triggered" and payload["contactAlerted"] is True
    assert payload["exclusionExpiresAt"] == round((NOW + 3660) * 1000)
    assert a.closed == [1000]
    assert [p["reason"] for _, p in b.heard()] == ["user_exit"]
    assert await store.get(a.id) is None
    await safety.drain()
    (mail,) = mailbox.mails
    assert "To: ann@example.org" in mail and "2027-01-15 08:01 UTC" in mail and "881f8ed" in mail
    assert a.handle not in mail and a.id not in mail and b.handle not in mail
    assert str(HERE[0])[:5] not in mail


async def test_panic_without_a_contact_says_so_and_mails_nobody(mailbox: Mailbox) -> None:
    a = await someone(point=None)
    await safety.panic(a.id, NOW)
    assert a.heard()[0][1]["contactAlerted"] is False
    await safety.drain()
    assert not mailbox.mails


def test_without_a_position_the_mail_says_that_the_area_is_unknown() -> None:
    assert "Area: unknown" in safety.letter("ann@example.org", None, NOW).body


async def test_before_the_process_stops_a_waiting_mail_has_one_more_try_at_once(mailbox: Mailbox) -> None:
    a = await someone()
    await sessions.set_contact(a.id, "ann@example.org", NOW)
    mailbox.refuse = 1
    await safety.panic(a.id, NOW, retries_s=(3600, 3600))
    async with asyncio.timeout(5):
        while not safety._waiting:
            await asyncio.sleep(0.01)
    await safety.finish()
    assert len(mailbox.mails) == 1
    assert not safety._under_way and not safety._waiting


async def test_a_mail_that_is_lost_is_told_once_and_without_the_address(
    mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    captured: list[BaseException] = []
    monkeypatch.setattr(telemetry, "capture", lambda error, **tags: captured.append(error))
    a = await someone()
    await sessions.set_contact(a.id, "ann@example.org", NOW)
    mailbox.refuse = 9
    await safety.panic(a.id, NOW, retries_s=(0, 0))
    await safety.drain()
    (error,) = captured
    assert isinstance(error, safety.PanicMailLost)
    assert "ann" not in "".join(traceback.format_exception(error))
    assert mailbox.refuse == 6


async def test_where_no_mail_leaves_nobody_is_said_to_be_alerted(settings: object) -> None:
    settings.MAIL_LEAVES = False  # type: ignore[attr-defined]
    a = await someone()
    await sessions.set_contact(a.id, "ann@example.org", NOW)
    await safety.panic(a.id, NOW)
    assert a.heard()[0][1]["contactAlerted"] is False
    await safety.drain()


async def test_a_session_blocks_only_so_many(settings: object) -> None:
    settings.BLOCKS_PER_SESSION = 2  # type: ignore[attr-defined]
    me, *others = [await someone() for _ in range(4)]
    for other in others[:2]:
        await safety.block(me.id, other.id, NOW)
    with pytest.raises(errors.BlockFailed, match="as many people"):
        await safety.block(me.id, others[2].id, NOW)
    await safety.block(others[2].id, me.id, NOW)
