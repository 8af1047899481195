"""The Sentry SDK in our own processes: one exception is one event, one sampled message is one trace, nothing private.

Nothing is instrumented but Django and what is said through the telemetry seam: the SDK's own ways of seeing sockets and
log lines tell the same trouble twice or a socket's whole life as one request. Why stands in
docs/decisions/0012-one-exception-one-event.md.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from random import random
from time import monotonic
from typing import Any, Final, cast
from urllib.parse import urlsplit

import msgspec
import sentry_sdk
from django.conf import settings
from sentry_sdk.integrations import Integration
from sentry_sdk.integrations.atexit import AtexitIntegration
from sentry_sdk.integrations.dedupe import DedupeIntegration
from sentry_sdk.integrations.django import DjangoIntegration
from sentry_sdk.integrations.excepthook import ExcepthookIntegration
from sentry_sdk.integrations.threading import ThreadingIntegration
from sentry_sdk.tracing import TransactionSource
from sentry_sdk.transport import HttpTransport
from sentry_sdk.utils import BadDsn, event_from_exception

from monitoring.errors import event as kept
from monitoring.errors import held, ingest, scrub
from monitoring.errors.decode import fitted
from monitoring.errors.transport import OwnStore
from monitoring.metrics.recorder import JsonLines, recorder
from signals import telemetry

Found = dict[str, Any]
COUNTED: Final = "icebreaker_counted"  # in a hint: the recorder has counted this one
CRUMBS: Final = 20
NOWHERE: Final = "/[...]"
UNTRACED: Final = ("/api/health", "/static/")
log = logging.getLogger("icebreaker")
_nothing: Final = nullcontext()
_traced: ContextVar[bool] = ContextVar("traced", default=False)


class SdkTracer:
    """Behind the seam of telemetry: spans and exceptions to the SDK.

    `rate` is the share of messages that are traced, `per_s` how many a second at most: a trace costs as much as ten
    messages, so that a share alone would slow a busy process down.
    """

    def __init__(self, rate: float, per_s: float, clock: Callable[[], float] = monotonic) -> None:
        self.rate, self.per_s, self._clock = rate, per_s, clock
        self._room, self._at_s = per_s, clock()

    def span(self, op: str, name: str) -> AbstractContextManager[object]:
        return sentry_sdk.start_span(op=op, name=name) if _traced.get() else _nothing

    def transaction(self, op: str, name: str) -> AbstractContextManager[object]:
        """The coin is tossed before anything is begun: even one that is not sampled would cost a third of a message."""
        if random() < self.rate and self._has_room():  # noqa: S311 - no secret
            return _transaction(op, name)
        return _nothing

    def _has_room(self) -> bool:
        now_s = self._clock()
        self._room = min(max(1.0, self.per_s), self._room + (now_s - self._at_s) * self.per_s)
        self._at_s = now_s
        if self._room < 1.0:
            return False
        self._room -= 1.0
        return True

    def capture(self, error: BaseException, tags: dict[str, str]) -> None:
        try:
            options = sentry_sdk.get_client().options
            event, hint = event_from_exception(error, options, {"type": "icebreaker", "handled": False})
            event["tags"] = cast("dict[str, Any]", tags)
            sentry_sdk.capture_event(event, {**hint, COUNTED: True})
        except Exception:
            JsonLines().capture(error, tags)


@contextmanager
def _transaction(op: str, name: str) -> Iterator[None]:
    with sentry_sdk.isolation_scope():
        token = _traced.set(True)
        try:
            with sentry_sdk.start_transaction(op=op, name=name, sampled=True):
                yield
        finally:
            _traced.reset(token)


class Cleaner:
    """What runs before anything leaves the SDK: of an event only the fields stay that event.py names, and cleaned."""

    def __init__(self, role: str) -> None:
        self.role, self.salt = role, settings.SECRET_KEY.encode()[:64]

    def error(self, event: Any, hint: Found) -> Any:
        """An event as it may go out. None when it can't be cleaned: then a line in the log says that it was."""
        error = (hint.get("exc_info") or (None, None))[1]
        tags: Found = event.get("tags") or {}
        tags = {"component": "http" if "request" in event else self.role, **tags}
        if COUNTED not in hint:
            telemetry.count(telemetry.ERRORS, str(tags["component"]))
        try:
            cleaned = self.clean({**event, "tags": tags})
            if error is not None:
                _unquote(cleaned, held.of(error, str(settings.BASE_DIR)))
            return msgspec.to_builtins(cleaned)
        except Exception:
            if error is not None:
                JsonLines().capture(error, {"component": str(tags["component"])})
            return None

    def trace(self, event: Any, hint: Found) -> Any:
        try:
            return msgspec.to_builtins(self.clean(event))
        except Exception:
            return None

    def clean(self, event: Found) -> kept.Event:
        return scrub.scrub(fitted(_by_route(event), kept.Event), self.salt)


