"""The one way in for every protocol: unpack, decode, queue, count. HTTP and gRPC differ in nothing behind it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any, Final

from ..record import Record, SpanLog
from ..store.engine import Store
from . import unkept
from .batch import BadSpan, Refusals
from .evaluations import RESULT, evaluations
from .health import Health
from .limits import unpacked
from .log_batch import LogBatch
from .logs import decode_logs
from .media import Contents, cut_event
from .otlp import Signal
from .pipeline import (
    BAD_PROJECT,
    DECODED_IN_TURN,
    Pipeline,
    Request,
    check_project,
    is_project_name,
    keep_media,
    resource_project,
)
from .room import Held, Room
from .span_limits import SpanLimits
from .under_way import UnderWay, told_apart
from .writer import Writer

TOO_MANY_LOGS: Final = BadSpan(
    "too_many_logs", "its span has as many log records as are kept (SPANWISE_MAX_SPAN_LOGS)."
)


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of one request: how much of it was refused and why, and when the rest is on the disk."""

    refusals: Refusals
    """Complete once the rest is written."""
    written: Future[Any] | None = None
    """``None`` where all is on the disk already."""


class Intake:
    """Takes requests of every signal."""

    def __init__(
        self,
        pipeline: Pipeline,
        writer: Writer,
        store: Store,
        limits: SpanLimits,
        *,
        max_unpacked_bytes: int,
        max_queued_bytes: int,
        on_taken: Callable[[Iterable[Record]], None] | None = None,
        on_written: Callable[[Iterable[tuple[str, str]]], None] | None = None,
    ) -> None:
        self._pipeline = pipeline
        self._writer = writer
        self._store = store
        self._limits = limits
        self._most_unpacked = max_unpacked_bytes
        self._on_taken = on_taken
        self._on_written = on_written
        """Told which traces, by project and id, have something new on the disk or under way."""
        self.under_way = UnderWay()
        self.room = Room(max_queued_bytes)
        self.health = Health()

    def coming(self, request: Request) -> AbstractContextManager[None]:
        """Have what is queued wait for *request*, which is taken within, to be on disk together; not for a long one."""
        return self._writer.coming() if len(request.body) <= DECODED_IN_TURN else nullcontext()

    def take(self, signal: Signal, request: Request, held: Held) -> Taken:
        """Take one request, whose body as it was sent is in *held* already."""
        check_project(request.project)
        if request.encoding:
            body = unpacked(request.body, request.encoding, self._most_unpacked)
            held.take(len(body))
            request = replace(request, body=body, encoding="")
        if signal == "traces":
            return self._traces(request)
        return self._logs(request) if signal == "logs" else self._metrics(request)

    def _traces(self, request: Request) -> Taken:
        found = self._pipeline.run(request, max_unpacked_bytes=self._most_unpacked)
        written = None
        begun, records = told_apart(found.records)
        if begun:
            self.under_way.put(begun)
            self._tell(begun)
        if records:
            self._judge(_events_of(records))
            began = time.perf_counter()
            written = self._writer.submit(records)
            written.add_done_callback(lambda done: self._written(done, began, records))
            if self._on_taken is not None:
                self._on_taken(records)
        self.health.took("traces", len(records), found.refusals, request.project)
        return Taken(found.refusals, written)

    def _written(self, done: Future[Any], began: float, records: Sequence[Record]) -> None:
        if not done.cancelled() and done.exception() is None:
            self.health.committed(time.perf_counter() - began)
            self.under_way.drop(records)
            self._tell(records)

    def _tell(self, records: Sequence[Record]) -> None:
        if self._on_written is not None:
            self._on_written({(record.project, record.span.trace_id) for record in records})

    def _logs(self, request: Request) -> Taken:
        """Queue log records; which of them are too many for their span shows as they are written."""
        with self._store.turns:
            batch = decode_logs(request.body, request.form, self._limits)
        contents: Contents = {}
        logs = _in_projects(batch, request.project, contents)
        keep_media(self._store.media, contents)
        if not logs:
            self.health.took("logs", 0, batch, request.project)
            return Taken(batch)
        self._judge(logs)
        began = time.perf_counter()
        answered: Future[None] = Future()

        def written(done: Future[list[SpanLog]]) -> None:
            if (error := done.exception()) is not None:
                answered.set_exception(error)
                return
            self.health.committed(time.perf_counter() - began)
            over = done.result()
            for log in over:
                batch.refuse(log.event.name, TOO_MANY_LOGS)
            self.health.took("logs", len(logs) - len(over), batch, request.project)
            answered.set_result(None)

        self._writer.submit_logs(logs).add_done_callback(written)
        return Taken(batch, answered)

    def _judge(self, logs: Iterable[SpanLog]) -> None:
        """Keep results of evaluations as annotations too, also of spans that are still to come."""
        if judged := evaluations(logs):
            self._store.annotate(judged)

    def _metrics(self, request: Request) -> Taken:
        refused = unkept.count(request.body, request.form)
        lost = Refusals(counts={"not_kept": refused} if refused else {})
        self.health.took("metrics", 0, lost, request.project)
        return Taken(lost)


def _events_of(records: Iterable[Record]) -> Iterator[SpanLog]:
    """Yield the results of evaluations that came on spans as if each had been sent alone."""
    for record in records:
        span = record.span
        for event in span.events:
            if event.name == RESULT:  # before anything is made: most events are none
                yield SpanLog(record.project, span.trace_id, span.span_id, event)


def _in_projects(batch: LogBatch, project: str | None, contents: Contents) -> list[SpanLog]:
    """Return the log records of *batch*, each in its project; refuse those whose resource names none that can be.

    Media leave them for *contents*.
    """
    found = []
    for log in batch.logs:
        name = project or resource_project(log.resource)
        if is_project_name(name):
            event, media = cut_event(log.event, contents)
            found.append(SpanLog(name, log.trace_id, log.span_id, event, media))
        else:
            batch.refuse(log.event.name, BAD_PROJECT, log.scope)
    return found
