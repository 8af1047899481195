"""What people do on a real server stands in the database as measures, to the last window before it stops."""

import signal
from pathlib import Path

import pytest

from tests.flows import kept
from tests.flows.server import Client, Server


def read(server: Server, metric: str) -> dict[str, int]:
    question = "SELECT label, SUM(count) FROM monitoring_measure WHERE metric = ? AND tier_s = 3600 GROUP BY label"
    return dict(kept.rows(server, question, metric))


@pytest.mark.parametrize("kind", ["uvicorn", "daphne"])
async def test_every_frame_and_call_is_measured_and_the_last_window_is_written_at_the_stop(
    kind: str, tmp_path: Path
) -> None:
    server = Server(kind, tmp_path).start()
    async with await Client.arrive(server) as one:
        for _ in range(7):
            await one.ask("radar:subscribe", {}, "radar:update")
        await one.ask("chat:end", {}, "error")
    assert server.stop(signal.SIGTERM) == 0
    assert read(server, "ws.message") == {"radar:subscribe": 7, "chat:end": 1}
    assert read(server, "radar.update") == {"asked": 7}
    assert read(server, "signal.rank") == {"": 7}
    assert read(server, "refused") == {"no_active_chat": 1}
    assert read(server, "http.request")["api/onboarding"] == 1
    assert read(server, "ws.opened") == {"accepted": 1}
    assert sum(read(server, "ws.closed").values()) == 1
    assert read(server, "monitoring.flush")["web"] >= 1
    assert kept.rows(server, "SELECT COUNT(*) FROM monitoring_source WHERE stopped_at IS NOT NULL") == [(1,)]
