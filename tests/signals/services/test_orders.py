"""What moderators order reaches the session that a report names only by its mark."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import DatabaseError

from signals.models import Order, Report
from signals.presence.memory import MemoryPresence
from signals.services import orders, safety, sessions
from tests.signals.world import NOW, Someone, someone

pytestmark = pytest.mark.django_db(transaction=True)


async def order(who: Someone, action: str, at: float = NOW) -> Order:
    when = datetime.fromtimestamp(at, UTC)
    return await Order.objects.acreate(reported_hash=safety.keyed(who.id), action=action, ordered_at=when)


async def test_an_excluded_session_is_off_every_radar_for_an_hour_and_no_longer(store: MemoryPresence) -> None:
    a, b = await someone(), await someone()
    await order(b, "exclude")
    assert await orders.run(NOW + 1) == 1
    assert (await sessions.get(b.id, NOW + 1)).standing.excluded_until == NOW + 3600
    assert store.shown(b.id) is None
    assert store.shown(a.id) is not None
    await sessions.touch(b.id, NOW + 3000)
    await sessions.sweep(NOW + 3601)
    assert store.shown(b.id) is not None


async def test_an_ended_session_is_told_and_its_socket_closed_on_purpose(store: MemoryPresence) -> None:
    bad = await someone()
    done = await order(bad, "end")
    await orders.run(NOW + 1)
    assert bad.closed == [1000]
    assert await store.get(bad.id) is None
    await done.arefresh_from_db()
    assert (done.found, done.done_at) == (True, datetime.fromtimestamp(NOW, UTC) + timedelta(seconds=1))


async def test_an_order_is_carried_out_once_and_says_when_nobody_was_left(store: MemoryPresence) -> None:
    gone = await someone()
    await sessions.end(gone.id, "user_exit", NOW)
    late = await order(gone, "end")
    assert [await orders.run(NOW + 1), await orders.run(NOW + 6)] == [1, 0]
    await late.arefresh_from_db()
    assert late.found is False


async def test_a_report_that_the_database_would_not_take_counts_and_is_written_when_it_does(
    store: MemoryPresence, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = await someone(), await someone()
    tries = []
    real = Report.asave

    async def sometimes(row: Report, **how: bool) -> None:
        tries.append(row)
        if len(tries) < 3:
            raise DatabaseError
        await real(row, **how)

    monkeypatch.setattr(Report, "asave", sometimes)
    await safety.report(a.id, b.id, "spam", NOW, retries_s=(0.0, 0.0))
    assert len((await sessions.get(b.id, NOW)).standing.reporters) == 1
    await safety.drain()
    assert (len(tries), await Report.objects.acount()) == (3, 1)
