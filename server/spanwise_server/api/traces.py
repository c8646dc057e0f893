"""Traces as JSON: the list, and one with its spans."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query
from fastapi.responses import Response, StreamingResponse

from ..auth.current import CurrentProject, CurrentServer
from ..errors import NotFound, SpanwiseError
from ..exports.contract import span_record, trace_summary
from ..exports.trace_download import Run, trace_file
from ..exports.trace_files import trace_export
from ..jobs.deletion import delete_found
from ..jobs.deletion import delete_traces as delete_traces_of
from ..query.filters import EVERYTHING
from ..record import Annotation
from .asked import AskedQuery

router = APIRouter(prefix="/api/v1/traces", tags=["traces"])


class NothingAsked(SpanwiseError):
    """A deletion that does not say what of."""

    status = 422
    code = "nothing_asked"


@router.get("")
def list_traces(server: CurrentServer, query: AskedQuery) -> Response:
    """Return one page of traces: ``{"items": [TraceSummary], "next_cursor": str | null}``."""
    page = server.store.find_traces(query)
    judged = server.store.annotations(query.project, [trace.trace_id for trace in page.items])
    items = [trace_summary(trace, judged.get(trace.trace_id, ())) for trace in page.items]
    return answer({"items": items, "next_cursor": page.next_cursor})


@router.get("/export")
def export_traces(
    server: CurrentServer,
    query: AskedQuery,
    *,
    format_name: Annotated[str, Query(alias="format", description="jsonl, csv, otlp or parquet")] = "jsonl",
    progress: Annotated[str | None, Query(description="An id of your choice for /export/progress/{id}")] = None,
) -> StreamingResponse:
    """Stream every matching trace as a file, whatever ``limit`` and ``cursor`` say."""
    export = trace_export(format_name)
    found = server.store.totals(query).traces
    server.store.find_traces(
        replace(query, cursor=None, limit=1)
    )  # refuses a sort there is not, before the file begins
    run = server.exports.begin(progress, Run(query.project, found.n, found.exact))
    headers = {"Content-Disposition": f'attachment; filename="traces.{export.extension}"'}
    return StreamingResponse(
        trace_file(server.store, query, export, run), media_type=export.media_type, headers=headers
    )


@router.get("/export/progress/{run_id}")
def export_progress(server: CurrentServer, project: CurrentProject, run_id: str) -> Response:
    """Say how far an export is: ``{"done": int, "of": int, "exact": bool, "state": "running|done|stopped"}``."""
    run = server.exports.find(run_id, project)
    return answer({"done": run.done, "of": run.of, "exact": run.of_is_exact, "state": run.state})


@router.delete("")
def delete_traces(server: CurrentServer, query: AskedQuery) -> Response:
    """Delete every trace that matches, whatever ``limit`` and ``cursor`` say: ``{"deleted": int}``."""
    if query.filter == EVERYTHING and query.from_ns is None and query.to_ns is None:
        raise NothingAsked(
            "Nothing says which traces to delete.", "Give a filter, such as ?filter=user:u_1, or from and to."
        )
    return answer({"deleted": sum(delete_found(server.store, query))})


@router.delete("/{trace_id}", status_code=204)
def delete_trace(server: CurrentServer, project: CurrentProject, trace_id: str) -> Response:
    """Delete one trace with its spans, labels and everything that only it needs."""
    if not delete_traces_of(server.store, project, [trace_id.lower()]):
        raise no_trace(project, trace_id)
    return Response(status_code=204)


@router.get("/{trace_id}")
def one_trace(
    server: CurrentServer,
    project: CurrentProject,
    trace_id: str,
    *,
    download: Annotated[bool, Query(description="Answer as a file to save")] = False,
) -> Response:
    """Return one trace whole: ``{"trace": TraceSummary, "spans": [SpanRecord]}``."""
    trace = server.store.trace(project, trace_id.lower())
    if trace is None:
        raise no_trace(project, trace_id)
    judged = server.store.annotations(project, [trace.summary.trace_id]).get(trace.summary.trace_id, ())
    by_span: dict[str | None, list[Annotation]] = {}
    for annotation in judged:
        by_span.setdefault(annotation.span_id, []).append(annotation)
    spans = [span_record(record, by_span.get(record.span.span_id, ())) for record in trace.records]
    response = answer({"trace": trace_summary(trace.summary, judged), "spans": spans})
    if download:
        response.headers["Content-Disposition"] = f'attachment; filename="trace-{trace.summary.trace_id}.json"'
    return response


def no_trace(project: str, trace_id: str) -> NotFound:
    """Return the refusal of a trace there is not."""
    return NotFound(
        f"Project {project!r} has no trace {trace_id}.", "Check the project; a trace just sent appears within a second."
    )


def answer(body: Any, status: int = 200) -> Response:
    """Return *body* as JSON; whole numbers beyond 64 bits, which JSON readers lose anyway, go as text."""
    content = orjson.dumps(body, default=str, option=orjson.OPT_NON_STR_KEYS)
    return Response(content, status_code=status, media_type="application/json")
