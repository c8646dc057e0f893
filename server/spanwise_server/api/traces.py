"""Traces as JSON: the list, and one with its spans."""

from __future__ import annotations

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query
from fastapi.responses import Response

from ..auth.current import CurrentProject, CurrentServer
from ..errors import NotFound
from ..exports.contract import span_record, trace_summary
from ..record import Annotation
from .asked import AskedQuery

router = APIRouter(prefix="/api/v1/traces", tags=["traces"])


@router.get("")
def list_traces(server: CurrentServer, query: AskedQuery) -> Response:
    """Return one page of traces: ``{"items": [TraceSummary], "next_cursor": str | null}``."""
    page = server.store.find_traces(query)
    judged = server.store.annotations(query.project, [trace.trace_id for trace in page.items])
    items = [trace_summary(trace, judged.get(trace.trace_id, ())) for trace in page.items]
    return answer({"items": items, "next_cursor": page.next_cursor})


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
        raise NotFound(
            f"Project {project!r} has no trace {trace_id}.",
            "Check the project; a trace just sent appears within a second.",
        )
    judged = server.store.annotations(project, [trace.summary.trace_id]).get(trace.summary.trace_id, ())
    by_span: dict[str | None, list[Annotation]] = {}
    for annotation in judged:
        by_span.setdefault(annotation.span_id, []).append(annotation)
    spans = [span_record(record, by_span.get(record.span.span_id, ())) for record in trace.records]
    response = answer({"trace": trace_summary(trace.summary, judged), "spans": spans})
    if download:
        response.headers["Content-Disposition"] = f'attachment; filename="trace-{trace.summary.trace_id}.json"'
    return response


def answer(body: Any, status: int = 200) -> Response:
    """Return *body* as JSON; whole numbers beyond 64 bits, which JSON readers lose anyway, go as text."""
    content = orjson.dumps(body, default=str, option=orjson.OPT_NON_STR_KEYS)
    return Response(content, status_code=status, media_type="application/json")
