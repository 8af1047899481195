"""Who is here: the store of this process, behind the contract of `base`."""

from signals.presence.base import Presence
from signals.presence.memory import MemoryPresence

_store: Presence = MemoryPresence()


def current() -> Presence:
    return _store


def use(store: Presence) -> None:
    """Keep people in `store` from now on."""
    global _store  # noqa: PLW0603 - one process has one store
    _store = store
