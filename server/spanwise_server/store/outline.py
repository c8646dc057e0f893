"""Spans as far as their rows know them: quick for any number of them, without attributes and messages."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import Any, Final

from ..outline import Outline
from ..query.calls import Call
from ..record import Attributes, Cost, Reading, Record, Scope, Span, Usage
from .address import span_range
from .connection import Connection
from .rows import ERROR, STATUSES, SpanRow, buckets_of, prompt_label, usage_of

#: What a tree draws of a span, in the order in which it is read.
OUTLINE_COLUMNS: Final = (
    "span_id", "parent_id", "start_ns", "duration_ns", "kind", "name", "status", "error_type", "error_message",
    "provider", "model", "ttft_ms", "total_tokens", "cost_nusd", "counted",
)  # fmt: skip
_STARTED: Final = OUTLINE_COLUMNS.index("start_ns")
_OF_TRACE: Final = f"SELECT {', '.join(OUTLINE_COLUMNS)} FROM spans WHERE id BETWEEN ? AND ? ORDER BY id"
_NOTHING: Final[Attributes] = {}
_SCOPE: Final = Scope()


def read_outline(connection: Connection, project: str, trace_row: int, trace_id: str) -> Outline:
    """Return the spans of a trace in the order they started, each with what its row says and nothing else."""
    rows = connection.execute(_OF_TRACE, span_range(trace_row)).fetchall()
    rows.sort(key=itemgetter(_STARTED))  # they came nearly so, which makes this quicker than the database would be
    return outline_of(project, trace_id, rows)


def outline_of(project: str, trace_id: str, rows: Sequence[Sequence[Any]]) -> Outline:
    """Return the outline in rows of ``OUTLINE_COLUMNS`` that are in the order in which their spans started."""
    columns = tuple(zip(*rows, strict=True)) or ((),) * len(OUTLINE_COLUMNS)
    ids, parents, starts, lengths, kinds, names, statuses, errors, messages, _, models, _, _, costs, counted = columns

    def words() -> list[str]:
        return [" ".join(filter(None, said)) for said in zip(names, models, errors, messages, strict=True)]

    return Outline(
        (
            [one.hex() for one in ids],
            [None if one is None else one.hex() for one in parents],
            starts,
            [start + length for start, length in zip(starts, lengths, strict=True)],
            kinds,
            names,
        ),
        [status == ERROR for status in statuses],
        costs,
        [one == 1 for one in counted],
        words,
        lambda n: _record(project, trace_id, rows[n]),
    )


def _record(project: str, trace_id: str, row: Sequence[Any]) -> Record:
    """Return a span as its row has it; of tokens and money only what they come to."""
    (
        span_id,
        parent,
        start_ns,
        duration_ns,
        kind,
        name,
        status,
        error,
        message,
        provider,
        model,
        ttft,
        tokens,
        cost,
        _,
    ) = row
    span = Span(
        trace_id, span_id.hex(), None if parent is None else parent.hex(), name, start_ns, start_ns + duration_ns,
        STATUSES[status], message, _NOTHING, _NOTHING, _SCOPE,
    )  # fmt: skip
    reading = Reading(
        kind=kind, name=name, provider=provider, model=model, error_type=error, ttft_ms=ttft,
        usage=None if tokens is None else Usage(unsplit=tokens),
    )  # fmt: skip
    return Record(project, span, reading, None if cost is None else Cost(cost))


def call_of(row: SpanRow, trace_id: bytes) -> Call:
    """Return a span as lists of calls show it."""
    return Call(
        trace_id=trace_id.hex(), span_id=row.span_id.hex(), name=row.name, kind=row.kind, provider=row.provider,
        model=row.model, start_ns=row.start_ns, duration_ms=row.duration_ns / 1e6, ttft_ms=row.ttft_ms,
        status=STATUSES[row.status], error_type=row.error_type, error_message=row.error_message,
        usage=usage_of(buckets_of(row)), cost_nusd=row.cost_nusd, cost_source=row.cost_source,
        counted=row.counted == 1, prompt=prompt_label(row), user_id=row.user_id, input_preview=row.input_preview,
    )  # fmt: skip
