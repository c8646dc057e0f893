"""What named measures come to, in as few looks at the store as they need; labels are counted beside the spans."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..query.figures import Measure, needs_times, needs_traces
from ..query.filters import And, Query, Term
from ..query.measures import Judged, Key, Percentiles, Sums, Tallied
from .base import SpanStore


def figures(store: SpanStore, query: Query, by: Sequence[str], measures: Sequence[Measure]) -> tuple[Tallied, ...]:
    """Return the series of *query*, by keys of ``KEYS``, with all that *measures* are read from."""
    found = store.tally(query, by, traces=needs_traces(measures), percentiles=needs_times(measures))
    for label in dict.fromkeys(measure.label for measure in measures if measure.label is not None):
        found = _judged(store, query, by, label, found)
    return found


def _judged(
    store: SpanStore, query: Query, by: Sequence[str], label: str, found: tuple[Tallied, ...]
) -> tuple[Tallied, ...]:
    field = f"label.{label}" if label else "label"
    traces = _traces(store, query, by, Term(field, "=", ("pass", "fail")))
    failed = _traces(store, query, by, Term(field, "=", ("fail",)))
    known = {one.key: one for one in found}
    for key in traces.keys() - known.keys():
        known[key] = Tallied(key, Sums(), None, Percentiles(), Percentiles())
    return tuple(
        replace(one, judged={**one.judged, label: Judged(traces.get(key, 0), failed.get(key, 0))})
        for key, one in known.items()
    )


def _traces(store: SpanStore, query: Query, by: Sequence[str], term: Term) -> dict[Key, int]:
    narrowed = replace(query, filter=And((query.filter, term)))
    return {one.key: one.traces or 0 for one in store.tally(narrowed, by, traces=True)}
