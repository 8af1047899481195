"""What has to stand in an account elsewhere, beside what stands there: the same rules and thresholds as in house."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

Body = dict[str, Any]
NOTHING: Final = ("", None, False)


class Step(StrEnum):
    CREATE = "create"
    UPDATE = "update"
    KEEP = "keep"


@dataclass(frozen=True, slots=True)
class Thing:
    """One rule, monitor or contact as it has to be; told apart from others of its kind by its name."""

    kind: str
    name: str
    path: str  # of the collection
    body: Body


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was done, or would be, or was refused."""

    step: Step
    thing: Thing
    refused: str = ""
    found: Body | None = None  # as the account has it now


def step(thing: Thing, found: Body | None) -> Step:
    """What is to do, by what is there."""
    if found is None:
        return Step.CREATE
    return Step.KEEP if fits(thing.body, found) else Step.UPDATE


def fits(wanted: Any, found: Any) -> bool:
    """Whether everything wanted is so; what the account adds by itself is its own affair.

    Numbers that come back as text, and a default that comes back as null, are no difference.
    """
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(fits(value, found.get(name)) for name, value in wanted.items())
    if isinstance(wanted, list):
        same_length = isinstance(found, list) and len(found) == len(wanted)
        return same_length and all(fits(one, other) for one, other in zip(wanted, found, strict=True))
    return wanted == found or (wanted in NOTHING and found in NOTHING) or _same_number(wanted, found)


def _same_number(wanted: Any, found: Any) -> bool:
    if isinstance(wanted, bool) or isinstance(found, bool):
        return False
    try:
        return float(wanted) == float(found)
    except (TypeError, ValueError):
        return False
