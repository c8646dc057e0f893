"""The query of a list, read from the URL's parameters."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Annotated

from fastapi import Depends, Query, Request

from ..auth.current import project_of
from ..errors import SpanwiseError
from ..query import filters
from ..query.parse import parse

MOST = 1_000


def asked_query(
    request: Request,
    filter_text: Annotated[str, Query(alias="filter", description="Filter language, see /help/filters")] = "",
    from_time: Annotated[str | None, Query(alias="from", description="RFC 3339, included")] = None,
    to_time: Annotated[str | None, Query(alias="to", description="RFC 3339, not included")] = None,
    sort: Annotated[str, Query(description="time, latency, cost or tokens; - before it for descending")] = "-time",
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


def moment(text: str | None, name: str) -> int | None:
    """Return the nanoseconds since 1970 of an RFC 3339 time; one without a zone is UTC."""
    if not text:
        return None
    try:
        # A "+" that was not escaped arrives as a space; Python 3.10 reads no "Z".
        at = datetime.fromisoformat(text.strip().replace(" ", "+").replace("Z", "+00:00"))
    except ValueError:
        raise SpanwiseError(
            f"{name} is {text!r}, not a time.", "Write it as 2026-11-23T10:00:00Z, with + escaped as %2B."
        ) from None
    at = at.replace(tzinfo=timezone.utc) if at.tzinfo is None else at
    return int(at.timestamp()) * 1_000_000_000 + at.microsecond * 1_000


AskedQuery = Annotated[filters.Query, Depends(asked_query)]
