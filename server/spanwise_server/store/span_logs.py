"""Joins log records with their spans, whichever comes first, and lets go of those whose span never comes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ..dialects import read
from ..pricing.price import Prices
from ..record import Record, Span, SpanLog
from .address import id_bytes, part_of, span_range
from .assemble import Assembler
from .connection import Connection
from .log_rows import any_logs, logs_of, pack_events, with_logs
from .projects import find_project, project_id_of
from .ready import Chunk, Ready
from .rows import SpanRow, row_of

Key = tuple[int, bytes, bytes]
"""Project, trace and span."""
ReadAgain = Callable[[Span, str], Record]
"""Reads and prices a span of a project."""

HOUR_NS: Final = 3_600_000_000_000
_SWEPT_EVERY_NS: Final = 60_000_000_000
#: When there is too much, a bit more than that is let go, so that not every request has to.
_SWEPT_TO: Final = 0.9
_PUT: Final = (
    "INSERT INTO span_logs "
    "(project_id, trace_id, span_id, hash, came_ns, waiting, records, size_bytes, body) VALUES (?,?,?,?,?,1,?,?,?)"
)
_KEPT: Final = "SELECT coalesce(sum(records), 0) FROM span_logs WHERE project_id = ? AND trace_id = ? AND span_id = ?"
_IS_THERE: Final = "SELECT 1 FROM span_logs WHERE project_id = ? AND trace_id = ? AND span_id = ? AND hash = ?"
_JOINED: Final = (
    "UPDATE span_logs SET waiting = 0 WHERE project_id = ? AND trace_id = ? AND span_id = ? AND waiting = 1"
)
_WAITING: Final = "SELECT sum(records), sum(size_bytes), min(came_ns) FROM span_logs WHERE waiting = 1"
#: The plus keeps SQLite from walking the whole trace: there may be 100,000 spans in it.
_FIND_SPAN: Final = "SELECT * FROM spans WHERE id >> 36 = ? AND span_id = ? AND +id BETWEEN ? AND ?"


@dataclass(frozen=True, slots=True)
class LogLimits:
    """How many log records are kept."""

    of_span: int = 10_000
    waiting_bytes: int = 256_000_000
    """All that wait for their span together, as packed; the oldest go first."""
    wait_ns: int = 24 * HOUR_NS


@dataclass(frozen=True, slots=True)
class Waiting:
    """The log records whose span has not come."""

    records: int
    size_bytes: int
    oldest_ns: int | None
    dropped: int
    """How many waited in vain since the start."""


def priced_reader() -> ReadAgain:
    """Return a reader with the published prices."""
    prices = Prices()

    def read_again(span: Span, project: str) -> Record:
        reading = read(span)
        return Record(project, span, reading, prices.price(reading, span.start_ns))

    return read_again


class SpanLogs:
    """What a store does with log records; every method runs in the caller's transaction."""

    def __init__(
        self, limits: LogLimits, read_again: ReadAgain | None = None, clock: Callable[[], int] = time.time_ns
    ) -> None:
        self._limits = limits
        self._read_again = read_again or priced_reader()
        self._clock = clock
        self._swept_ns = 0
        self._added_bytes = 0
        self._dropped = 0

    def put(self, connection: Connection, logs: Sequence[SpanLog]) -> list[SpanLog]:
        """Keep *logs* until their spans come; return those that are too many for their span."""
        now = self._clock()
        projects = {name: project_id_of(connection, name) for name in {log.project for log in logs}}
        groups: dict[Key, list[SpanLog]] = {}
        for log in logs:
            key = projects[log.project], id_bytes(log.trace_id, "Trace id"), id_bytes(log.span_id, "Span id")
            groups.setdefault(key, []).append(log)
        over: list[SpanLog] = []
        for key, found in groups.items():
            room = self._limits.of_span - connection.execute(_KEPT, key).fetchone()[0]
            name, body = pack_events(log.event for log in found)
            if connection.execute(_IS_THERE, (*key, name)).fetchone() is not None:
                continue  # a request sent twice is kept once
            kept = found[: max(room, 0)]
            over += found[len(kept) :]
            if kept:
                if len(kept) < len(found):
                    _, body = pack_events(log.event for log in kept)
                connection.execute(_PUT, (*key, name, now, len(kept), len(body), body))
                self._added_bytes += len(body)
        self._sweep(connection, now)
        return over

    def late(self, connection: Connection, logs: Iterable[SpanLog]) -> list[Record]:
        """Return the spans of *logs* that were there already, as sent, read again with their log records."""
        assembler = Assembler(connection, with_logs=False)
        found: list[Record] = []
        for project, trace_id in dict.fromkeys((log.project, log.trace_id) for log in logs):
            project_id = find_project(connection, project)
            raw_trace = id_bytes(trace_id, "Trace id")
            trace = connection.execute(
                "SELECT id FROM traces WHERE project_id = ? AND trace_id = ?", (project_id, raw_trace)
            ).fetchone()
            if trace is None or project_id is None:
                continue
            wanted = {
                id_bytes(log.span_id, "Span id") for log in logs if (log.project, log.trace_id) == (project, trace_id)
            }
            events = logs_of(connection, project_id, raw_trace)
            for span_id in wanted & events.keys():
                row = connection.execute(_FIND_SPAN, (part_of(trace[0]), span_id, *span_range(trace[0]))).fetchone()
                if row is not None:
                    was = assembler.records(project, [(SpanRow._make(row), raw_trace)])[0]
                    found.append(self._again(was, with_logs(was.span, events[span_id])))
                    connection.execute(_JOINED, (project_id, raw_trace, span_id))
        return found

    def joined(self, connection: Connection, batch: Sequence[Chunk]) -> Sequence[Chunk]:
        """Return *batch* with those spans read again that have log records."""
        if not any_logs(connection):
            return batch
        projects = {name: find_project(connection, name) for name in {chunk.project for chunk in batch}}
        return [self._joined(connection, chunk, projects[chunk.project]) for chunk in batch]

    def waiting(self, connection: Connection) -> Waiting:
        """Return how much waits."""
        records, size_bytes, oldest_ns = connection.execute(_WAITING).fetchone()
        return Waiting(records or 0, size_bytes or 0, oldest_ns, self._dropped)

    def _joined(self, connection: Connection, chunk: Chunk, project_id: int | None) -> Chunk:
        if project_id is None:
            return chunk
        events = logs_of(connection, project_id, chunk.trace_id)
        if not events:
            return chunk
        spans = []
        for ready in chunk.spans:
            logs = events.get(ready.row.span_id)
            if logs is None:
                spans.append(ready)
                continue
            record = self._again(ready.record, with_logs(ready.record.span, logs))
            spans.append(Ready(record, row_of(record, ready.row.span_id, ready.row.parent_id), ready.origin))
            connection.execute(_JOINED, (project_id, chunk.trace_id, ready.row.span_id))
        return replace(chunk, spans=tuple(spans))

    def _again(self, record: Record, whole: Span) -> Record:
        """Return *record* with its span as it was sent and what that means together with its log records."""
        if whole is record.span:
            return record
        return replace(self._read_again(whole, record.project), span=record.span, media=record.media)

    def _sweep(self, connection: Connection, now: int) -> None:
        """Let go of what has waited too long, and of the oldest where too much waits."""
        if now - self._swept_ns < _SWEPT_EVERY_NS and self._added_bytes < self._limits.waiting_bytes // 10:
            return
        self._swept_ns, self._added_bytes = now, 0
        gone = connection.execute(
            "DELETE FROM span_logs WHERE waiting = 1 AND came_ns < ? RETURNING records", (now - self._limits.wait_ns,)
        ).fetchall()
        self._dropped += sum(records for (records,) in gone)
        excess = self.waiting(connection).size_bytes - self._limits.waiting_bytes
        if excess <= 0:
            return
        excess += int(self._limits.waiting_bytes * (1 - _SWEPT_TO))
        oldest = connection.execute(
            "SELECT id, records, size_bytes FROM span_logs WHERE waiting = 1 ORDER BY came_ns, id"
        )
        dropped: list[int] = []
        for row, records, size in oldest:
            if excess <= 0:
                break
            dropped.append(row)
            self._dropped += records
            excess -= size
        connection.executemany("DELETE FROM span_logs WHERE id = ?", [(row,) for row in dropped])
