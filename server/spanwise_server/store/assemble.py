"""Rows made into the records that leave the store."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, TypeAlias, TypeVar

import orjson

from ..dialects import read
from ..record import Event, Record, TraceSummary
from .address import span_range, trace_row_of
from .connection import Connection
from .dictionaries import knowing
from .log_rows import any_logs, logs_of, with_logs
from .payload import Said, named, opened, unpack
from .rows import STATUSES, SpanRow, cost_of, usage_of
from .stored_rows import span_rows

T = TypeVar("T")
Make: TypeAlias = Callable[[str, Sequence[Any]], T]
"""Makes something of a project's name and a row of ``traces``."""
_TEXTS_AT_ONCE: Final = 400


def summary_of(project: str, row: Sequence[Any]) -> TraceSummary:
    """Return the summary in a row of ``traces``."""
    (
        _, _, trace_id, _, _, name, root_kind, start_ns, duration_ns, status, spans, errors, llms, models,
        b1, b2, b3, b4, b5, b6, b7, b8, b9, b10, _, cost_nusd, unpriced, ttft_ms, session_id, user_id, tags,
        environment, input_preview, output_preview, prompts, has_root,
    ) = row  # fmt: skip
    return TraceSummary(
        project=project, trace_id=trace_id.hex(), name=name, root_kind=root_kind,
        start_ns=start_ns, end_ns=start_ns + duration_ns, status=STATUSES[status],
        span_count=spans, error_count=errors, llm_count=llms, models=_strings(models),
        usage=usage_of((b1, b2, b3, b4, b5, b6, b7, b8, b9, b10)),
        cost_nusd=cost_nusd, unpriced_count=unpriced, ttft_ms=ttft_ms, session_id=session_id, user_id=user_id,
        tags=_strings(tags), environment=environment, input_preview=input_preview, output_preview=output_preview,
        prompts=_strings(prompts), has_root=bool(has_root),
    )  # fmt: skip


def placed_summary(project: str, row: Sequence[Any]) -> tuple[TraceSummary, int, int]:
    """Return the same, with when the trace began and its number."""
    summary = summary_of(project, row)
    return summary, summary.start_ns, row[0]


def _strings(text: str | None) -> tuple[str, ...]:
    return () if text is None else tuple(orjson.loads(text))


class Assembler:
    """Puts spans together again; texts and origins that several of them share are unpacked once."""

    def __init__(self, connection: Connection, *, with_logs: bool = True) -> None:
        self._connection = connection
        self._has_logs = with_logs and any_logs(connection)
        """Whether to put log records to their spans; without, spans are as they were sent."""
        self._logs: tuple[tuple[int, bytes], dict[bytes, list[Event]]] = ((0, b""), {})
        """The log records of the trace asked for last."""
        self._texts: dict[bytes, bytes] = {}
        self._origins: dict[int, bytes] = {}

    def record(self, project: str, trace_id: bytes, row: SpanRow, names: Sequence[bytes], said: Said) -> Record:
        """Return the record of one span of an opened payload."""
        origin = self._origin(row.origin_id)
        span = knowing(self._connection, lambda: unpack(names, said, row, trace_id.hex(), origin, self._text))
        if self._has_logs:
            span = with_logs(span, self._logs_of(row.project_id, trace_id).get(row.span_id, ()))
        return Record(project, span, read(span), cost_of(row))

    def records(self, project: str, rows: Iterable[tuple[SpanRow, bytes]]) -> list[Record]:
        """Return the records of rows, each given with its trace's id."""
        listed = list(rows)
        chunks: dict[int, tuple[list[bytes], list[Said]]] = {}
        found: list[tuple[list[bytes], Said]] = []
        for (row, _), (first, body) in zip(
            listed, self._connection.chunks_of([row.id for row, _ in listed]), strict=True
        ):
            if first not in chunks:
                chunks[first] = self._opened(body)
            names, spans = chunks[first]
            found.append((names, spans[row.id - first]))
        self._learn(found)
        return [self.record(project, trace_id, row, *said) for (row, trace_id), said in zip(listed, found, strict=True)]

    def trace(self, project: str, trace_row: int, trace_id: bytes) -> list[Record]:
        """Return the records of a trace in the order they started."""
        found: dict[int, tuple[list[bytes], Said]] = {}
        for first, body in self._connection.execute(
            "SELECT id, body FROM payloads WHERE id BETWEEN ? AND ?", span_range(trace_row)
        ):
            names, spans = self._opened(body)
            found.update((first + place, (names, said)) for place, said in enumerate(spans))
        self._learn(found.values())
        rows = sorted(span_rows(self._connection, trace_row), key=lambda row: (row.start_ns, row.id))
        return [self.record(project, trace_id, row, *found[row.id]) for row in rows]

    def _learn(self, found: Iterable[tuple[Sequence[bytes], Said]]) -> None:
        """Read the texts that spans name, many at once."""
        wanted = {name for names, said in found for name in named(names, said)} - self._texts.keys()
        asked = sorted(wanted)
        for at in range(0, len(asked), _TEXTS_AT_ONCE):
            some = asked[at : at + _TEXTS_AT_ONCE]
            marks = ", ".join("?" * len(some))
            self._texts.update(
                self._connection.execute(f"SELECT hash, body FROM texts WHERE hash IN ({marks})", some).fetchall()
            )

    def _opened(self, body: bytes) -> tuple[list[bytes], list[Said]]:
        return knowing(self._connection, lambda: opened(body))

    def _logs_of(self, project_id: int, trace_id: bytes) -> dict[bytes, list[Event]]:
        trace = project_id, trace_id
        if self._logs[0] != trace:
            self._logs = trace, logs_of(self._connection, project_id, trace_id)
        return self._logs[1]

    def _text(self, name: bytes) -> bytes:
        known = self._texts.get(name)
        if known is None:
            found = self._connection.execute("SELECT body FROM texts WHERE hash = ?", (name,)).fetchone()
            known = self._texts[name] = found[0]
        return known

    def _origin(self, origin_id: int) -> bytes:
        known = self._origins.get(origin_id)
        if known is None:
            found = self._connection.execute("SELECT body FROM origins WHERE id = ?", (origin_id,)).fetchone()
            known = self._origins[origin_id] = found[0]
        return known


def records_at(connection: Connection, addresses: Iterable[int]) -> list[tuple[int, Record]]:
    """Return the records at *addresses*, each with its own, of those that are there; none says its project."""
    found: list[tuple[SpanRow, bytes]] = []
    for at in addresses:
        row = connection.execute("SELECT * FROM spans WHERE id = ?", (at,)).fetchone()
        trace = connection.execute("SELECT trace_id FROM traces WHERE id = ?", (trace_row_of(at),)).fetchone()
        if row is not None and trace is not None:
            found.append((SpanRow._make(row), trace[0]))
    records = Assembler(connection).records("", found)
    return [(row.id, record) for (row, _), record in zip(found, records, strict=True)]
