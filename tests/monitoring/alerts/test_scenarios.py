"""Every scenario of tests/scenarios: no alert too many, none missing, each mail once."""

from __future__ import annotations

import pytest

from tests.monitoring.alerts.world import Scenario, Verdict, play, scenarios

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("scenario", scenarios(), ids=lambda s: s.name)
def test_scenario(scenario: Scenario) -> None:
    assert play(scenario) == Verdict([], [], [])
