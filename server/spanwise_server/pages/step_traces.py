"""The traces that steps are looked up in: the newest that a question finds, as far as there is room for their spans."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from ..auth.current import Server
from ..outline import Outline
from ..query.filters import Query
from ..record import TraceSummary
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


def looked_at(server: Server, query: Query) -> Looked:
    """Return what the newest traces that *query* finds say of their steps."""
    chosen, left_out = _chosen(server, query)
    found = (_digest(server, summary) for summary in chosen)
    return Looked(tuple(one for one in found if one is not None), left_out)


def outlines(server: Server, query: Query) -> Iterator[Outline]:
    """Yield the spans of the same traces, a trace at a time."""
    for summary in _chosen(server, query)[0]:
        trace = server.store.outline(query.project, summary.trace_id)
        if trace is not None:
            yield Outline.of(trace.records)


def _chosen(server: Server, query: Query) -> tuple[list[TraceSummary], int]:
    summaries = server.store.find_traces(replace(query, limit=LOOKED_AT)).items
    chosen, room = [], MOST_SPANS
    for summary in summaries:
        if summary.span_count <= room:
            chosen.append(summary)
            room -= summary.span_count
    return chosen, len(summaries) - len(chosen)


def _digest(server: Server, summary: TraceSummary) -> Digest | None:
    key = summary.project, summary.trace_id
    revision = ""
    if summary.span_count > _LARGE:
        extent = server.store.extent(*key)
        revision = "" if extent is None else extent.revision
        known: Digest | None = server.digests.of(key, revision) if revision else None
        if known is not None:
            return known
    trace = server.store.outline(*key)
    if trace is None:
        return None
    found = digest(trace.records)
    if revision:
        server.digests.keep(key, revision, found, sum(told.weight for told in found.values()))
    return found
