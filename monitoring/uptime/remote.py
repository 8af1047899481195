"""A prober on another host: what it saw is reported, signed, to the service; and kept until that can be told.

When the service itself is gone the report can't be: then the prober mails PROBE_ALERT_TO by itself, once an outage.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from datetime import datetime, timedelta
from email.utils import make_msgid
from pathlib import Path
from typing import Final

import httpx
import msgspec
from django.conf import settings
from django.core.mail import EmailMessage

from monitoring.uptime.outage import CONFIRM_EVERY, Sample, State, next_probe_at, observe
from monitoring.uptime.probe import Prober, Seen, Target
from monitoring.uptime.signing import sign

log = logging.getLogger("icebreaker.watch")

PATH: Final = "/hooks/probes"
PENDING_MOST: Final = 20_000  # a week at the usual pace
AT_ONCE: Final = 200
ASK_EVERY: Final = timedelta(seconds=60)  # also without news: it says that the prober lives, and brings new targets
REPORT_WITHIN_S: Final = 10


class Report(msgspec.Struct):
    """What a prober says."""

    prober: str
    seen: list[Seen]


class Reply(msgspec.Struct):
    """What it is told: how many arrived, how many outages began or ended by them, and what to look at."""

    kept: int
    changes: int
    targets: list[Target]


class _Memory(msgspec.Struct):
    """What outlives a restart of the prober."""

    targets: list[Target] = []
    pending: list[Seen] = []
    mailed: list[int] = []


class RemoteProber:
    """Looks at what it was told to, when it is due, and reports."""

    def __init__(self, prober: Prober, report_to: str, name: str) -> None:
        self.name = name
        self._prober = prober
        self._url = report_to.rstrip("/") + ("" if report_to.rstrip("/").endswith(PATH) else PATH)
        self._file = Path(settings.DATA_DIR) / f"prober-{name}.json"
        kept = self._remembered()
        self.targets = kept.targets
        self.pending = deque(kept.pending, PENDING_MOST)
        self._mailed = set(kept.mailed)
        self._states: dict[int, State] = {}
        self._attempted_at: dict[int, datetime] = {}
        self._told_at: datetime | None = None
        self._told = False  # whether the last report arrived

    async def tick(self, now: datetime) -> None:
        """Probe what is due, report what is new."""
        if not self.targets and self._told_at is None:
            await self._tell(now)
        due = [target for target in self.targets if self._is_due(target, now)]
        for target, seen in zip(
            due, await asyncio.gather(*(self._prober.probe(target, now) for target in due)), strict=True
        ):
            self._take_in(target, seen)
        if due or self._told_at is None or now - self._told_at >= (ASK_EVERY if self._told else CONFIRM_EVERY):
            await self._tell(now)
        if due:
            await self._mail_unheard(now)
            self._remember()

    def _is_due(self, target: Target, now: datetime) -> bool:
        attempted_at = self._attempted_at.get(target.id)
        if attempted_at is None or attempted_at > now:
            return True
        next_at = next_probe_at(self._states.get(target.id, State()), target.policy) or attempted_at
        return now >= max(next_at, attempted_at + CONFIRM_EVERY)

    def _take_in(self, target: Target, seen: Seen) -> None:
        self._attempted_at[target.id] = seen.at
        state = self._states.get(target.id, State())
        self._states[target.id], _ = observe(state, Sample(seen.at, seen.answer), target.policy)
        self.pending.append(seen)

    async def _tell(self, now: datetime) -> None:
        self._told_at, self._told = now, False
        while True:
            part = [self.pending[n] for n in range(min(AT_ONCE, len(self.pending)))]
            try:
                reply = await self._post(msgspec.json.encode(Report(self.name, part)), now)
            except (httpx.HTTPError, OSError, msgspec.MsgspecError, TimeoutError) as error:
                log.warning("the report did not arrive (%s); %d wait", type(error).__name__, len(self.pending))
                return
            self._told, self.targets = True, reply.targets
            for _ in part:
                self.pending.popleft()
            if not self.pending:
                return

    async def _post(self, body: bytes, now: datetime) -> Reply:
        at = f"{now.timestamp():.6f}"
        headers = {
            "Content-Type": "application/json",
            "X-Icebreaker-Time": at,
            "X-Icebreaker-Signature": sign(settings.PROBE_SECRET, at, body),
        }
        async with (
            asyncio.timeout(REPORT_WITHIN_S),
            httpx.AsyncClient(trust_env=False, timeout=REPORT_WITHIN_S) as client,
        ):
            answer = await client.post(self._url, content=body, headers=headers)
            return msgspec.json.decode(answer.raise_for_status().content, type=Reply)

    async def _mail_unheard(self, now: datetime) -> None:
        """The service can't be told that it is down; so tell people, once an outage, and once that it is over."""
        for target in self.targets:
            state = self._states.get(target.id, State())
            down_at = state.down_at
            if down_at and target.id not in self._mailed and not self._told:
                text = (
                    f"{target.name} has not answered since {down_at:%Y-%m-%d %H:%M:%S} UTC, and neither did the watch."
                )
                if await self._mail(f"Down: {target.name}", text):
                    self._mailed.add(target.id)
            elif target.id in self._mailed and state.good.count >= target.policy.up_after:
                text = f"{target.name} answers again, as of {now:%Y-%m-%d %H:%M:%S} UTC."
                if await self._mail(f"Back: {target.name}", text):
                    self._mailed.discard(target.id)

    async def _mail(self, subject: str, text: str) -> bool:
        if not settings.PROBE_ALERT_TO:
            return False
        text = f"{text}\n\nThis mail comes from the prober {self.name} itself.\n"
        mail = EmailMessage(f"[Icebreaker] {subject}", text, to=settings.PROBE_ALERT_TO)
        mail.extra_headers["Message-ID"] = make_msgid(domain="icebreaker.invalid")
        try:
            await asyncio.to_thread(mail.send)
        except OSError as error:  # smtplib's errors are among them; the next probe tries again
            log.error("the mail about %s failed: %s", subject, type(error).__name__)  # noqa: TRY400 - one line is enough
            return False
        return True

    def _remembered(self) -> _Memory:
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=_Memory)
        except (OSError, msgspec.MsgspecError):
            return _Memory()

    def _remember(self) -> None:
        memory = _Memory(self.targets, list(self.pending), sorted(self._mailed))
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            new = self._file.with_suffix(".new")
            new.write_bytes(msgspec.json.encode(memory))
            new.replace(self._file)
        except OSError as error:
            log.warning("what waits to be reported can't be kept: %s", type(error).__name__)
