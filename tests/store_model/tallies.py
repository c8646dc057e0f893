"""What spans come to by keys, counted one by one."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from spanwise_server.query.filters import Query
from spanwise_server.query.measures import Tallied
from spanwise_server.record import Record, TraceSummary
from spanwise_server.store.gathered import percentiles
from spanwise_server.store.rollups import HOUR_NS, bucket

from .naive import span_matches

#: What of a record each key says.
SAYS = {
    "model": lambda r: r.reading.model or r.reading.request_model,
    "provider": lambda r: r.reading.provider,
    "kind": lambda r: r.kind,
    "env": lambda r: r.reading.environment,
    "name": lambda r: r.name,
    "status": lambda r: r.span.status,
    "hour": lambda r: r.span.start_ns // HOUR_NS,
    "day": lambda r: r.span.start_ns // (24 * HOUR_NS),
}


def told_one_by_one(
    kept: Sequence[Record], query: Query, by: Sequence[str], summaries: Mapping[str, TraceSummary]
) -> dict:
    """Return by key how many spans and errors there are, which traces, and how long they took by bucket."""
    series: dict = defaultdict(lambda: {"spans": 0, "errors": 0, "traces": set(), "ms": Counter()})
    if not by:
        series[()]
    for one in kept:
        at = one.span.start_ns
        if (query.from_ns is not None and at < query.from_ns) or (query.to_ns is not None and at >= query.to_ns):
            continue
        of_trace = [r for r in kept if r.span.trace_id == one.span.trace_id]
        if not span_matches(query.filter, one, summaries[one.span.trace_id], of_trace):
            continue
        found = series[tuple(SAYS[key](one) for key in by)]
        found["spans"] += 1
        found["errors"] += one.span.status == "error"
        found["traces"].add(one.span.trace_id)
        found["ms"][bucket(one.span.end_ns - at)] += 1
    return series


def check_told(told: Mapping[tuple, Tallied], expected: Mapping[tuple, dict]) -> None:
    """Check that a store *told* by key what was counted one by one; it may tell of nothing that it is none."""
    assert {
        key: (one.sums.calls, one.sums.errors, one.traces, one.latency)
        for key, one in told.items()
        if one.sums.calls or key == ()
    } == {
        key: (one["spans"], one["errors"], len(one["traces"]), percentiles(one["ms"])) for key, one in expected.items()
    }
