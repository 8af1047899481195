"""Several watch processes that see the same alerts at once still make one incident."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Barrier

import pytest
from django.db import connection

from monitoring.incidents import actions
from monitoring.incidents.stages import Firing
from monitoring.models import Incident, IncidentAlert, IncidentChange

T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)
WORKERS, ALERTS = 4, 5


@pytest.mark.django_db(transaction=True)
def test_four_at_once_attach_each_alert_once_to_one_incident() -> None:
    start = Barrier(WORKERS)

    def work(_: int) -> None:
        try:
            start.wait(20)
            actions.sync([Firing(str(n), "service-down", f"Alert {n}", "critical", T0) for n in range(ALERTS)], T0)
        finally:
            connection.close()

    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(work, range(WORKERS)))
    assert Incident.objects.count() == 1
    assert IncidentAlert.objects.count() == ALERTS
    assert IncidentChange.objects.count() == ALERTS
