"""The queue before the store: what has come in while one transaction commits goes into the next one together."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from ..errors import Overloaded, without_frames
from ..record import Record, SpanLog
from ..store.engine import Store
from ..store.ready import Chunk
from ..store.turns import SPANS_A_TURN

logger = logging.getLogger("spanwise.server")

#: One transaction takes at most this many spans, unless a single request has more.
MOST_TOGETHER: Final = 8_192
#: What has come waits at most this long for requests that are being read, to share a transaction with them.
LONGEST_WAIT_S: Final = 0.2


@dataclass(frozen=True, slots=True)
class Stats:
    """What a writer has done since it started."""

    written: int
    queued: int
    errors: int
    last_error: str | None


@dataclass(frozen=True, slots=True)
class _Request:
    done: Future[list[SpanLog]]
    chunks: Sequence[Chunk] = ()
    spans: int = 0
    logs: Sequence[SpanLog] = ()

    @property
    def size(self) -> int:
        """How much of the queue it takes."""
        return self.spans + len(self.logs)


class Writer:
    """One thread that commits what requests submit; a request's future is done when its spans are on the disk."""

    def __init__(self, store: Store, *, max_queued_spans: int) -> None:
        self._store = store
        self._most_queued = max_queued_spans
        self._queue: deque[_Request] = deque()
        self._queued = 0
        self._written = 0
        self._errors = 0
        self._last_error: str | None = None
        self._closing = False
        self._coming: set[object] = set()
        """One mark for each request that is being read."""
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="spanwise-writer", daemon=True)
        self._thread.start()

    @contextmanager
    def coming(self) -> Iterator[None]:
        """Let what is queued wait a moment for the request that is read within, so that one transaction takes both."""
        mark = object()
        with self._changed:
            self._coming.add(mark)
        try:
            yield
        finally:
            with self._changed:
                self._coming.discard(mark)
                self._changed.notify()

    def submit(self, records: Sequence[Record]) -> Future[list[SpanLog]]:
        """Queue *records* and return a future that is done once they are committed.

        They are packed in the calling thread. Raises Overloaded when the queue is full or the writer closes.
        """
        with self._changed:
            self._reserve(len(records))
        try:
            chunks = self._packed(records)
        except BaseException:
            with self._changed:
                self._queued -= len(records)
            raise
        return self._put(_Request(Future(), chunks, spans=len(records)))

    def submit_logs(self, logs: Sequence[SpanLog]) -> Future[list[SpanLog]]:
        """Queue *logs*, of one request; the future holds those that are too many for their span.

        Raises Overloaded as ``submit`` does.
        """
        with self._changed:
            self._reserve(len(logs))
        return self._put(_Request(Future(), logs=logs))

    def _put(self, request: _Request) -> Future[list[SpanLog]]:
        with self._changed:
            if self._closing:
                self._queued -= request.size
                raise Overloaded("The server is shutting down.", "Send the same request again in a moment.")
            self._queue.append(request)
            self._changed.notify()
        return request.done

    def _packed(self, records: Sequence[Record]) -> list[Chunk]:
        chunks: list[Chunk] = []
        for at in range(0, len(records), SPANS_A_TURN):
            with self._store.turns:
                chunks += self._store.prepare(records[at : at + SPANS_A_TURN])
        return chunks

    def _reserve(self, size: int) -> None:
        # A request is taken into an empty queue however large it is, or it could never be taken at all.
        if self._queued and self._queued + size > self._most_queued:
            raise Overloaded(
                f"{self._queued:,} spans and log records are waiting to be written.",
                "Send the same request again in a moment.",
            )
        self._queued += size

    def stats(self) -> Stats:
        """Return what was done since the start."""
        with self._changed:
            return Stats(self._written, self._queued, self._errors, self._last_error)

    def refusal(self) -> str | None:
        """Return why nothing submitted would be written, or ``None``; the store says whether it can keep it."""
        return None if self._thread.is_alive() and not self._closing else "The writer has stopped."

    def close(self) -> None:
        """Take no more, commit what is queued, and end."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while requests := self._next():
            size = sum(request.size for request in requests)
            try:
                self._commit(requests)
            finally:
                with self._changed:
                    self._queued -= size

    def _next(self) -> list[_Request]:
        """Wait for requests and return as many as one transaction takes; none at all when it is time to end."""
        with self._changed:
            while not self._queue and not self._closing:
                self._changed.wait()
            self._wait_for_others()
            taken: list[_Request] = []
            size = 0
            while self._queue and (not taken or size + self._queue[0].size <= MOST_TOGETHER):
                taken.append(self._queue.popleft())
                size += taken[-1].size
            return taken

    def _wait_for_others(self) -> None:
        """Wait for the requests that are being read now, but for none that comes meanwhile: nobody waits for ever."""
        others = set(self._coming)
        end = time.monotonic() + LONGEST_WAIT_S
        while not self._closing and self._queued_size() < MOST_TOGETHER and not others.isdisjoint(self._coming):
            left = end - time.monotonic()
            if left <= 0:
                return
            self._changed.wait(left)

    def _queued_size(self) -> int:
        return sum(request.size for request in self._queue)

    def _commit(self, requests: Sequence[_Request]) -> None:
        answered: list[SpanLog] | None = None

        def on_disk(over: list[SpanLog]) -> None:
            nonlocal answered
            answered = over
            self._answer(requests, over)

        try:
            over = self._store.write_prepared(
                [chunk for request in requests for chunk in request.chunks],
                [request.logs for request in requests if request.logs],
                on_disk,
            )
        except Exception as error:
            if answered is not None:  # what follows a commit is no matter of those who wait for it
                logger.exception("the store could not follow up on a commit")
            elif len(requests) > 1:
                # One request may be at fault: the others must not sink with it.
                for request in requests:
                    self._commit([request])
            else:
                self._failed(requests[0], error)
            return
        if answered is None:
            self._answer(requests, over)

    def _answer(self, requests: Sequence[_Request], over: Sequence[SpanLog]) -> None:
        with self._changed:
            self._written += sum(request.spans for request in requests)
        refused = {id(log) for log in over}
        for request in requests:
            if request.done.set_running_or_notify_cancel():
                request.done.set_result([log for log in request.logs if id(log) in refused])

    def _failed(self, request: _Request, error: Exception) -> None:
        said = f"{type(error).__name__}: {error}"
        with self._changed:
            again = said == self._last_error
            self._errors += 1
            self._last_error = said
        # Where the disk is full every request fails, and the log may lie on the same disk.
        why = None if again else error
        logger.error("%d spans or log records could not be written: %s", request.size, said, exc_info=why)
        without_frames(error)
        if request.done.set_running_or_notify_cancel():
            request.done.set_exception(error)
