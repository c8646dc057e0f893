"""A trace as far as the rows of its spans know it: quick for any number of spans, without attributes and messages."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from ..record import Attributes, Reading, Record, Scope, Span
from .address import span_range
from .connection import Connection
from .rows import STATUSES, SpanRow, buckets_of, cost_of, usage_of

#: What a tree draws of a span, in the order in which it is read here.
_COLUMNS: Final = (
    "span_id", "parent_id", "start_ns", "duration_ns", "kind", "name", "status", "error_type", "error_message",
    "provider", "model", "ttft_ms", "cost_nusd", "total_tokens",
)  # fmt: skip
_NOTHING: Final[Attributes] = {}
_SCOPE: Final = Scope()
#: The columns of a whole row that say tokens and money; only spans that have any are read whole.
_SAYS_USAGE: Final = "cost_nusd IS NOT NULL OR total_tokens IS NOT NULL"


def outline_records(connection: Connection, project: str, trace_row: int, trace_id: str) -> list[Record]:
    """Return the records of a trace in the order they started, each with what its row says and nothing else."""
    inside = span_range(trace_row)
    costly = {
        row[2]: SpanRow._make(row)
        for row in connection.execute(f"SELECT * FROM spans WHERE id BETWEEN ? AND ? AND ({_SAYS_USAGE})", inside)
    }
    rows = connection.execute(
        f"SELECT {', '.join(_COLUMNS)} FROM spans WHERE id BETWEEN ? AND ? ORDER BY start_ns, id", inside
    )
    found = []
    for span_id, parent, start_ns, duration_ns, kind, name, status, error, message, provider, model, ttft, _, _ in rows:
        whole = costly.get(span_id)
        span = Span(
            trace_id, span_id.hex(), None if parent is None else parent.hex(), name, start_ns, start_ns + duration_ns,
            STATUSES[status], message, _NOTHING, _NOTHING, _SCOPE,
        )  # fmt: skip
        if whole is None:
            reading = _reading(kind, name, provider, model, error, ttft)
            found.append(Record(project, span, reading))
        else:
            usage = usage_of(buckets_of(whole))
            reading = Reading(
                kind=kind, name=name, provider=provider, model=model, error_type=error, ttft_ms=ttft, usage=usage
            )
            found.append(Record(project, span, reading, cost_of(whole)))
    return found


@lru_cache(maxsize=4_096)
def _reading(
    kind: str, name: str, provider: str | None, model: str | None, error: str | None, ttft_ms: float | None
) -> Reading:
    """Return a reading that many spans share: making one is dearer than finding it."""
    return Reading(kind=kind, name=name, provider=provider, model=model, error_type=error, ttft_ms=ttft_ms)
