"""Who somebody is while they are here: vibes, handles, and the records that a store keeps of one session."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from signals.domain.chat import Party
from signals.domain.proximity import is_jump, tier_between
from signals.domain.safety import Standing
from signals.errors import RateLimitExceeded, ValidationFailed

TAGS_MAX: Final = 10
JUMP_EVERY_S: Final = 60.0

VIBES: Final = {
    "banter": "Up for banter",
    "intros": "Open to intros",
    "thinking": "Thinking out loud",
    "killing-time": "Killing time",
    "surprise": "Surprise me",
}
VIBE_INDEX: Final = {vibe: n for n, vibe in enumerate(VIBES)}
ADJECTIVES: Final = [
    "Quiet",
    "Curious",
    "Gentle",
    "Bright",
    "Calm",
    "Merry",
    "Brave",
    "Clever",
    "Mellow",
    "Sunny",
    "Swift",
    "Wry",
    "Candid",
    "Dapper",
    "Eager",
    "Fond",
    "Golden",
    "Humble",
    "Jolly",
    "Keen",
    "Lively",
    "Nimble",
    "Open",
    "Patient",
    "Quirky",
    "Rustic",
    "Sincere",
    "Tender",
    "Upbeat",
    "Vivid",
    "Warm",
    "Witty",
    "Zesty",
    "Amber",
    "Breezy",
    "Cosmic",
    "Dreamy",
    "Easy",
    "Frank",
    "Hazel",
]
NOUNS: Final = {
    "banter": ["Joker", "Sparrow", "Jester", "Magpie", "Wit", "Rascal", "Otter", "Parrot"],
    "intros": ["Greeter", "Neighbour", "Host", "Guest", "Envoy", "Robin", "Lantern", "Bridge"],
    "thinking": ["Thinker", "Owl", "Dreamer", "Scholar", "Riddle", "Compass", "Heron", "Notebook"],
    "killing-time": ["Wanderer", "Loafer", "Drifter", "Pigeon", "Stroller", "Cat", "Daydream", "Traveller"],
    "surprise": ["Comet", "Wildcard", "Fox", "Kite", "Spark", "Marvel", "Dice", "Firefly"],
}


@dataclass(frozen=True, slots=True)
class Person:
    """What a session says of itself. Times are seconds since the epoch, the cell is the only trace of a position."""

    session_id: str
    handle: str
    vibe: str
    tags: tuple[str, ...]
    visible: bool
    cell: int | None
    arrived_at: float
    expires_at: float


@dataclass(frozen=True, slots=True)
class Motion:
    """When somebody last said where they are, and when they last jumped; 0 is never."""

    moved_at: float = 0.0
    jumped_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Session:
    """Everything a store keeps of one visit; swapped as a whole."""

    person: Person
    party: Party
    standing: Standing = field(default_factory=Standing)
    motion: Motion = Motion()
    contact: str | None = field(default=None, repr=False)  # never in a log
    homes: tuple[str, ...] = ()  # of each open socket, the process that holds it
    absent_until: float = 0.0  # the end of the grace for a lost socket; 0 while one is open

    @property
    def session_id(self) -> str:
        return self.person.session_id

    @property
    def sockets(self) -> int:
        return len(self.homes)

    def alive(self, now: float) -> bool:
        return now < self.person.expires_at

    def deadline(self) -> float:
        """The next moment at which time alone changes something."""
        at = [self.person.expires_at, *(i.expires_at for i in (*self.party.sent, *self.party.received))]
        if self.party.talk and self.absent_until:
            at.append(self.absent_until)
        at.extend(t for t in (self.party.cooling_until, self.standing.excluded_until) if t)
        return min(at)


def joined(session: Session, home: str) -> Session:
    """`session` with one more socket."""
    return replace(session, homes=(*session.homes, home), absent_until=0.0)


def parted(session: Session, home: str, *, now: float, grace_s: float, every: bool = False) -> Session:
    """`session` without one of its sockets at `home`, or without any there; the grace begins with the last."""
    homes = list(session.homes)
    while home in homes:
        homes.remove(home)
        if not every:
            break
    if len(homes) == len(session.homes):
        return session
    return replace(session, homes=tuple(homes), absent_until=0.0 if homes else now + grace_s)


class Sight(NamedTuple):
    """What others can see of somebody on a radar; two equal sights need no news."""

    session_id: str
    handle: str
    vibe: str
    tags: tuple[str, ...]
    cell: int | None
    reports: int
    declines: int
    busy: bool


def sight_of(session: Session) -> Sight | None:
    """What a radar may show of `session`; None when it is hidden or excluded.

    Free of the clock: what time ends (a cooldown, an exclusion) is wiped from the record when it is over.
    """
    person, party = session.person, session.party
    if not person.visible or session.standing.excluded_until:
        return None
    return Sight(
        person.session_id,
        person.handle,
        person.vibe,
        person.tags,
        person.cell,
        len(session.standing.reporters),
        len(party.declined_at) if party.cooling_until else 0,
        party.talk is not None,
    )


def in_range(a: Session, b: Session, range_m: float) -> bool:
    """The one rule of range, the same both ways."""
    return tier_between(a.person.cell, b.person.cell, range_m) is not None


def askable(other: Session, now: float) -> bool:
    """Whether `other` is on radars at all."""
    return other.person.visible and other.standing.excluded_until <= now


def handle_for(vibe: str, attempt: int, draw: Callable[[int], int]) -> str:
    """A handle to try; digits grow with the attempts. `draw(n)` gives a random number below n."""
    digits = 2 + attempt // 6
    adjective, noun = ADJECTIVES[draw(len(ADJECTIVES))], NOUNS[vibe][draw(len(NOUNS[vibe]))]
    return f"{adjective}{noun}{draw(10**digits):0{digits}d}"


def chosen_tags(tags: tuple[str, ...], catalogue: frozenset[str]) -> tuple[str, ...]:
    """The tags each once, in order. Raises ValidationFailed, naming an unknown one."""
    once = tuple(dict.fromkeys(tags))
    unknown = next((tag for tag in once if tag not in catalogue), None)
    if unknown is not None:
        raise ValidationFailed(f"There is no tag {unknown[:80]!r}.")
    if len(once) > TAGS_MAX:
        raise ValidationFailed(f"At most {TAGS_MAX} tags can be chosen.")
    return once


def moved(session: Session, cell: int, *, every_s: float, now: float) -> Session:
    """`session` at `cell`. Raises RateLimitExceeded when this is too early, or too fast a second time in a minute."""
    motion, here = session.motion, session.person.cell
    wait_s = motion.moved_at + every_s - now if motion.moved_at else 0.0
    if here == cell and wait_s > 0:
        return session
    if wait_s > 0:
        raise RateLimitExceeded(round(wait_s * 1000))
    jumped_at = motion.jumped_at
    if here is not None and is_jump(here, cell, now - motion.moved_at):
        if jumped_at and now - jumped_at < JUMP_EVERY_S:
            raise RateLimitExceeded(round((jumped_at + JUMP_EVERY_S - now) * 1000))
        jumped_at = now
    return replace(session, person=replace(session.person, cell=cell), motion=Motion(now, jumped_at))
