"""How sessions, looks and posts are written down where other processes read them: JSON, which a person can read too."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from signals.domain.people import Session, Sight, sight_of
from signals.domain.proximity import block_of
from signals.presence.base import Change
from signals.presence.post import Post

NOWHERE: Final = "-"  # the block of those who gave no position

_encode = msgspec.json.Encoder().encode
_plan = msgspec.msgpack.Encoder().encode  # what the script reads fastest
_session = msgspec.json.Decoder(Session)
_sight = msgspec.json.Decoder(Sight)
_changes = msgspec.json.Decoder(list[Change])
_parcel = msgspec.json.Decoder(tuple[str, str, list[tuple[str, str | int]]])


def pack(session: Session) -> bytes:
    return _encode(session)


def unpack(record: bytes | None) -> Session | None:
    return _session.decode(record) if record else None


def looks(sight: Sight) -> bytes:
    return _encode(sight)


def seen(row: bytes) -> Sight:
    return _sight.decode(row)


def changes_in(body: bytes) -> list[Change]:
    return _changes.decode(body)


def parcel(posts: Iterable[Post], receipt: str = "", answer_to: str = "") -> bytes:
    """What one process is sent at once; `answer_to` is the process that wants the receipt back."""
    letters = [(post.to, post.what if isinstance(post.what, int) else post.what.decode()) for post in posts]
    return _encode((receipt, answer_to, letters))


def opened(data: bytes) -> tuple[str, str, list[tuple[str, bytes | int]]]:
    """The receipt, the process that wants it, and what is for whom."""
    receipt, answer_to, letters = _parcel.decode(data)
    return receipt, answer_to, [(to, what if isinstance(what, int) else what.encode()) for to, what in letters]


def block_name(cell: int | None) -> str:
    return NOWHERE if cell is None else f"{block_of(cell):x}"


def change_between(session_id: str, old: Session | None, new: Session | None) -> Change | None:
    """What radars have to know of a swap, or nothing."""
    before, after = sight_of(old) if old else None, sight_of(new) if new else None
    own = bool(
        old
        and new
        and (
            old.person.cell != new.person.cell
            or old.party.blocked != new.party.blocked
            or old.party.blocked_by != new.party.blocked_by
        )
    )
    return Change(session_id, before, after, own) if own or before != after else None


def plan(  # noqa: PLR0913 - all that one step of Redis is told
    ids: Sequence[str],
    raw: Sequence[bytes | None],
    before: Sequence[Session | None],
    after: Sequence[Session | None],
    posts: Iterable[tuple[str, bytes]],
    *,
    keep_s: int,
    handle: str = "",
) -> bytes:
    """A swap as the script reads it."""
    pairs = list(zip(ids, before, after, strict=True))
    changed = [c for c in (change_between(*p) for p in pairs if p[1] is not p[2]) if c]
    counters: Counter[str] = Counter()
    for _, old, new in pairs:
        for session, by in ((old, -1), (new, 1)):
            if session is not None and old is not new:
                counters[f"vibe:{session.person.vibe}"] += by
                counters["sockets"] += by * session.sockets
                counters["talking"] += by * (session.party.talk is not None)
    return _plan(
        {
            "keep": keep_s,
            "handle": handle,
            "sessions": [
                _swap(session_id, record, old, new) for (session_id, old, new), record in zip(pairs, raw, strict=True)
            ],
            "counters": {name: by for name, by in counters.items() if by},
            "rows": [row for change in changed for row in _rows(change)],
            "change": _encode(changed).decode() if changed else "",
            "posts": [(home, parcel.decode()) for home, parcel in posts],
        }
    )


def _swap(session_id: str, record: bytes | None, old: Session | None, new: Session | None) -> dict[str, Any]:
    was, now = set(old.homes if old else ()), set(new.homes if new else ())
    same = old is new
    return {
        "id": session_id,
        "old": (record or b"").decode(),
        "new": (record or b"" if same else pack(new) if new else b"").decode(),
        "due": new.deadline() if new else 0,
        "handle": old.person.handle if old else "",
        "came": sorted(now - was),
        "went": sorted(was - now),
    }


def _rows(change: Change) -> list[tuple[str, str, str]]:
    """What this writes into which block; an empty row takes somebody out."""
    before, after = change.before, change.after
    if before == after:
        return []
    rows = []
    left = block_name(before.cell) if before else None
    here = block_name(after.cell) if after else None
    if left is not None and left != here:
        rows.append((left, change.session_id, ""))
    if here is not None and after is not None:
        rows.append((here, change.session_id, looks(after).decode()))
    return rows
