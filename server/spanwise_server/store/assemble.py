"""Rows made into the records that leave the store."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from sqlite3 import Connection
from typing import Any

import orjson

from ..dialects import read
from ..record import Record, TraceSummary
from .address import span_range
from .payload import unpack
from .rows import STATUSES, SpanRow, cost_of, usage_of
from .write import span_rows


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


def _strings(text: str | None) -> tuple[str, ...]:
    return () if text is None else tuple(orjson.loads(text))


class Assembler:
    """Puts spans together again; texts and origins that several of them share are unpacked once."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._texts: dict[bytes, bytes] = {}
        self._origins: dict[int, bytes] = {}

    def record(self, project: str, trace_id: bytes, row: SpanRow, body: bytes) -> Record:
        """Return the record of one span."""
        span = unpack(body, row, trace_id.hex(), self._origin(row.origin_id), self._text)
        return Record(project, span, read(span), cost_of(row))

    def records(self, project: str, rows: Iterable[tuple[SpanRow, bytes]]) -> list[Record]:
        """Return the records of rows, each given with its trace's id."""
        made = []
        for row, trace_id in rows:
            body = self._connection.execute("SELECT body FROM payloads WHERE id = ?", (row.id,)).fetchone()[0]
            made.append(self.record(project, trace_id, row, body))
        return made

    def trace(self, project: str, trace_row: int, trace_id: bytes) -> list[Record]:
        """Return the records of a trace in the order they started."""
        bodies = dict(
            self._connection.execute("SELECT id, body FROM payloads WHERE id BETWEEN ? AND ?", span_range(trace_row))
        )
        rows = sorted(span_rows(self._connection, trace_row), key=lambda row: (row.start_ns, row.id))
        return [self.record(project, trace_id, row, bodies[row.id]) for row in rows]

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
