"""Deletes whatever a question finds, in small steps between which spans come in as ever."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from ..query.filters import Query, Term
from ..record import TraceSummary
from ..store.datasets import Datasets
from ..store.engine import Store

#: Spans deleted by one transaction, unless a single trace has more.
_SPANS_AT_ONCE: Final = 2_000
_TRACES_AT_ONCE: Final = 200

#: Waits for so many seconds; returns whether to stop.
Pause = Callable[[float], bool]


def delete_found(
    store: Store,
    query: Query,
    *,
    pause: Pause | None = None,
    rest_s: float = 0.0,
    most_spans: int | None = None,
    with_examples: bool = True,
) -> Iterator[int]:
    """Delete the traces that *query* finds, or the first ones with *most_spans*, and yield how many each step took.

    Each step is one transaction: cut off at any moment, whole traces are gone and whole traces are left. Examples of
    datasets that were made of them are forgotten first, unless they are to outlive their traces.
    """
    cursor: str | None = None
    while True:
        page = store.find_traces(replace(query, cursor=cursor, limit=_TRACES_AT_ONCE))
        for some in _steps(page.items, most_spans):
            yield delete_traces(store, query.project, [trace.trace_id for trace in some], with_examples=with_examples)
            if most_spans is not None:
                most_spans -= sum(trace.span_count for trace in some)
            if (pause is not None and pause(rest_s)) or (most_spans is not None and most_spans <= 0):
                return
        cursor = page.next_cursor
        if cursor is None:
            return


def delete_traces(store: Store, project: str, trace_ids: Sequence[str], *, with_examples: bool = True) -> int:
    """Delete traces in one transaction, and what datasets keep of them; return how many there were."""
    if with_examples:
        Datasets(store).forget(project, trace_ids)
    return store.delete_traces(project, trace_ids)


def delete_sessions(store: Store, project: str, session_ids: Sequence[str]) -> int:
    """Delete all traces of some sessions, and what datasets keep of them; return how many there were."""
    wanted, done = set(session_ids), 0
    query = Query(project, Term("session", "=", tuple(dict.fromkeys(session_ids))), limit=_TRACES_AT_ONCE)
    cursor: str | None = None
    while True:
        page = store.find_traces(replace(query, cursor=cursor))
        # A span may say another session than its trace, which then is a turn of that one alone.
        for some in _steps([trace for trace in page.items if trace.session_id in wanted], None):
            done += delete_traces(store, project, [trace.trace_id for trace in some])
        cursor = page.next_cursor
        if cursor is None:
            return done


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
