"""Blocks that a test read are none of the next one's business."""

from collections.abc import Iterator

import pytest

from monitoring.boards.blocks import shelf


@pytest.fixture(autouse=True)
def nothing_kept() -> Iterator[None]:
    shelf.clear()
    yield
    shelf.clear()
