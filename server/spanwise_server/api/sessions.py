"""Sessions as JSON: the list, and one with its traces."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response

from ..auth.current import CurrentProject, CurrentServer
from ..errors import NotFound
from ..exports.contract import session_summary, trace_summary
from ..query import filters
from .asked import MOST, AskedQuery
from .traces import answer

router = APIRouter(prefix="/api/v1/sessions", tags=["sessions"])


@router.get("")
def list_sessions(server: CurrentServer, query: AskedQuery) -> Response:
    """Return one page of the sessions with a trace that matches, the newest first, as ``SessionSummary`` items.

    Other orders are by ``time``, ``start``, ``duration``, ``turns``, ``errors``, ``tokens``, ``cost``, ``session``,
    ``user``, ``input`` (the first), ``output`` (the last) or ``labels``.
    Where only the newest sessions could be put in order, ``of_newest`` says of how many; it is null where it was all.
    """
    page = server.store.find_sessions(query)
    items = [session_summary(one) for one in page.items]
    return answer({"items": items, "next_cursor": page.next_cursor, "of_newest": page.of_newest})


@router.get("/{session_id:path}")
def one_session(
    server: CurrentServer,
    project: CurrentProject,
    session_id: str,
    *,
    limit: Annotated[int, Query(ge=1, le=MOST)] = 50,
    cursor: Annotated[str | None, Query(description="next_cursor of the page before")] = None,
) -> Response:
    """Return ``{"session": SessionSummary, "traces": [TraceSummary], "next_cursor"}``, the first traces first."""
    session = server.store.session_of(project, session_id)
    if session is None:
        raise NotFound(
            f"Project {project!r} has no session {session_id[:100]!r}.",
            "Check the project and the id; a session just sent appears within a second.",
        )
    of_session = filters.Term("session", "=", (session_id,))
    page = server.store.find_traces(filters.Query(project, of_session, sort="time", limit=limit, cursor=cursor))
    traces = [trace for trace in page.items if trace.session_id == session_id]
    judged = server.store.annotations(project, [trace.trace_id for trace in traces])
    return answer(
        {
            "session": session_summary(session),
            "traces": [trace_summary(trace, judged.get(trace.trace_id, ())) for trace in traces],
            "next_cursor": page.next_cursor,
        }
    )
