"""The traces that steps are looked up in: the newest that a question finds, as far as there is room for their spans."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from ..auth.current import Server
from ..outline import Outline
from ..query.filters import Query
from ..record import TraceSummary
from ..store.base import Extent
from .step_mix import Digest, digest

#: So many of the newest traces are looked at.
LOOKED_AT: Final = 60
#: Spans of all of them together; a trace that there is no room for is left out, and the page says so.
MOST_SPANS: Final = 200_000
#: What a trace with more spans than this says is kept until the trace changes.
_LARGE: Final = 1_000


@dataclass(frozen=True, slots=True)
class Looked:
    """What the newest traces say of their steps."""

    traces: tuple[Digest, ...]
    left_out: int
    """Traces that there was no room for."""


def looked_at(server: Server, query: Query, tell: Callable[[Outline], Digest] = digest) -> Looked:
    """Return what the newest traces that *query* finds say of their steps; *tell* may tell less than all."""
    chosen, left_out = _chosen(server, query)
    large = {one.trace_id: _extent(server, one) for one in chosen if one.span_count > _LARGE}
    kept = {
        trace_id: known for trace_id, extent in large.items()
        if extent is not None and (known := server.digests.of((query.project, trace_id), extent.revision)) is not None
    }  # fmt: skip
    asked = [one.trace_id for one in chosen if one.trace_id not in kept]
    for trace_id, outline in server.store.outlines(query.project, asked):
        extent = large.get(trace_id)
        found = kept[trace_id] = (tell if extent is None else digest)(outline)
        if extent is not None:
            weight = sum(told.weight for told in found.values())
            server.digests.keep((query.project, trace_id), extent.revision, found, weight)
    return Looked(tuple(kept[one.trace_id] for one in chosen if one.trace_id in kept), left_out)


def outlines(server: Server, query: Query) -> Iterator[Outline]:
    """Yield the spans of the same traces, a trace at a time."""
    chosen = [summary.trace_id for summary in _chosen(server, query)[0]]
    yield from (outline for _, outline in server.store.outlines(query.project, chosen))


def _chosen(server: Server, query: Query) -> tuple[list[TraceSummary], int]:
    summaries = server.store.find_traces(replace(query, limit=LOOKED_AT)).items
    chosen, room = [], MOST_SPANS
    for summary in summaries:
        if summary.span_count <= room:
            chosen.append(summary)
            room -= summary.span_count
    return chosen, len(summaries) - len(chosen)


def _extent(server: Server, summary: TraceSummary) -> Extent | None:
    return server.store.extent(summary.project, summary.trace_id)
