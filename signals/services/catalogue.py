"""What staff tune: the active tags and the live weights, read every few seconds and never in the message path."""

from __future__ import annotations

from signals import presence
from signals.domain.engine import Weights
from signals.models import Tag, WeightSet

_tags: frozenset[str] | None = None


async def refresh() -> bool:
    """Read both anew; True when the weights are others than before."""
    global _tags  # noqa: PLW0603 - one process has one catalogue
    _tags = frozenset([name async for name in Tag.objects.filter(active=True).values_list("name", flat=True)])
    newest = await WeightSet.objects.order_by("-id").afirst()
    weights, store = newest.weights() if newest else Weights(), presence.current()
    changed = weights != store.weights
    if changed:
        store.reweigh(weights)
    return changed


async def tags() -> frozenset[str]:
    """The active tags; read at the first call, kept by `refresh` after that."""
    if _tags is None:
        await refresh()
    return _tags or frozenset()


def forget() -> None:
    """Read anew at the next call."""
    global _tags  # noqa: PLW0603
    _tags = None
