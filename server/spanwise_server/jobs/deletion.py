"""Deletes whatever a question finds, in small steps between which spans come in as ever."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from ..query.filters import Query
from ..record import TraceSummary
from ..store.engine import Store

#: Spans deleted by one transaction, unless a single trace has more.
_SPANS_AT_ONCE: Final = 2_000
_TRACES_AT_ONCE: Final = 200

#: Waits for so many seconds; returns whether to stop.
Pause = Callable[[float], bool]


def delete_found(
    store: Store, query: Query, *, pause: Pause | None = None, rest_s: float = 0.0, most_spans: int | None = None
) -> Iterator[int]:
    """Delete the traces that *query* finds, or the first ones with *most_spans*, and yield how many each step took.

    Each step is one transaction: cut off at any moment, whole traces are gone and whole traces are left.
    """
    cursor: str | None = None
    while True:
        page = store.find_traces(replace(query, cursor=cursor, limit=_TRACES_AT_ONCE))
        for some in _steps(page.items, most_spans):
            yield store.delete_traces(query.project, [trace.trace_id for trace in some])
            if most_spans is not None:
                most_spans -= sum(trace.span_count for trace in some)
            if (pause is not None and pause(rest_s)) or (most_spans is not None and most_spans <= 0):
                return
        cursor = page.next_cursor
        if cursor is None:
            return


def _steps(traces: Sequence[TraceSummary], most_spans: int | None) -> Iterator[list[TraceSummary]]:
    at_once = _SPANS_AT_ONCE if most_spans is None else min(most_spans, _SPANS_AT_ONCE)
    some: list[TraceSummary] = []
    spans = 0
    for trace in traces:
        if some and spans + trace.span_count > at_once:
            yield some
            some, spans = [], 0
        some.append(trace)
        spans += trace.span_count
    if some:
        yield some
