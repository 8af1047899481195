"""What staff tune reaches a running process."""

import pytest

from signals import presence
from signals.domain.engine import Weights
from signals.models import Tag, WeightSet
from signals.services import catalogue

pytestmark = pytest.mark.usefixtures("store")


@pytest.mark.django_db(transaction=True)
async def test_the_catalogue_holds_active_tags_alone_and_the_newest_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    await Tag.objects.aget_or_create(name="Lo-fi head")
    await Tag.objects.acreate(name="Retired", active=False)
    monkeypatch.setattr(catalogue, "_tags", None)
    assert "Lo-fi head" in await catalogue.tags() and "Retired" not in await catalogue.tags()
    assert presence.current().weights == Weights()
    await WeightSet.objects.acreate(same_vibe=50)
    assert await catalogue.refresh() and not await catalogue.refresh()
    assert presence.current().weights == Weights(same_vibe=50)
