"""The dashboard: how many model calls, what they cost, how long they took; every figure leads to its calls."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from ..auth.current import CurrentProject, CurrentServer, Server
from ..errors import FilterError
from ..query.filters import EVERYTHING, And, Filter, Term
from ..query.measures import SPLITS, Measured, Steps
from ..query.parse import parse
from ..store.alert_firings import Firings
from ..store.alerts import Alerts
from ..store.prompt_changes import changes_of_prompts
from . import board_charts as shown
from .alert_lines import budget_lines
from .board import PATH, Board, calls_by_key, calls_by_slot, query_of, read_board, steps_of, term_of
from .chips import chips
from .format import SECOND_NS, Clock
from .listing import Listing, range_frame
from .projection import Asked, Projection, projected
from .prompt_changes import with_changes
from .render import clock_of, render
from .views import views_menu

router = APIRouter(include_in_schema=False)

_POINTS: Final = 150
_ROWS: Final = 12
_BUDGETS: Final = 8
_ESTIMATED: Final = Term("price", "=", ("estimated",))


@router.get(PATH)
def dashboard(request: Request, server: CurrentServer, project: CurrentProject) -> Response:
    """Show the measures of the calls that the filter finds in the range."""
    clock = clock_of(request)
    board = read_board(project, request.query_params, clock)
    if "q" in request.query_params:  # what was typed joins the filter, so that the URL has one
        return RedirectResponse(board.link(), status_code=303)
    frame = _frame(board, clock) | views_menu(request, project, "dashboard", board.params())
    frame |= {
        "budgets": budget_lines(Alerts(server.store).rules(project))[:_BUDGETS],
        "alerts_open": Firings(server.store).count_open(project),
    }
    try:
        tree = parse(board.listing.filter)
    except FilterError as error:
        return render(request, "pages/dashboard.html", status=400, **frame, error=error, measured=None)
    steps = steps_of_range(server, board.listing, clock.now_ns)
    if steps is None:
        return render(request, "pages/dashboard.html", **frame, error=None, measured=None)
    return render(request, "pages/dashboard.html", **frame, error=None, **_figures(server, board, tree, steps, clock))


def _frame(board: Board, clock: Clock) -> dict[str, Any]:
    listing = board.listing
    return {
        "board": board,
        "chips": chips(listing.filter),
        **range_frame(listing, clock),
        "splits": SPLITS.values(),
        "split": SPLITS[board.by],
    }


def steps_of_range(server: Server, listing: Listing, now_ns: int) -> Steps | None:
    """Return the steps of the charts; an open side of the range ends where the calls do, ``None`` without calls."""
    start, end = listing.bounds(now_ns)
    if start is None or (end is None and not listing.narrowed):
        known = server.store.range_of_calls(listing.project)
        if known is None:
            return None
        start, end = known[0] if start is None else start, known[1] if end is None else end
    return steps_of(start, max(now_ns if end is None else end, start + SECOND_NS))


def _figures(server: Server, board: Board, tree: Filter, steps: Steps, clock: Clock) -> dict[str, Any]:
    board = replace(board, steps=steps)
    query = query_of(board, tree, steps)
    measured = server.store.measure(query, board.by, steps)
    before = None
    if board.listing.narrowed and not measured.newest_only:  # parts of two periods cannot be compared
        before = server.store.measure(query, board.by, steps.before())
        if before.newest_only or not before.sums.calls:  # nothing says little
            before = None
    sessions = server.store.session_costs(query)
    sessions_before = None if before is None else server.store.session_costs(query_of(board, tree, steps.before()))
    by_model = measured if board.by == "model" else server.store.measure(query, "model", steps, times=False)
    changes = changes_of_prompts(server.store, board.project, steps.first_ns, steps.end_ns)
    projection = _projection(by_model, board, shown.elapsed_days(steps, clock.now_ns), clock)
    charts = with_changes(shown.charts(board, measured, clock), changes, steps, board.project, clock)
    return {
        "measured": measured,
        "anything": bool(measured.sums.calls or measured.sums.counted),
        "keys": shown.keys(board, measured, before, sessions, sessions_before),
        "charts": charts,
        "speed": shown.speed(board, server.store.call_points(query, _POINTS)),
        "projection": projection,
        "moved_href": "" if projection is None else board.calls("priced", term_of("model", projection.of)),
        "rows": shown.rows(board, measured, _ROWS),
        "per_call": shown.per_call,
        "hrefs": calls_by_key(board),
        "slot_hrefs": calls_by_slot(board, measured.slots) if board.table else [],
        "estimated": server.store.measure(query_of(board, And((tree, _ESTIMATED)), steps), board.by, steps),
        "estimated_href": board.calls("all", "price:estimated"),
        "all_time": replace(board.listing, range="all", from_ns=None, to_ns=None) if tree == EVERYTHING else None,
    }


def _projection(by_model: Measured, board: Board, days: float, clock: Clock) -> Projection | None:
    asked = Asked(board.a_day, board.of, board.onto)
    return projected(by_model.sums, by_model.parts, days, asked, clock.now_ns // SECOND_NS)
