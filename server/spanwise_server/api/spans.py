"""Spans as JSON: the list, and one."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response, StreamingResponse

from ..auth.current import CurrentProject, CurrentServer
from ..errors import NotFound
from ..exports.contract import span_record
from ..exports.span_files import span_export, span_file
from ..exports.trace_download import Run
from .asked import AskedQuery
from .traces import answer

router = APIRouter(prefix="/api/v1/spans", tags=["spans"])


@router.get("")
def list_spans(server: CurrentServer, query: AskedQuery) -> Response:
    """Return one page of whole spans: ``{"items": [SpanRecord], "next_cursor": str | null}``."""
    page = server.store.find_spans(query)
    judged = server.store.annotations(query.project, list({record.span.trace_id for record in page.items}))
    items = [
        span_record(record, (a for a in judged.get(record.span.trace_id, ()) if a.span_id == record.span.span_id))
        for record in page.items
    ]
    return answer({"items": items, "next_cursor": page.next_cursor})


@router.get("/export")
def export_spans(
    server: CurrentServer,
    query: AskedQuery,
    *,
    format_name: Annotated[str, Query(alias="format", description="jsonl, csv, otlp or parquet")] = "jsonl",
    progress: Annotated[
        str | None, Query(description="An id of your choice for /api/v1/traces/export/progress/{id}")
    ] = None,
) -> StreamingResponse:
    """Stream every matching span as a file, whatever ``limit`` and ``cursor`` say."""
    export = span_export(format_name)
    query = replace(query, cursor=None)
    (counted,) = server.store.tally(query, ())
    server.store.find_calls(replace(query, limit=1))  # refuses a sort there is not, before the file begins
    run = server.exports.begin(progress, Run(query.project, counted.sums.calls))
    headers = {"Content-Disposition": f'attachment; filename="spans.{export.extension}"'}
    file = span_file(server.store, server.store.each_span(query), export, run)
    return StreamingResponse(file, media_type=export.media_type, headers=headers)


@router.get("/{span_id}")
def one_span(
    server: CurrentServer,
    project: CurrentProject,
    span_id: str,
    trace_id: Annotated[str | None, Query(description="Where two traces share the span id")] = None,
) -> Response:
    """Return one SpanRecord."""
    record = server.store.span(project, span_id.lower(), trace_id.lower() if trace_id else None)
    if record is None:
        raise NotFound(
            f"Project {project!r} has no span {span_id}.",
            "Check the project; a span just sent appears within a second.",
        )
    judged = server.store.annotations(project, [record.span.trace_id]).get(record.span.trace_id, ())
    return answer(span_record(record, (a for a in judged if a.span_id == record.span.span_id)))
