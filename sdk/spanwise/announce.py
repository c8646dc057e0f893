"""Tell a Spanwise server of spans that have begun and run on, so that a run can be watched while it goes on.

An announcement is the span as it is so far, marked as pending and ended where it began. It goes out beside everything
else: it is never kept, never tried again and counted nowhere, and the span itself takes its place when it ends. Other
servers would take it for a span of its own, so whoever answers is asked first who it is.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Sequence
from typing import Final

from opentelemetry.sdk.trace import ReadableSpan

from . import vocabulary as v
from .config import Config
from .delivery import ServerSender
from .forks import leave_forks, watch_forks
from .own_span import OwnSpan
from .relevance import about_models
from .safety import guard, swallowed
from .transport import Transport

#: Spans noted at a time; of more, the others are not announced.
MOST_OPEN: Final = 10_000
_LOOK_EVERY_S: Final = 0.1
_IDLE_LOOKS: Final = 100
"""Looks at nothing after which the thread ends; the next span starts another."""
_ASK_AGAIN_S: Final = 60.0
_TIMEOUT_S: Final = 2.0


class Announcer:
    """Notes which spans are open, and has a thread of its own tell of those that stay so."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._after_ns = config.announce_after_ms * 1_000_000
        self._begin()
        watch_forks(self)

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[int, ReadableSpan | OwnSpan] = {}
        self._thread: threading.Thread | None = None
        self._closing = threading.Event()
        self._welcome: bool | None = None
        """Whether the server is one of ours; ``None`` until it was asked."""
        self._ask_at = 0.0

    def started(self, span: ReadableSpan | OwnSpan) -> None:
        """Note that *span* has begun."""
        if (self._welcome is False and time.monotonic() < self._ask_at) or len(self._open) >= MOST_OPEN:
            return
        try:
            if type(span) is OwnSpan:  # one that is not sampled is never of this class
                span_id = span.span_id
            else:
                context = span.get_span_context()
                if context is None or not context.trace_flags.sampled:
                    return
                span_id = context.span_id
            self._open[span_id] = span
            if self._thread is None:
                self._start()
        except Exception as error:
            if not swallowed(error):
                raise

    def ended(self, span: ReadableSpan | OwnSpan) -> None:
        """Note that *span* has ended."""
        if type(span) is OwnSpan:
            self._open.pop(span.span_id, None)
        elif (context := span.get_span_context()) is not None:
            self._open.pop(context.span_id, None)

    def after_fork(self) -> None:
        """Start afresh in a child process: the thread is the parent's, and so are its open spans."""
        self._begin()

    def close(self) -> None:
        """Announce nothing any more."""
        self._closing.set()
        self._open.clear()
        leave_forks(self)

    def _start(self) -> None:
        with self._lock:
            if self._thread is None and not self._closing.is_set():
                thread = threading.Thread(target=self._work, name="spanwise-announce", daemon=True)
                try:
                    thread.start()
                except RuntimeError:  # the interpreter is ending
                    return
                self._thread = thread

    def _work(self) -> None:
        sender, transport = ServerSender(self._config), Transport(self._config, _TIMEOUT_S)
        told: set[int] = set()
        idle = 0
        while not self._closing.wait(_LOOK_EVERY_S):
            with guard():
                told.intersection_update(list(self._open))
                due = self._due(told)
                if due and self._is_welcome(transport):
                    parcel = sender.spans([_announcement(span) for span in due], time.monotonic())
                    if parcel is not None:
                        transport.post("/v1/traces", parcel.payload, "application/x-protobuf", "gzip")
            idle = 0 if self._open else idle + 1
            if idle > _IDLE_LOOKS:
                with self._lock:
                    if not self._open:
                        self._thread = None
                        break
        transport.close()
        sender.close()

    def _due(self, told: set[int]) -> Sequence[ReadableSpan | OwnSpan]:
        """Return the spans that have run on for long enough, each once."""
        before_ns = time.time_ns() - self._after_ns
        due: list[ReadableSpan | OwnSpan] = []
        for span_id, span in list(self._open.items()):
            if (span.start_time or 0) > before_ns or span_id in told:
                continue
            told.add(span_id)
            if isinstance(span, OwnSpan) or self._config.export == "all" or about_models(span):
                due.append(span)
        return due

    def _is_welcome(self, transport: Transport) -> bool:
        now = time.monotonic()
        if self._welcome is not True and now >= self._ask_at:
            self._ask_at = now + _ASK_AGAIN_S
            answer = transport.get("/healthz")
            self._welcome = answer.taken and _names_us(answer.body)
        return self._welcome is True


def _names_us(body: bytes) -> bool:
    try:
        said = json.loads(body)
    except ValueError:
        return False
    return isinstance(said, dict) and said.get("service") == "spanwise"


def _announcement(span: ReadableSpan | OwnSpan) -> ReadableSpan:
    """Return what is known of an open span so far, marked as pending."""
    return ReadableSpan(
        name=span.name,
        context=span.get_span_context(),
        parent=span.parent,
        resource=span.resource,
        attributes={**(span.attributes or {}), v.PENDING: True},
        links=tuple(span.links),
        kind=span.kind,
        status=span.status,
        start_time=span.start_time,
        end_time=span.start_time,
        instrumentation_scope=span.instrumentation_scope,
    )
