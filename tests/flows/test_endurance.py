"""Short runs of what `python -m bench.campaign` and `python -m bench.flood` do for long."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.campaign import Campaign
from bench.flood import SPOOL_MAX, TALKS, pour
from tests.flows import kept
from tests.flows.server import Server

pytestmark = pytest.mark.timeout(300)


def test_what_was_acknowledged_is_found_once_whoever_was_killed(tmp_path: Path) -> None:
    counts = Campaign(tmp_path, kills=3).run(hurry=True)
    assert (counts.web_kills, counts.watch_kills) == (2, 1)
    assert counts.is_clean, counts


async def test_a_flood_gets_its_defined_answers_and_leaves_memory_and_disk_bounded(tmp_path: Path) -> None:
    server = Server("uvicorn", tmp_path, SPOOL_MAX_BYTES=str(SPOOL_MAX), **TALKS).start()
    try:
        flood = await pour(server, 12, warm_s=6)
    finally:
        assert server.stop() == 0
    assert not flood.wrong
    assert flood.is_flat, flood
    assert flood.talks, flood.lines_s
    assert flood.spool_mb < SPOOL_MAX / 1e6
    kept.digested(server)
    assert {"malformed", "encoding", "too_large", "wrong_key"} <= kept.refused(server).keys()
