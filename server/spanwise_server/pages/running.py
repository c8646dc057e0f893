"""Traces with what is still under way in them: spans that have begun, and parents that have not come. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from ..outline import Outline
from ..record import Reading, Record, Span, TraceSummary
from ..store.base import Trace

#: A trace without its root that has been silent for so long is no longer called running.
SILENT_NS: Final = 600 * 1_000_000_000
#: The name of a span that others call their parent and that is not there.
MISSING: Final = "not arrived"


def with_begun(found: Trace | None, begun: Sequence[Record], now_ns: int) -> Trace | None:
    """Return a trace with the spans that have begun in it, drawn until now; a trace of nothing else is one too."""
    known = set[str]() if found is None else set(Outline.of(found.records).ids)
    open_spans = tuple(
        replace(record, span=replace(record.span, end_ns=max(now_ns, record.span.start_ns + 1)))
        for record in begun
        if record.span.span_id not in known
    )
    if found is None:
        return Trace(summary_of_begun(open_spans), open_spans) if open_spans else None
    if not open_spans:
        return found
    summary = found.summary
    start = min(summary.start_ns, *(record.span.start_ns for record in open_spans))
    root = next((record for record in open_spans if record.span.parent_span_id is None), None)
    name, kind = (summary.name, summary.root_kind) if root is None else (root.name, root.kind)
    running = replace(
        summary, name=name, root_kind=kind, start_ns=start, end_ns=max(now_ns, summary.end_ns), has_root=False
    )
    return Trace(running, Outline.of(found.records).joined(open_spans))


def summary_of_begun(begun: Sequence[Record]) -> TraceSummary:
    """Return the summary of a trace of which nothing has ended yet: it counts nothing."""
    first = min(begun, key=lambda record: (record.span.parent_span_id is not None, record.span.start_ns))
    reading = first.reading
    return TraceSummary(
        project=first.project,
        trace_id=first.span.trace_id,
        name=first.name,
        root_kind=first.kind,
        start_ns=min(record.span.start_ns for record in begun),
        end_ns=max(record.span.end_ns for record in begun),
        status="unset",
        span_count=0,
        error_count=0,
        llm_count=0,
        session_id=reading.session_id,
        user_id=reading.user_id,
        tags=reading.tags or (),
        environment=reading.environment,
        has_root=False,
    )


def only_begun(begun: Iterable[Record], known: Iterable[str]) -> tuple[TraceSummary, ...]:
    """Return the summaries of traces of which nothing has ended, the newest first; *known* are the ids of others."""
    there = set(known)
    by_trace: dict[str, list[Record]] = {}
    for record in begun:
        if record.span.trace_id not in there:
            by_trace.setdefault(record.span.trace_id, []).append(record)
    return tuple(sorted(map(summary_of_begun, by_trace.values()), key=lambda trace: -trace.start_ns))


def is_running(trace: TraceSummary, now_ns: int) -> bool:
    """Return whether a trace without its root was heard of lately, so that more may come."""
    return not trace.has_root and now_ns - trace.end_ns < SILENT_NS


def with_missing(records: Sequence[Record]) -> Outline:
    """Return *records* with a stand-in for each parent that is named and not there, over the time of its children."""
    spans = Outline.of(records)
    lacking = set(spans.parents) - {None, *spans.ids}
    if not lacking:
        return spans
    orphans: dict[str, list[Record]] = {}
    for n, parent in enumerate(spans.parents):
        if parent is not None and parent in lacking:
            orphans.setdefault(parent, []).append(spans[n])
    return spans.joined([_stand_in(parent, children) for parent, children in orphans.items()])


def is_missing(record: Record) -> bool:
    """Return whether a record only stands in for a span that is not there."""
    return MISSING in record.span.attributes


def _stand_in(span_id: str, children: Sequence[Record]) -> Record:
    first = children[0]
    span = Span(
        trace_id=first.span.trace_id,
        span_id=span_id,
        parent_span_id=None,
        name=MISSING,
        start_ns=min(child.span.start_ns for child in children),
        end_ns=max(child.span.end_ns for child in children),
        attributes={MISSING: True},
    )
    return Record(first.project, span, Reading())
