"""The figures of a simulation, live and in the end."""

from __future__ import annotations

from collections import Counter
from typing import Final

# What people in a crowd run into without anything being wrong: somebody else was faster, or has gone.
EXPECTED: Final = frozenset(
    {
        "chat_request_failed",
        "chat_accept_failed",
        "chat_message_failed",
        "chat_decline_failed",
        "cooldown_active",
        "no_active_chat",
        "rate_limit_exceeded",
        "RATE_LIMITED",
    }
)
SAMPLES_MAX: Final = 100_000


class Tally:
    def __init__(self) -> None:
        self.here = self.chatting = 0
        self.counts: Counter[str] = Counter()
        self.refusals: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()
        self.waits: dict[str, list[float]] = {}

    def count(self, what: str) -> None:
        self.counts[what] += 1

    def refused(self, code: str) -> None:
        """An answer that says no: expected in a crowd, or an error."""
        (self.refusals if code in EXPECTED else self.errors)[code] += 1

    def error(self, what: str) -> None:
        self.errors[what] += 1

    def took(self, what: str, seconds: float) -> None:
        waits = self.waits.setdefault(what, [])
        if len(waits) < SAMPLES_MAX:
            waits.append(seconds)

    def line(self, elapsed_s: float, before: Counter[str], since_s: float) -> str:
        """How it stands: one line."""
        rates = {k: (self.counts[k] - before[k]) / max(since_s, 1e-9) for k in ("frames in", "frames out")}
        return (
            f"{elapsed_s:4.0f} s  {self.here} here  {self.chatting // 2} chats  {self.counts['messages']} messages  "
            f"{rates['frames out']:.0f} frames/s out  {rates['frames in']:.0f} in  {self.errors.total()} errors"
        )

    def summary(self) -> str:
        """What it came to: a few lines."""
        shown = {**self.counts, "chats": self.counts["sides of chats"] // 2}
        shown.pop("sides of chats", None)
        lines = [f"{name:24} {shown[name]:>9,}" for name in sorted(shown)]
        for what, waits in sorted(self.waits.items()):
            waits.sort()
            half, most = waits[len(waits) // 2], waits[int(len(waits) * 0.95)]
            lines.append(f"{'wait for ' + what:24} {half * 1000:>9.1f} ms p50  {most * 1000:.1f} ms p95")
        lines += [f"{'said no: ' + code:24}  {n:>8,}" for code, n in sorted(self.refusals.items())]
        lines += [f"{'ERROR: ' + what:24} {n:>9,}" for what, n in sorted(self.errors.items())]
        if not self.errors:
            lines.append("Nobody saw an error.")
        return "\n".join(lines)
