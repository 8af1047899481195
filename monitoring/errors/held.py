"""What the variables of a broken call held, so that the words of its exception can be told without quoting any of it.

`ValueError("no room for see you at the window")` has somebody's sentence in it, and nothing about it looks private. But
then a variable of our code held that sentence, or the frame that it came in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from types import FrameType, TracebackType
from typing import Any, Final

BLANK: Final = "[...]"
TEXT_MAX: Final = 64 * 1024  # of one variable
ALL_MAX: Final = 256 * 1024
FRAMES_MAX: Final = 40
DEPTH: Final = 3
WIDTH: Final = 50
CHAIN_MAX: Final = 10
_WORD: Final = re.compile(r"[^\W_]+(?:[.'’_-][^\W_]+)*")
_BLANKS: Final = re.compile(r"\[\.\.\.\](?:[^\w\[]*(?:\w{1,2}[^\w\[]+){0,3}\[\.\.\.\])+")


def without(value: str, held: str) -> str:
    """`value` with every word that stands in `held` blanked; a run of blanks is one."""
    blanked = _WORD.sub(lambda word: BLANK if _tells(word[0]) and word[0].casefold() in held else word[0], value)
    return _BLANKS.sub(BLANK, blanked)


def of(error: BaseException, root: str) -> str:
    """The texts and numbers in the variables of all frames below `root` (a folder) that the error and its causes
    went through, in one case.
    """
    found: list[str] = []
    size = 0
    for frame in _frames(error, root):
        for value in list(frame.f_locals.values())[:WIDTH]:
            for text in _texts(value, DEPTH):
                found.append(text[:TEXT_MAX])
                size += len(found[-1])
                if size > ALL_MAX:
                    return "\n".join(found).casefold()
    return "\n".join(found).casefold()


def _tells(word: str) -> bool:
    """Whether a word says anything: of one or two letters none does, of digits each."""
    return len(word) > 2 or word[0].isdigit()


def _frames(error: BaseException, root: str) -> Iterator[FrameType]:
    seen: set[int] = set()
    waiting: list[BaseException] = [error]
    while waiting and len(seen) < CHAIN_MAX:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield from _of_traceback(one.__traceback__, root)
        waiting += [other for other in (one.__cause__, one.__context__) if other is not None]


def _of_traceback(trace: TracebackType | None, root: str) -> Iterator[FrameType]:
    frames: list[FrameType] = []
    while trace:
        path = trace.tb_frame.f_code.co_filename
        if path.startswith(root) and "site-packages" not in path:
            frames.append(trace.tb_frame)
        trace = trace.tb_next
    yield from frames[:5]  # where it came in, and where it broke
    yield from frames[5:][-FRAMES_MAX:]


def _texts(value: Any, depth: int) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, bytes | bytearray):
        yield bytes(value[:TEXT_MAX]).decode("utf-8", "replace")
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield repr(value)
    elif depth:
        for inner in _inner(value):
            yield from _texts(inner, depth - 1)


def _inner(value: Any) -> list[Any]:
    """What is in a container or a small record; nothing of an object that would have to compute it."""
    if isinstance(value, dict):
        return [one for pair in list(value.items())[:WIDTH] for one in pair]
    if isinstance(value, list | tuple | set | frozenset):
        return list(value)[:WIDTH]
    fields = getattr(type(value), "__struct_fields__", None) or getattr(type(value), "__dataclass_fields__", None)
    return [getattr(value, name, None) for name in list(fields)[:WIDTH]] if fields else []
