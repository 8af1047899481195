"""Recording is exact from any thread, bounded whatever labels come, and exceptions leave no message."""

import io
import json
import logging
import threading

import pytest

from monitoring.metrics.histogram import Histogram
from monitoring.metrics.recorder import LABELS_MAX, OTHER, Level, MetricsRecorder
from monitoring.metrics.recorder import recorder as installed
from signals import telemetry


def test_what_was_recorded_comes_out_once() -> None:
    recorder = MetricsRecorder()
    for value in (3.0, 150.0, 2500.0):
        recorder.observe("ws.message", value, "chat:message")
    recorder.count("errors", "http", 2)
    recorder.count("errors", "http", 1)
    recorder.level("sessions", 7, "")
    recorder.level("sessions", 5, "")
    window = recorder.drain()
    assert window.timings == {("ws.message", "chat:message"): Histogram([3.0, 150.0, 2500.0])}
    assert window.counts == {("errors", "http"): 3}
    assert window.levels == {("sessions", ""): Level(last=5, high=7)}
    again = recorder.drain()
    assert not again.timings and not again.counts
    assert again.levels == {("sessions", ""): Level(last=5, high=5)}, "a level stands until it is told anew"


def test_nothing_is_lost_between_threads_while_somebody_empties() -> None:
    recorder, total, done = MetricsRecorder(), Histogram(), threading.Event()

    def work() -> None:
        for n in range(20_000):
            recorder.observe("ws.message", n % 700, "")
            recorder.count("errors", "", 1)

    counted = 0

    def empty() -> int:
        window = recorder.drain()
        for histogram in window.timings.values():
            total.merge(histogram)
        return sum(window.counts.values())

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    while not done.wait(0.001):
        counted += empty()
        if not any(thread.is_alive() for thread in threads):
            done.set()
    counted += empty()
    assert (total.count, counted) == (80_000, 80_000)


def test_labels_are_bounded() -> None:
    recorder = MetricsRecorder()
    for n in range(5000):
        recorder.observe("http.request", 1.0, f"route {n}")
        recorder.count("refused", f"code {n}", 1)
    recorder.observe("http.request", 1.0, "x" * 10_000)
    recorder.observe("http.request", 1.0, "admin/auth/user/<path:object_id>/change/")
    window = recorder.drain()
    assert len(window.timings) <= LABELS_MAX + 1
    assert len(window.counts) <= LABELS_MAX
    assert sum(h.count for h in window.timings.values()) == 5002
    assert window.timings["http.request", OTHER].count > 4000
    assert window.timings["http.request", "admin/"].count == 1


def test_a_close_code_that_a_client_made_up_is_other() -> None:
    recorder = MetricsRecorder()
    for code in range(3000, 5000):
        recorder.count(telemetry.WS_CLOSED, str(code), 1)
    assert recorder.drain().counts == {
        ("ws.closed", "other"): 1996,
        **{("ws.closed", code): 1 for code in ("4401", "4404", "4429", "4500")},
    }


@pytest.mark.parametrize("odd", [-1.0, float("nan")])
def test_a_clock_that_stepped_counts_as_zero(odd: float) -> None:
    recorder = MetricsRecorder()
    recorder.observe("ws.message", odd, "")
    assert recorder.drain().timings == {("ws.message", ""): Histogram([0.0])}


def test_the_service_tells_this_recorder() -> None:
    before = installed.drain()
    with telemetry.timed(telemetry.SIGNAL_RANK):
        pass
    with telemetry.transaction("websocket.message", "x"), telemetry.span("signal.engine", "rank"):
        telemetry.count(telemetry.ERRORS, "test")
    window = installed.drain()
    assert before is not window
    assert window.timings["signal.rank", ""].count == 1
    assert window.counts["errors", "test"] == 1


def test_an_exception_is_one_line_of_json_that_says_where_and_never_its_message() -> None:
    stream, log = io.StringIO(), logging.getLogger("icebreaker.fallback")
    handler = logging.StreamHandler(stream)
    log.addHandler(handler)
    try:
        float("at 52.52, 13.41 somebody said hello")
    except ValueError as error:
        MetricsRecorder().capture(error, {"component": "websocket", "sessionId": "abc"})
    finally:
        log.removeHandler(handler)
    line = json.loads(stream.getvalue())
    assert line["type"] == "ValueError"
    assert line["tags"] == {"component": "websocket", "sessionId": "abc"}
    assert line["where"][-1].startswith("test_recorder.py:")
    assert "hello" not in stream.getvalue()


def test_another_tracer_takes_its_place() -> None:
    class Tracer:
        def __init__(self) -> None:
            self.caught: list[BaseException] = []

        def span(self, op: str, name: str) -> threading.Lock:
            return threading.Lock()

        transaction = span

        def capture(self, error: BaseException, tags: dict[str, str]) -> None:
            self.caught.append(error)

    recorder, tracer, error = MetricsRecorder(), Tracer(), ValueError()
    recorder.tracer = tracer  # type: ignore[assignment]
    recorder.capture(error, {})
    with recorder.span("a", "b"), recorder.transaction("a", "b"):
        pass
    assert tracer.caught == [error]
