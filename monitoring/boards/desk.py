"""Reads what was measured, once for all panels of a board, and lays it out step by step."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from typing import Final

from django.db.models import F, Q, QuerySet, Sum

from monitoring.boards import blocks
from monitoring.boards.chart import MARKS_MAX, Chart, Line, Mark, Threshold
from monitoring.boards.ranges import Range, in_bars, in_steps
from monitoring.boards.words import Unit
from monitoring.metrics import store
from monitoring.metrics.stack import Ints, Stack, over, percentiles, sums
from monitoring.metrics.tiers import slot_of, tier_for
from monitoring.models import DeployMarker, Incident, Measure

WHOLE_UP_TO: Final = timedelta(minutes=1)  # steps as short as this are shown when they are over and written
WRITTEN_AFTER: Final = timedelta(seconds=6)
Values = list[float | None]


class Timing:
    """One timing over the range: percentiles and counts, by step and by label, always of merged histograms."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack

    def percentile(self, p: float, label: str | None = None) -> Values:
        """By step; of one label, or of all together."""
        return percentiles(self._of(label), p)

    def counts(self) -> list[int]:
        """How many samples each step holds."""
        return sums(self._of(None))

    def whole(self, *percents: float, edge_ms: float) -> dict[str, tuple[int, Values, int]]:
        """Over the whole range, by label: samples, these percentiles, and how many took longer than the edge."""
        merged = self._stack.by_label()
        columns = [percentiles(merged, p) for p in percents]
        slow, n = over(merged, edge_ms), sums(merged)
        labels = enumerate(self._stack.labels)
        return {label: (n[i], [column[i] for column in columns], slow[i]) for i, label in labels}

    def _of(self, label: str | None) -> Ints:
        return self._all if label is None else self._stack.by_step(label)

    @cached_property
    def _all(self) -> Ints:
        return self._stack.by_step()


