"""Send finished spans and annotations in the background, within bounds, so that the program never waits.

Spans wait in a queue that is bounded by bytes.  One thread packs them, a few times a second; the outbox sends the
parcels, or keeps them on the disk.  Where memory is full, whoever adds a span packs a batch itself: slower, but
nothing is lost.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from opentelemetry.sdk.trace import ReadableSpan

from .config import Config
from .delivery import Parcel, Sender, choose_sender
from .forks import leave_forks, watch_forks
from .outbox import Outbox
from .own_span import OwnSpan
from .safety import guard
from .spool import Spool, open_spool

logger = logging.getLogger("spanwise")

_BATCH_SPANS: Final = 512
#: Well below the server's limit on a body, which is counted packed.
_BATCH_BYTES: Final = 4_000_000
_BATCH_ANNOTATIONS: Final = 500
#: What a span weighs beside its texts.
_SPAN_BYTES: Final = 1_000
_ANNOTATION_BYTES: Final = 500
_IDLE_TICKS: Final = 20
"""Empty rounds after which the thread sleeps until it is woken."""
_WAIT_FOR_PACKING_S: Final = 0.05
_WAIT_FOR_WRITING_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Status:
    """How sending goes: counts of spans and annotations since ``init()``."""

    sent: int = 0
    """Taken by the server, those that an earlier program had left on the disk included."""
    queued: int = 0
    """Waiting in memory."""
    spooled: int = 0
    """Waiting on the disk."""
    dropped: int = 0
    """Never to be sent: memory or disk were full, or ``before_send`` said so."""
    failed: int = 0
    """Refused by the server for good."""


class Exporter:
    """A bounded queue and the thread that packs what is in it, which is started by the first span."""

    def __init__(self, config: Config, *, on_tick: Callable[[], None] | None = None) -> None:
        self._config = config
        self._sender: Sender = choose_sender(config, lambda: self.status().dropped)
        self._spool: Spool | None = open_spool(config)
        self._on_tick = on_tick
        self._most_bytes = config.max_queued_mb * 1_000_000
        self._writes_through = config.spool_after_ms == 0 and self._spool is not None
        self._spans: deque[tuple[int, ReadableSpan | OwnSpan]] = deque()
        self._annotations: deque[Mapping[str, Any]] = deque()
        self._reset()
        watch_forks(self)
        if self._spool is not None and self._spool.folder.exists():
            self._outbox.start()  # an earlier program may have left something

    def _reset(self) -> None:
        # Reentrant: the collector may drop a stream, and so end a span, in the midst of anything here.
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._packing_lock = threading.RLock()
        self._packing = False
        self._spans.clear()
        self._annotations.clear()
        self._bytes = 0
        self._since = 0.0
        self._in_hand = 0
        self._dropped = 0
        self._urgent = False
        self._asleep = False
        self._closing = False
        self._thread: threading.Thread | None = None
        self._outbox = Outbox(self._config, self._sender, self._spool, self._changed)

    # --- the program's side: quick, never waits for the network --------------------------------

    def start(self) -> None:
        """See to it that the thread runs and is awake."""
        with self._lock:
            self._wake()

    def put(self, span: ReadableSpan | OwnSpan) -> None:
        """Queue a finished span."""
        size = _weight(span)
        with self._lock:
            if self._closing:
                self._dropped += 1
                return
            if not self._spans:
                self._since = time.monotonic()
            self._spans.append((size, span))
            self._bytes += size
            if len(self._spans) == _BATCH_SPANS:
                self._changed.notify_all()
            if self._thread is None or self._asleep:
                self._wake()
            full = self._bytes > self._most_bytes
        if full or self._writes_through:
            self._relieve()

    def put_annotation(self, annotation: Mapping[str, Any]) -> None:
        """Queue an annotation."""
        with self._lock:
            if self._closing:
                self._dropped += 1
                return
            self._annotations.append(annotation)
            self._bytes += _ANNOTATION_BYTES
            self._wake()
            full = self._bytes > self._most_bytes
        if full or self._writes_through:
            self._relieve()

    def status(self) -> Status:
        """Return the counts as they are now."""
        with self._lock:
            outbox = self._outbox
            tally = outbox.tally
            dropped = self._dropped + outbox.dropped
            return Status(tally.sent, self._in_memory(), outbox.spooled, dropped, tally.failed)

    def flush(self, timeout_s: float) -> bool:
        """Send what is queued and spooled; return whether all of it went, in time and at the first attempt."""
        deadline = time.monotonic() + timeout_s
        with self._lock:
            outbox = self._outbox
            if not self._in_memory() and not outbox.spooled:
                return True
            failures = outbox.tally.attempts_failed
            self._urgent = outbox.urgent = True
            self._wake()
            self._changed.notify_all()
            outbox.start()
            while self._in_memory() or outbox.spooled:
                left_s = deadline - time.monotonic()
                if outbox.tally.attempts_failed != failures or left_s <= 0:
                    return False
                self._changed.wait(left_s)
            return True

    def close(self, timeout_s: float) -> bool:
        """Flush, stop, and leave to the disk what could not be sent; return whether all of it was sent."""
        complete = self.flush(timeout_s)
        with self._lock:
            self._closing = True
            self._changed.notify_all()
            thread = self._thread
        while self._pack(_WAIT_FOR_WRITING_S):
            pass
        self._outbox.close()
        if thread is not None and thread is not threading.current_thread():
            thread.join(0.5)
        leave_forks(self)
        return complete

    def after_fork(self) -> None:
        """Start afresh in a child process: the threads are gone, and what is queued is the parent's to send."""
        self._sender.forget()
        if self._spool is not None:
            self._spool.forget()
        self._reset()

    def _in_memory(self) -> int:
        return len(self._spans) + len(self._annotations) + self._in_hand + self._outbox.in_memory

    def _wake(self) -> None:
        if self._closing:
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="spanwise-export", daemon=True)
            try:
                self._thread.start()
            except RuntimeError:  # the interpreter is ending: close() does what is left to do
                self._thread = None
        elif self._asleep:
            self._changed.notify_all()

    def _relieve(self) -> None:
        """Pack a batch here and now; where memory is full twice over all the same, the oldest go."""
        # The outbox's thread may have come here from the collector, and hold what packing waits for.
        if not self._outbox.owns(threading.get_ident()):
            with guard():
                self._pack(_WAIT_FOR_WRITING_S if self._writes_through else _WAIT_FOR_PACKING_S)
        with self._lock:
            while self._bytes > 2 * self._most_bytes and len(self._spans) > 1:
                self._bytes -= self._spans.popleft()[0]
                self._dropped += 1

    # --- packing -------------------------------------------------------------------------------

    def _pack(self, patience_s: float) -> bool:
        """Pack one batch and hand it to the outbox; return whether there was one."""
        if not self._packing_lock.acquire(timeout=patience_s):
            return False
        try:
            if self._packing:  # the collector has led back here
                return False
            self._packing = True
            try:
                return self._pack_batch()
            finally:
                self._packing = False
        finally:
            self._packing_lock.release()

    def _pack_batch(self) -> bool:
        with self._lock:
            since = self._since
            spans = self._take()
            # Spans first: a judgement is easier to understand where what it judges has arrived.
            annotations = [] if spans else self._take_annotations()
            count = self._in_hand = len(spans) + len(annotations)
        if not count:
            return False
        parcel: Parcel | None = None
        try:
            parcel = (
                self._sender.spans(list(map(_finished, spans)), since)
                if spans
                else self._sender.annotations(annotations, since)
            )
        except Exception:
            # The thread must outlive whatever a span of another library can raise.
            logger.warning("spanwise could not pack %d items and gives them up", count, exc_info=True)
        taken = 0 if parcel is None else parcel.count

        def handed() -> None:
            self._in_hand = 0
            self._dropped += count - taken

        if parcel is not None:
            self._outbox.put(parcel, handed)
        with self._lock:
            if parcel is None:
                handed()
            self._changed.notify_all()
        return True

    def _take(self) -> list[ReadableSpan | OwnSpan]:
        taken: list[ReadableSpan | OwnSpan] = []
        size = 0
        while self._spans and len(taken) < _BATCH_SPANS:
            size += self._spans[0][0]
            if taken and size > _BATCH_BYTES:
                break
            weight, span = self._spans.popleft()
            self._bytes -= weight
            taken.append(span)
        return taken

    def _take_annotations(self) -> list[Mapping[str, Any]]:
        count = min(len(self._annotations), _BATCH_ANNOTATIONS)
        self._bytes -= count * _ANNOTATION_BYTES
        return [self._annotations.popleft() for _ in range(count)]

    def _work(self) -> None:
        interval_s = self._config.export_interval_ms / 1000
        wait_s = interval_s
        idle = 0
        while True:
            with self._lock:
                if not self._closing and not self._urgent and len(self._spans) < _BATCH_SPANS:
                    self._asleep = idle >= _IDLE_TICKS and not self._spans and not self._annotations
                    self._changed.wait(None if self._asleep else wait_s)
                    self._asleep = False
                if self._closing:
                    return
            if self._on_tick is not None:
                with guard():
                    self._on_tick()
            ask_s = self._pack_all()
            wait_s = interval_s if ask_s is None else min(interval_s, ask_s)
            idle = idle + 1 if ask_s is None and not self._in_memory() else 0

    def _pack_all(self) -> float | None:
        """Pack all there is; return in how many seconds the outbox wants to look at its parcels again."""
        ask_s = self._outbox.keep_old()
        while self._pack(_WAIT_FOR_WRITING_S) and not self._closing:
            ask_s = self._outbox.keep_old()
        with self._lock:
            if not self._spans and not self._annotations:
                self._urgent = False
        return ask_s


def _finished(span: ReadableSpan | OwnSpan) -> ReadableSpan:
    return span.readable() if isinstance(span, OwnSpan) else span


def _weight(span: ReadableSpan | OwnSpan) -> int:
    attributes: Any = span.attributes
    size = _SPAN_BYTES
    if type(span) is OwnSpan:
        size += span.later_chars
    elif not attributes:
        return size
    else:
        # A copy is a plain dict, which is several times faster to walk than OpenTelemetry's own mapping.
        attributes = attributes.copy() if hasattr(attributes, "copy") else attributes
    for value in attributes.values():  # a sum over a generator takes twice as long
        if type(value) is str:
            size += len(value)
    return size
