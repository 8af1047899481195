"""What a process measured since it began, as OpenMetrics text for whoever scrapes it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, TypeVar

from monitoring.metrics.histogram import Histogram
from monitoring.metrics.recorder import Key, Window

CONTENT_TYPE: Final = "application/openmetrics-text; version=1.0.0; charset=utf-8"
LE_MS: Final = (0.78125, 1.5625, 3.125, 6.25, 12.5, 25, 50, 100, 200, 500, 1000, 2000, 4000, 8000)  # all exact edges
T = TypeVar("T")
_NO_NAME: Final = re.compile(r"[^a-zA-Z0-9_]")
_ESCAPES: Final = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


def text(window: Window, info: Mapping[str, str], checks: Mapping[str, tuple[bool, float]]) -> str:
    """One scrape: `checks` gives for each name whether it is well and how many milliseconds it took to know."""
    lines = [
        "# TYPE icebreaker_build info",
        f"icebreaker_build_info{_labels(info)} 1",
        *_gauges("icebreaker_check_up", {name: float(ok) for name, (ok, _) in checks.items()}, "check"),
        *_gauges("icebreaker_check_seconds", {name: ms / 1000 for name, (_, ms) in checks.items()}, "check", "seconds"),
    ]
    for metric, timings in _grouped(window.timings):
        lines += _histograms(f"{_name(metric)}_seconds", timings)
    for metric, counts in _grouped(window.counts):
        lines.append(f"# TYPE {_name(metric)} counter")
        lines += [f"{_name(metric)}_total{_labels({'label': label})} {n}" for label, n in counts]
    for metric, levels in _grouped(window.levels):
        lines += _gauges(_name(metric), {label: level.last for label, level in levels}, "label")
    return "\n".join([*lines, "# EOF", ""])


def _grouped(found: Mapping[Key, T]) -> Iterator[tuple[str, list[tuple[str, T]]]]:
    for metric in sorted({metric for metric, _ in found}):
        yield metric, [(label, found[m, label]) for m, label in sorted(found) if m == metric]


def _histograms(name: str, timings: Iterable[tuple[str, Histogram]]) -> Iterator[str]:
    yield f"# TYPE {name} histogram"
    yield f"# UNIT {name} seconds"
    for label, histogram in timings:
        count = histogram.count
        for edge_ms in LE_MS:
            within = count - histogram.over(edge_ms)
            yield f"{name}_bucket{_labels({'label': label, 'le': repr(edge_ms / 1000)})} {within}"
        yield f"{name}_bucket{_labels({'label': label, 'le': '+Inf'})} {count}"
        yield f"{name}_count{_labels({'label': label})} {count}"
        yield f"{name}_sum{_labels({'label': label})} {histogram.sum_ms / 1000:.6f}"


def _gauges(name: str, values: Mapping[str, float], key: str, unit: str = "") -> Iterator[str]:
    if values:
        yield f"# TYPE {name} gauge"
        if unit:
            yield f"# UNIT {name} {unit}"
        for label, value in values.items():
            yield f"{name}{_labels({key: label})} {value:.15g}"


def _name(metric: str) -> str:
    return f"icebreaker_{_NO_NAME.sub('_', metric)}"


def _labels(pairs: Mapping[str, str]) -> str:
    inner = ",".join(f'{key}="{value.translate(_ESCAPES)}"' for key, value in pairs.items())
    return f"{{{inner}}}"
