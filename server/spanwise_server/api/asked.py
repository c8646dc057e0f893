"""The query of a list, read from the URL's parameters."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Query, Request

from ..auth.current import project_of
from ..query import filters
from ..query.moments import moment
from ..query.parse import parse

MOST = 1_000


async def asked_query(
    request: Request,
    filter_text: Annotated[str, Query(alias="filter", description="Filter language, see /help/filters")] = "",
    from_time: Annotated[str | None, Query(alias="from", description="RFC 3339, included")] = None,
    to_time: Annotated[str | None, Query(alias="to", description="RFC 3339, not included")] = None,
    sort: Annotated[
        str,
        Query(
            description="time, latency, cost, tokens, ttft, name or model, of spans also status, of traces also spans, "
            "errors, input, output, env, prompt, tags, user, session or labels; - before it for descending; of "
            "sessions as said there"
        ),
    ] = "-time",
    limit: Annotated[int, Query(ge=1, le=MOST)] = 50,
    cursor: Annotated[str | None, Query(description="next_cursor of the page before")] = None,
) -> filters.Query:
    """Return what a list was asked for; a filter or time that can't be read is refused with the reason."""
    return filters.Query(
        project=project_of(request),
        filter=parse(filter_text),
        from_ns=moment(from_time, "from"),
        to_ns=moment(to_time, "to"),
        sort=sort,
        limit=limit,
        cursor=cursor,
    )


AskedQuery = Annotated[filters.Query, Depends(asked_query)]
