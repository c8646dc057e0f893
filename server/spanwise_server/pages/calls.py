"""The list of calls: what any figure of the dashboard is made of, call by call."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from ..auth.current import CurrentProject, CurrentServer, Server
from ..errors import FilterError, NotFound
from ..exports.span_files import offered
from ..query.filters import Query
from ..query.measures import Measured, Steps
from ..query.parse import parse
from ..store.base import Count, Page
from .call_list import PATH, SPANS, CallList, facts, facts_of_spans, line_of, read_call_list, tabs
from .chips import chips
from .dashboard import steps_of_range
from .listing import DAY_NS, PAGE, Listing, range_frame
from .render import clock_of, render
from .urls import url
from .ways_out import Way, ways_out

router = APIRouter(include_in_schema=False)


@router.get(PATH)
def calls(request: Request, server: CurrentServer, project: CurrentProject) -> Response:
    """Show the calls that the filter finds in the range, all of them or those that make one figure."""
    clock = clock_of(request)
    state = read_call_list(project, request.query_params, clock)
    if "q" in request.query_params:  # what was typed joins the filter, so that the URL has one
        return RedirectResponse(state.link(), status_code=303)
    listing = state.listing
    frame: dict[str, Any] = {
        "state": state,
        "chips": chips(listing.filter),
        **range_frame(listing, clock),
        "span_exports": offered(),
    }
    try:
        tree = parse(listing.filter)
    except FilterError as error:
        return render(request, "pages/calls.html", status=400, **frame, **_nothing(), error=error)
    steps = (_all_spans if state.only == SPANS else _whole_range)(server, listing, clock.now_ns)
    if steps is None:
        return render(request, "pages/calls.html", **frame, **_nothing(), error=None)
    measured = server.store.measure(Query(project, tree), "model", steps)
    return render(request, "pages/calls.html", **frame, **_found(server, state, measured, steps), error=None)


@router.get(f"{PATH}/{{span_id}}")
def one_call(server: CurrentServer, project: CurrentProject, span_id: str) -> Response:
    """Go to a call within its trace."""
    record = server.store.span(project, span_id.lower())
    if record is None:
        raise NotFound(
            f"Project {project!r} has no span {span_id[:40]}.", "It may have been deleted; look in the list."
        )
    params = {"span": record.span.span_id}
    return RedirectResponse(url(f"/traces/{record.span.trace_id}", project, params), status_code=303)


def _whole_range(server: Server, listing: Listing, now_ns: int) -> Steps | None:
    """Return the range as one step: as it was asked for, or as the dashboard rounds a distance from now."""
    if listing.from_ns is not None and listing.to_ns is not None:
        return Steps(listing.from_ns, max(listing.to_ns - listing.from_ns, 1), 1)
    steps = steps_of_range(server, listing, now_ns)
    return None if steps is None else Steps(steps.first_ns, steps.end_ns - steps.first_ns, 1)


def _all_spans(_: Server, listing: Listing, now_ns: int) -> Steps:
    """Return the range as it was asked for, an open end a day from now, since some clocks are ahead."""
    start, end = listing.bounds(now_ns)
    first = start or 0
    return Steps(first, max((now_ns + DAY_NS if end is None else end) - first, 1), 1)


def _found(server: Server, state: CallList, measured: Measured, steps: Steps) -> dict[str, Any]:
    listing = state.listing
    page = server.store.find_calls(_query(state, steps))
    longest = max((call.duration_ms for call in page.items), default=0.0)
    count, told = state.calls.count(measured), facts(state.only, measured)
    if state.only == SPANS:
        (tallied,) = server.store.tally(_query(state, steps), (), percentiles=True)
        count, told = tallied.sums.calls, facts_of_spans(tallied)
    return {
        "lines": [line_of(listing, call, longest, measured.latency.p95_ms) for call in page.items],
        "newer": page.previous_cursor,
        "older": page.next_cursor,
        "tabs": tabs(state, measured, count),
        "count": count,
        "facts": told,
        "newest_only": measured.newest_only and state.only != SPANS,
        "span": (steps.first_ns, steps.end_ns),
        "ways": () if page.items or listing.cursor else _ways(server, state),
    }


def _ways(server: Server, state: CallList) -> tuple[Way, ...]:
    """Return what would give some calls."""

    def count(other: Listing) -> Count:
        asked = replace(state, listing=other)
        query = Query(state.project, parse(asked.terms), *other.bounds(time.time_ns()), own_environment=True)
        (tallied,) = server.store.tally(query, ())
        return Count(tallied.sums.calls)

    return ways_out(state.listing, lambda other: replace(state, listing=other).link(), count)


def _query(state: CallList, steps: Steps) -> Query:
    listing = state.listing
    return Query(
        state.project, parse(state.terms), steps.first_ns, steps.end_ns, listing.sort, PAGE, listing.cursor,
        own_environment=True,
    )  # fmt: skip


def _nothing() -> dict[str, Any]:
    page: Page[Any] = Page(())
    return {
        "lines": page.items, "newer": None, "older": None, "tabs": (), "count": None, "facts": (), "newest_only": False,
        "span": None, "ways": (),
    }  # fmt: skip