class Desk:
    """One look at one range. What is read once is kept for the other panels; nothing outlives the look."""

    def __init__(self, shown: Range, now: datetime) -> None:
        self.range, self.now = shown, now
        self.times = [at for at in shown.times if not self._is_too_fresh(at)]
        self._step_s = int(shown.step.total_seconds())
        self._low = int(self.times[0].timestamp()) if self.times else 0
        self._first = self._low // self._step_s
        self._slot = (
            F("start_s") / self._step_s
        )  # the number of its step, counted from the epoch, as the database has it
        self._timings: dict[str, Timing] = {}
        self._counts: dict[str, dict[str, list[int]]] = {}
        self._levels: dict[str, tuple[Values, Values]] = {}

    def timing(self, metric: str) -> Timing:
        if metric not in self._timings:
            self._timings[metric] = Timing(blocks.read(metric, self.times, self._step_s, self.now))
        return self._timings[metric]

    def counts(self, metric: str) -> dict[str, Values]:
        """How often something happened, a minute, by label; steps in which nobody measured have no value."""
        return {label: self.per_minute(values) for label, values in self._counted(metric).items()}

    def total(self, metric: str) -> Values:
        """The same of all labels together; nothing at all is a zero wherever somebody measured."""
        nothing = [0] * len(self.times)
        return self.per_minute([sum(ns) for ns in zip(nothing, *self._counted(metric).values(), strict=True)])

    def per_minute(self, counts: Sequence[int]) -> Values:
        """Counts as rates; the step under way is divided by what is over of it."""
        return [
            n * 60 / self.range.seconds_of(at) if measured or n else None
            for n, at, measured in zip(counts, self.times, self.measured, strict=True)
        ]

    def level(self, metric: str) -> tuple[Values, Values]:
        """Where a level stood at the end of each step, and its highest."""
        if metric not in self._levels:
            points = {point.at: point for point in store.level_series(metric, *self.span, self.range.step)}
            found = [points[at] for at in self.times]
            self._levels[metric] = [point.last for point in found], [point.high for point in found]
        return self._levels[metric]

    @cached_property
    def measured(self) -> list[bool]:
        """For each step whether a process that serves people measured anything."""
        rows = self._rows(store.FLUSH).filter(label=store.WEB)
        known = set(rows.values_list(self._slot, flat=True).distinct())
        return [self._first + index in known for index in range(len(self.times))]

    @cached_property
    def marks(self) -> list[Mark]:
        """Deploys and incidents in this time, the latest if there are too many."""
        start, end = self.span
        deploys = DeployMarker.objects.filter(at__gte=start, at__lt=end).order_by("-at")[:MARKS_MAX]
        incidents = (
            Incident.objects.filter(detected_at__lt=end)
            .filter(Q(resolved_at=None) | Q(resolved_at__gte=start))
            .order_by("-detected_at")[:MARKS_MAX]
        )
        found = [Mark("deploy", f"Deploy {one.version}", one.at) for one in deploys]
        for one in incidents:
            over_at = min(filter(None, (one.quiet_at, one.resolved_at)), default=None)
            if over_at is None or over_at >= start:
                kind = "drill" if one.drill else "incident"
                found.append(
                    Mark(kind, f"{kind.capitalize()} {one.pk}: {one.title}", one.detected_at, over_at or self.now)
                )
        return sorted(found, key=lambda mark: mark.at)[-MARKS_MAX:]

    def chart(  # noqa: PLR0913 - a chart has this many sides
        self,
        what: str,
        unit: Unit,
        lines: Iterable[Line],
        *,
        thresholds: Iterable[Threshold] = (),
        measured: Sequence[bool] | None = None,
        bars: bool = False,
    ) -> Chart:
        """A chart over this range, with the deploys and incidents of its time."""
        return Chart(
            what=what,
            unit=unit,
            times=self.times,
            step=self.range.step,
            lines=list(lines),
            measured=self.measured if measured is None else measured,
            thresholds=list(thresholds),
            marks=self.marks,
            bars=bars,
            steep=unit is Unit.MS,
        )

    def counted(self, what: str, found: Mapping[str, Sequence[int]]) -> Chart:
        """Counted things as bars. They are written also while nobody measures, so that there is no gap."""
        lines = [Line(name, [float(n) for n in counts]) for name, counts in found.items() if any(counts)]
        return self.chart(what, Unit.COUNT, lines, measured=[True] * len(self.times), bars=True)

    def bars(self, at_least: timedelta = timedelta(0)) -> Desk:
        """The same time in few steps, wide enough to be drawn as bars."""
        return Desk(in_bars(self.range, at_least), self.now)

    def slower(self, at_least: timedelta) -> Desk:
        """The same time in steps of at least this length."""
        return self if self.range.step >= at_least else Desk(in_steps(self.range, at_least), self.now)

    def step_of(self, at: datetime) -> int | None:
        """The step that a moment falls into; None outside of them."""
        return self.step_at(int(at.timestamp()))

    def step_at(self, at_s: int) -> int | None:
        """The same of a moment in seconds since the epoch."""
        index = self._index(at_s)
        return index if 0 <= index < len(self.times) else None

    def tally(self, moments: Iterable[datetime]) -> list[int]:
        """How many of these fall into each step."""
        found = [0] * len(self.times)
        for at in moments:
            if (index := self.step_of(at)) is not None:
                found[index] += 1
        return found

    @property
    def span(self) -> tuple[datetime, datetime]:
        """The time that the steps cover."""
        if not self.times:
            return self.range.start, self.range.end
        return self.times[0], self.times[-1] + self.range.step

    def _counted(self, metric: str) -> dict[str, list[int]]:
        """By label, and for each step; added up where they are stored."""
        if metric not in self._counts:
            found: defaultdict[str, list[int]] = defaultdict(lambda: [0] * len(self.times))
            rows = self._rows(metric).values_list(self._slot, "label").annotate(n=Sum("count"))
            for slot, label, n in rows:
                found[label][slot - self._first] += n
            self._counts[metric] = dict(found)
        return self._counts[metric]

    def _index(self, start_s: int) -> int:
        return (slot_of(start_s, self._step_s) - self._low) // self._step_s

    def _is_too_fresh(self, at: datetime) -> bool:
        return self.range.step <= WHOLE_UP_TO and at + self.range.step > self.now - WRITTEN_AFTER

    def _rows(self, metric: str) -> QuerySet[Measure]:
        start, end = self.span
        return Measure.objects.filter(
            metric=metric,
            tier_s=tier_for(self.range.step),
            start_s__gte=start.timestamp(),
            start_s__lt=end.timestamp() if self.times else start.timestamp(),
        ).order_by()
