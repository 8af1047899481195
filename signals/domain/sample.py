"""An invented crowd of twelve, to see what other weights would do before they are saved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

from signals.domain.engine import Explanation, Profile, Weights, explain, tie_of
from signals.domain.proximity import Tier


class Invented(NamedTuple):
    """Somebody who does not exist, with words for what the engine knows of them."""

    name: str
    about: str
    profile: Profile
    tier: Tier


def _somebody(name: str, about: str, tier: Tier, vibe: int = 1, tags: int = 0, **bad: int) -> Invented:
    known = Profile(vibe, tags, bad.get("hidden", 0) == 0, bad.get("reports", 0), bad.get("declines", 0))
    return Invented(name, about, known, tier)


VIEWER: Final = Profile(vibe=0, tags=0b1111, visible=True, reports=0, declines=0)
CROWD: Final = (
    _somebody("Ada", "same vibe, four shared tags, same room", Tier.ROOM, 0, 0b1111),
    _somebody("Ben", "same vibe, no tags, same room", Tier.ROOM, 0),
    _somebody("Cleo", "other vibe, three shared tags, same room", Tier.ROOM, 1, 0b0111),
    _somebody("Dan", "other vibe, tags of their own, same room", Tier.ROOM, 1, 0b1110000),
    _somebody("Eve", "same vibe, one shared tag, same venue", Tier.VENUE, 0, 0b0001),
    _somebody("Finn", "other vibe, two shared tags, same venue", Tier.VENUE, 2, 0b0011),
    _somebody("Gwen", "same vibe, two shared tags, nearby", Tier.NEARBY, 0, 0b0110),
    _somebody("Hugo", "other vibe, no tags, nearby", Tier.NEARBY, 3),
    _somebody("Iris", "same vibe, three shared tags, two reports, same room", Tier.ROOM, 0, 0b0111, reports=2),
    _somebody("Jon", "same vibe, three shared tags, three declines, same room", Tier.ROOM, 0, 0b0111, declines=3),
    _somebody("Kim", "same vibe, three shared tags, no position", Tier.NONE, 0, 0b0111),
    _somebody("Lou", "other vibe, one shared tag, no position", Tier.NONE, 4, 0b1000),
)


@dataclass(frozen=True, slots=True)
class Compared:
    """One of the crowd under both sets of weights; places count from 1."""

    somebody: Invented
    before: Explanation
    after: Explanation
    place_before: int
    place_after: int

    @property
    def moved(self) -> int:
        """How many places up; negative is down."""
        return self.place_before - self.place_after


def _places(scores: dict[str, Explanation]) -> dict[str, int]:
    """As the radar sorts: those with a tier first, then by score, then by tie."""
    near = {one.name: one.tier is Tier.NONE for one in CROWD}
    order = sorted(scores, key=lambda name: (near[name], -scores[name].score, tie_of(name)))
    return {name: place for place, name in enumerate(order, 1)}


def compare(before: Weights, after: Weights) -> list[Compared]:
    """The crowd in its new order."""
    old = {one.name: explain(VIEWER, one.profile, one.tier, before) for one in CROWD}
    new = {one.name: explain(VIEWER, one.profile, one.tier, after) for one in CROWD}
    was, will = _places(old), _places(new)
    rows = [Compared(one, old[one.name], new[one.name], was[one.name], will[one.name]) for one in CROWD]
    return sorted(rows, key=lambda row: row.place_after)
