"""Which spans a queue asks about: those a filter finds, those of chosen traces, or one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final, Literal

from ..query.filters import And, Filter, Query, Term
from ..record import Record
from ..store.base import SpanStore
from .queue import Target
from .sampling import sample

Order = Literal["newest", "random"]
MOST_ITEMS: Final = 2_000
#: A random pick is made from at most this many of the newest, so that it ends soon in a store of any size.
MOST_TRACES: Final = 50_000
MOST_SPANS: Final = 5_000
PAGE: Final = 500


@dataclass(frozen=True, slots=True)
class Pick:
    """How to choose spans from what a filter finds."""

    query: Query
    limit: int = 100
    order: Order = "newest"
    seed: str = ""

    @property
    def capped(self) -> int:
        """The limit, within what one queue may hold."""
        return max(1, min(self.limit, MOST_ITEMS))


def picked(store: SpanStore, pick: Pick) -> list[Target]:
    """Return the spans to judge: the matching spans where the filter names a kind, else each matching trace's root."""
    if names_kind(pick.query.filter):
        return _picked_spans(store, pick)
    newest = replace(pick.query, sort="-time", limit=PAGE, cursor=None)
    traces = each_trace_id(store, newest)
    if pick.order == "random":
        chosen = sample(islice(traces, MOST_TRACES), pick.capped, str, pick.seed)
    else:
        chosen = list(islice(traces, pick.capped))
    return roots(store, pick.query.project, chosen)


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


def _picked_spans(store: SpanStore, pick: Pick) -> list[Target]:
    spans = store.each_span(replace(pick.query, sort="-time", limit=PAGE, cursor=None))
    targets = (Target(record.span.trace_id, record.span.span_id) for record in spans)
    if pick.order == "random":
        return sample(islice(targets, MOST_SPANS), pick.capped, lambda t: f"{t.trace_id}/{t.span_id}", pick.seed)
    return list(islice(targets, pick.capped))
