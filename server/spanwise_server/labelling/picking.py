"""Spans of traces, and traces of filters, as queues and datasets need them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from ..query.filters import And, Filter, Query, Term
from ..record import Record
from ..store.base import SpanStore
from .queue import Target

MOST_ITEMS: Final = 2_000
#: A random pick is made from at most this many of the newest, so that it ends soon in a store of any size.
MOST_TRACES: Final = 50_000
MOST_SPANS: Final = 5_000
PAGE: Final = 500


def roots(store: SpanStore, project: str, trace_ids: Iterable[str]) -> list[Target]:
    """Return the root span of each trace that exists."""
    found = []
    for trace_id in dict.fromkeys(trace_ids):
        trace = store.trace(project, trace_id)
        if trace is not None and trace.records:
            found.append(Target(trace_id, root_of(trace.records).span.span_id))
    return found


def root_of(records: Sequence[Record]) -> Record:
    """Return the span that starts a trace: the earliest without a parent, else the earliest whose parent is missing."""
    there = {record.span.span_id for record in records}

    def rank(record: Record) -> tuple[int, int]:
        parent = record.span.parent_span_id
        return (0 if parent is None else 1 if parent not in there else 2), record.span.start_ns

    return min(records, key=rank)


def led_to(record: Record, around: Iterable[Record]) -> list[Record]:
    """Return the spans that *record* led to, in the order they started."""
    inside = {record.span.span_id}
    found: list[Record] = []
    waiting = sorted(around, key=lambda r: (r.span.start_ns, r.span.span_id))
    while True:
        more = [r for r in waiting if r.span.parent_span_id in inside and r.span.span_id not in inside]
        if not more:
            return sorted(found, key=lambda r: (r.span.start_ns, r.span.span_id))
        found += more
        inside |= {r.span.span_id for r in more}


def names_kind(tree: Filter) -> bool:
    """Return whether every match has to be of a kind that the filter names."""
    if isinstance(tree, And):
        return any(names_kind(part) for part in tree.all)
    return isinstance(tree, Term) and tree.field == "kind"


def each_trace_id(store: SpanStore, query: Query) -> Iterator[str]:
    """Yield the id of every matching trace, a page at a time."""
    cursor: str | None = None
    while True:
        page = store.find_traces(replace(query, cursor=cursor))
        yield from (trace.trace_id for trace in page.items)
        cursor = page.next_cursor
        if cursor is None:
            return
