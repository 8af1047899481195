"""The contract of presence: who is here. In memory no method suspends; a store elsewhere keeps the same promises."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from signals.domain.engine import Crowd, Profile, Weights
from signals.domain.people import Session, Sight
from signals.presence.post import Post

T = TypeVar("T")
Found = tuple[Session | None, ...]


class Change(NamedTuple):
    """What a swap changed for radars: how others see the session, or what it may see itself."""

    session_id: str
    before: Sight | None
    after: Sight | None
    own: bool  # its own cell or blocks changed


Listener = Callable[[Change], None]


class Shown(NamedTuple):
    """One person as radars show them: `head` and `tail` are the JSON around the viewer's own verdict."""

    sight: Sight
    head: bytes
    tail: bytes


class View(NamedTuple):
    """The crowd that one viewer can choose from: its columns, and for each row the key into `shown`.

    Good only until the next await: the columns may be the store's own.
    """

    crowd: Crowd
    slots: NDArray[np.intp]
    shown: Sequence[Shown | None]


class Counts(NamedTuple):
    """How many are here; nothing about any one of them."""

    sessions: int
    chats: int
    sockets: int
    vibes: dict[str, int]


class Presence(ABC):
    """Sessions, swapped atomically, and the columns that the engine ranks."""

    @abstractmethod
    async def add(self, session: Session) -> bool:
        """Let somebody in; False, and nothing kept, when the id or the handle is taken."""

    @abstractmethod
    async def get(self, session_id: str) -> Session | None:
        """The record as it stands, also of somebody whose time is over but who was not swept away yet."""

    @abstractmethod
    async def ids(self) -> tuple[str, ...]:
        """Everybody who is here, in no order."""

    @abstractmethod
    async def transact(
        self,
        ids: Sequence[str],
        change: Callable[[Found], tuple[Found, T]],
        tell: Callable[[T], Iterable[Post]] | None = None,
    ) -> T:
        """Load these (different) sessions, let the pure `change` decide, swap all of them at once and tell them.

        None in the place of a session removes it; a session is never made here. When `change` raises, nothing is
        swapped. It may be called again after a conflict. `tell` says what the sockets of these sessions hear of it:
        everybody hears of swaps in the order in which they happened.
        """

    @abstractmethod
    async def post(self, posts: Iterable[Post]) -> None:
        """Send to the sockets of any session, wherever they are, without changing anything."""

    @abstractmethod
    async def received(self, receipt: str) -> bool:
        """Whether the post with this receipt, sent just now, was handed to a socket."""

    @abstractmethod
    async def home(self) -> str:
        """The name under which a record counts the sockets of this process."""

    @abstractmethod
    async def orphans(self) -> tuple[tuple[str, str], ...]:
        """Sessions with sockets of a process that is gone, and its name; named until their record says otherwise."""

    @abstractmethod
    async def due(self, now: float) -> tuple[str, ...]:
        """Sessions whose deadline has come; named again until their record says otherwise.

        Where several processes ask, one of them is told.
        """

    @abstractmethod
    async def counts(self) -> Counts: ...

    @abstractmethod
    def known(self) -> Counts:
        """The counts as this process last knew them: for a probe that may not wait."""

    @abstractmethod
    async def leave_note(self, key: str, value: float, until: float) -> None:
        """Keep a figure for whichever process asks for it first."""

    @abstractmethod
    async def take_note(self, key: str, now: float) -> float | None:
        """The figure left under `key`, once, unless its time is over."""

    @abstractmethod
    async def take(self, key: str, rate: float, burst: float) -> float:
        """One from a bucket that all processes share: 0, or the seconds to wait; refilled at `rate` a second."""

    @abstractmethod
    async def echo(self) -> bool:
        """Whether a message to this process, by the way that messages between processes go, arrives."""

    @abstractmethod
    async def run(self) -> None:
        """Keep in touch with the other processes, for as long as this one lives."""

    @abstractmethod
    async def around(self, session_id: str, range_m: float) -> Session | None:
        """The record; `view`, `shown` and `profile` then know all that it can see, until the next await."""

    @abstractmethod
    def view(self, cell: int | None, range_m: float, vibe: str | None = None) -> View:
        """Everybody shown within range of `cell`, and who has none; all of them when `cell` is None.

        Of the surroundings that `around` has just brought.
        """

    @abstractmethod
    def shown(self, session_id: str) -> tuple[int, Shown] | None:
        """The key and the looks of somebody shown on radars."""

    @abstractmethod
    def profile(self, session: Session) -> Profile:
        """`session` as the columns' engine sees it."""

    @abstractmethod
    def reweigh(self, weights: Weights) -> None:
        """Use other weights from now on."""

    @property
    @abstractmethod
    def weights(self) -> Weights: ...

    @abstractmethod
    def listen(self, listener: Listener | None) -> None:
        """Tell `listener` of every change that a radar may show; it must not raise."""

    @abstractmethod
    def sizes(self) -> dict[str, int]:
        """How much every index holds: all zero when nobody is here."""
