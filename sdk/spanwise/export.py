"""Send finished spans and annotations in the background, within bounds, so that the program never waits.

Spans wait in a bounded queue.  One thread sends them in batches, keeps a batch while the server is away and
tries again with growing pauses.  When the queue is full, new spans are dropped and counted.
"""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from opentelemetry.sdk.trace import ReadableSpan

from .config import Config
from .delivery import Delivery, Sender, choose_sender
from .safety import guard

logger = logging.getLogger("spanwise")

_BATCH_SPANS: Final = 512
#: Well below the server's limit on a body, which is counted packed.
_BATCH_BYTES: Final = 4_000_000
#: What a span weighs beside its texts.
_SPAN_BYTES: Final = 1_000
_MAX_ANNOTATIONS: Final = 10_000
_FIRST_PAUSE_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Status:
    """How sending goes: counts of spans and annotations since ``init()``."""

    sent: int = 0
    """Taken by the server."""
    queued: int = 0
    """Waiting to be sent."""
    dropped: int = 0
    """Never sent: the queue was full, ``before_send`` said so, or the program ended first."""
    failed: int = 0
    """Refused by the server for good."""


class Exporter:
    """A bounded queue and the thread that empties it, which is started by the first span."""

    def __init__(self, config: Config, *, on_tick: Callable[[], None] | None = None) -> None:
        self._config = config
        self._sender: Sender = choose_sender(config)
        self._on_tick = on_tick
        self._most_bytes = config.max_queued_mb * 1_000_000
        self._spans: deque[tuple[int, ReadableSpan]] = deque()
        self._annotations: deque[Mapping[str, Any]] = deque()
        self._reset()
        _LIVING.add(self)

    def _reset(self) -> None:
        # Reentrant: the collector may drop a stream, and so end a span, in the midst of anything here.
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._spans.clear()
        self._annotations.clear()
        self._bytes = 0
        self._in_hand = 0
        self._sent = self._dropped = self._failed = 0
        self._attempts_failed = 0
        self._urgent = False
        self._closing = False
        self._thread: threading.Thread | None = None

    # --- the program's side: quick, never waits for the network --------------------------------

    def start(self) -> None:
        """See to it that the thread runs."""
        with self._lock:
            if self._thread is None and not self._closing:
                self._start()

    def put(self, span: ReadableSpan) -> None:
        """Queue a finished span, or drop and count it where the queue is full."""
        size = _weight(span)
        with self._lock:
            if self._full(size):
                self._dropped += 1
                return
            self._spans.append((size, span))
            self._bytes += size
            if len(self._spans) == _BATCH_SPANS:
                self._changed.notify_all()
            if self._thread is None:
                self._start()

    def put_annotation(self, annotation: Mapping[str, Any]) -> None:
        """Queue an annotation, or drop and count it where the queue is full."""
        with self._lock:
            if self._closing or len(self._annotations) >= _MAX_ANNOTATIONS:
                self._dropped += 1
                return
            self._annotations.append(annotation)
            if self._thread is None:
                self._start()

    def status(self) -> Status:
        """Return the counts as they are now."""
        with self._lock:
            return Status(self._sent, self._waiting(), self._dropped, self._failed)

    def flush(self, timeout_s: float) -> bool:
        """Send what is queued now; return whether all of it went, in time and at the first attempt."""
        deadline = time.monotonic() + timeout_s
        with self._lock:
            if not self._waiting():
                return True
            if self._thread is None:
                self._start()
            failures = self._attempts_failed
            self._urgent = True
            self._changed.notify_all()
            while self._waiting() and self._attempts_failed == failures:
                left = deadline - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    break
            return not self._waiting()

    def close(self, timeout_s: float) -> bool:
        """Flush, stop the thread and count what could not be sent as dropped; return whether all of it went."""
        complete = self.flush(timeout_s)
        with self._lock:
            self._closing = True
            self._dropped += len(self._spans) + len(self._annotations)
            self._spans.clear()
            self._annotations.clear()
            self._bytes = 0
            self._changed.notify_all()
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(1.0 if complete else 0.1)
        if thread is None:
            self._sender.close()
        _LIVING.discard(self)
        return complete

    def after_fork(self) -> None:
        """Start afresh in a child process: the thread is gone, and the queued spans are the parent's to send."""
        self._sender.forget()
        self._reset()

    def _full(self, size: int) -> bool:
        if self._closing or len(self._spans) >= self._config.max_queued_spans:
            return True
        return bool(self._spans) and self._bytes + size > self._most_bytes

    def _waiting(self) -> int:
        return len(self._spans) + len(self._annotations) + self._in_hand

    def _start(self) -> None:
        self._thread = threading.Thread(target=self._work, name="spanwise-export", daemon=True)
        try:
            self._thread.start()
        except RuntimeError:  # the interpreter is ending: the last flush will be the one to know
            self._thread = None

    # --- the thread's side ---------------------------------------------------------------------

    def _work(self) -> None:
        interval_s = self._config.export_interval_ms / 1000
        while True:
            with self._lock:
                if not self._urgent and not self._closing and len(self._spans) < _BATCH_SPANS:
                    self._changed.wait(interval_s)
                if self._closing:
                    break
            if self._on_tick is not None:
                with guard():
                    self._on_tick()
            self._send_all()
        self._sender.close()

    def _send_all(self) -> None:
        """Send until the queue is empty or the exporter closes."""
        while True:
            with self._lock:
                spans = self._take()
                annotations = [] if spans else list(self._annotations)
                if not spans and not annotations:
                    self._urgent = False
                    self._changed.notify_all()
                    return
                if annotations:
                    self._annotations.clear()
                self._in_hand = len(spans) + len(annotations)
            # Spans first: a judgement is easier to understand where what it judges has arrived.
            self._deliver(spans or annotations, self._sender.spans if spans else self._sender.annotations)

    def _take(self) -> list[ReadableSpan]:
        taken: list[ReadableSpan] = []
        size = 0
        while self._spans and len(taken) < _BATCH_SPANS:
            size += self._spans[0][0]
            if taken and size > _BATCH_BYTES:
                break
            weight, span = self._spans.popleft()
            self._bytes -= weight
            taken.append(span)
        return taken

    def _deliver(self, items: Sequence[Any], send: Callable[[Sequence[Any]], Delivery]) -> None:
        """Send *items*, trying again until they are taken, refused for good, or the exporter closes."""
        pause_s = _FIRST_PAUSE_S
        while True:
            delivery = _sent_or_failed(send, items)
            with self._lock:
                self._sent += delivery.sent
                self._failed += delivery.failed
                self._dropped += delivery.dropped
                items = delivery.left
                self._in_hand = len(items)
                if not items:
                    self._changed.notify_all()
                    return
                self._attempts_failed += 1
                self._urgent = False
                self._changed.notify_all()
                wait_s = pause_s if delivery.retry_after_s is None else delivery.retry_after_s
                if self._closing or self._paused(min(wait_s, _LONGEST_PAUSE_S)):
                    self._dropped += len(items)
                    self._in_hand = 0
                    return
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)

    def _paused(self, wait_s: float) -> bool:
        """Wait before the next attempt, less long where someone flushes; return whether the exporter closes."""
        deadline = time.monotonic() + wait_s
        while not self._closing and not self._urgent:
            left = deadline - time.monotonic()
            if left <= 0:
                break
            self._changed.wait(left)
        return self._closing


def _sent_or_failed(send: Callable[[Sequence[Any]], Delivery], items: Sequence[Any]) -> Delivery:
    try:
        return send(items)
    except Exception:
        # The thread must outlive whatever a custom exporter or a span of another library can raise.
        logger.warning("spanwise could not send %d items and gives them up", len(items), exc_info=True)
        return Delivery(failed=len(items))


def _weight(span: ReadableSpan) -> int:
    attributes = span.attributes
    if not attributes:
        return _SPAN_BYTES
    # A copy is a plain dict, which is several times faster to walk than OpenTelemetry's own mapping.
    values = attributes.copy().values() if hasattr(attributes, "copy") else attributes.values()
    return _SPAN_BYTES + sum(len(value) for value in values if isinstance(value, str))


_LIVING: Final[weakref.WeakSet[Exporter]] = weakref.WeakSet()


def _after_fork() -> None:
    for exporter in list(_LIVING):
        exporter.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
