"""Reports and orders are forgotten in time."""

from datetime import UTC, datetime, timedelta

import pytest

from signals.models import Order, Report
from signals.services import retention
from tests.signals.world import NOW

pytestmark = pytest.mark.django_db(transaction=True)


async def test_reports_and_orders_are_forgotten_when_their_days_are_over_and_no_sooner(
    settings: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.REPORTS_KEPT_DAYS = 10  # type: ignore[attr-defined]
    monkeypatch.setattr(retention, "STEP", 2)
    now = datetime.fromtimestamp(NOW, UTC)
    for n in range(12):
        at = now - timedelta(days=n)
        await Report.objects.acreate(category="spam", reported_at=at, reporter_hash=str(n), reported_hash="x")
        await Order.objects.acreate(reported_hash="x", action="end", ordered_at=at)
    assert await retention.forget(NOW + 1) == 4
    assert (await Report.objects.acount(), await Order.objects.acount()) == (10, 10)
