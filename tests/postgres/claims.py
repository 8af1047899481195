"""On PostgreSQL: a mail that somebody is just taking keeps nobody from taking the next. Run by test_subset.py."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from django.db import connection

from monitoring.alerts.outbox import Carrier
from tests.monitoring.alerts.test_outbox import T0, fresh, owed

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(60)]


@pytest.fixture
def taking() -> Iterator[Any]:
    """The cursor of another process, in a transaction; ours does not wait for its locks."""
    with connection.cursor() as ours, closing(connection.copy()) as other, other.cursor() as theirs:
        ours.execute("SET lock_timeout = '1s'")
        theirs.execute("BEGIN")
        yield theirs
        ours.execute("RESET lock_timeout")


def test_what_another_process_is_just_taking_is_skipped_and_not_waited_for(taking: Any) -> None:
    first, second = owed(2)
    taking.execute("SELECT 1 FROM monitoring_outboxmail WHERE id = %s FOR UPDATE", [first.pk])
    mine = Carrier("two")._claim(T0)
    assert mine and mine.pk == second.pk and mine.leased_by == "two"
    assert Carrier("three")._claim(T0) is None and fresh(first).leased_by == ""