def _by_route(event: Found) -> Found:
    """The event with its route for its path: in a path that leads nowhere stands whatever somebody typed."""
    request: Found = event.get("request") or {}
    if not request.get("url"):
        return event
    is_route = (event.get("transaction_info") or {}).get("source") == TransactionSource.ROUTE
    route = str(event.get("transaction") or NOWHERE) if is_route else NOWHERE
    here = urlsplit(str(request["url"]))
    return {**event, "transaction": route, "request": {**request, "url": f"{here.scheme}://{here.netloc}{route}"}}


def _unquote(event: kept.Event, words: str) -> None:
    """Take out of the words of exceptions, and of what they led to, everything that a variable held."""
    for raised in kept.exceptions(event):
        raised.value = held.without(raised.value, words) if raised.value else raised.value
    for crumb in kept.crumbs(event):
        crumb.message = held.without(crumb.message, words) if crumb.message else crumb.message


class TaskErrors(logging.Handler):
    """Takes what asyncio can only log: an exception of a task that nobody waited for."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, Exception):
            telemetry.capture(error, component="task")


def sampler(context: Found) -> float:
    """How many of the SDK's own transactions are kept: none of a socket's whole life, of probes or of files."""
    scope = context.get("asgi_scope") or {}
    if scope.get("type") != "http" or str(scope.get("path", "")).startswith(UNTRACED):
        return 0.0
    return float(settings.SENTRY_TRACES_SAMPLE_RATE)


def options(role: str, store: OwnStore) -> Found:
    """What the SDK is started with. The DSN is not among it: only the part of the transport that needs one has it."""
    cleaner, rate = Cleaner(role), settings.SENTRY_TRACES_SAMPLE_RATE
    integrations: list[Integration] = [
        AtexitIntegration(callback=lambda pending, timeout: None),
        DedupeIntegration(),
        DjangoIntegration(middleware_spans=False, signals_spans=False, cache_spans=False),
        ExcepthookIntegration(),
        ThreadingIntegration(propagate_hub=False),
    ]
    return {
        "dsn": "",
        "transport": store,
        "release": settings.RELEASE,
        "environment": settings.ENVIRONMENT,
        "server_name": "",
        "default_integrations": False,
        "auto_enabling_integrations": False,
        "integrations": integrations,
        "include_local_variables": False,
        "max_request_body_size": "never",
        "max_breadcrumbs": CRUMBS,
        "auto_session_tracking": False,
        "enable_backpressure_handling": False,
        "trace_propagation_targets": [],
        "spotlight": False,
        "project_root": str(settings.BASE_DIR),
        "before_send": cleaner.error,
        "before_send_transaction": cleaner.trace,
        "traces_sampler": sampler if rate > 0 else None,
    }


def _beyond(given: Found) -> HttpTransport | None:
    """The way to a real Sentry; none when no DSN is set, when it is none, or when it is ourselves."""
    dsn = settings.SENTRY_DSN
    if not dsn or urlsplit(dsn).netloc.rpartition("@")[2] == urlsplit(settings.PUBLIC_URL).netloc:
        return None
    try:
        return HttpTransport({**given, "dsn": dsn})
    except BadDsn:
        log.error("SENTRY_DSN is no DSN: errors are kept here alone")  # noqa: TRY400 - it is all there is to say
        return None


_store: OwnStore | None = None


def start(role: str) -> OwnStore:
    """Report from this process from now on; a second call does nothing."""
    global _store  # noqa: PLW0603 - one process has one SDK
    if _store is None:
        _store = OwnStore(ingest.current)
        sentry_sdk.init(**options(role, _store))
        _store.beyond = _beyond(sentry_sdk.get_client().options)
        recorder.tracer = SdkTracer(settings.SENTRY_TRACES_SAMPLE_RATE, settings.SENTRY_TRACES_PER_SECOND)
        logging.getLogger("asyncio").addHandler(TaskErrors())
    return _store


def stop() -> None:
    """Report no more; what was handed over is kept first. For tests, and for whoever leaves in order."""
    global _store  # noqa: PLW0603 - see start
    if _store is not None:
        sentry_sdk.get_client().close(timeout=2.0)
        ingest.current().spool.close()
        sentry_sdk.get_global_scope().set_client(None)
        recorder.tracer = JsonLines()
        asyncio_log = logging.getLogger("asyncio")
        asyncio_log.handlers = [h for h in asyncio_log.handlers if not isinstance(h, TaskErrors)]
        _store = None
