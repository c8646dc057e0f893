"""The list of traces: filter, facets, histogram, table; the first-span page while there is nothing to list."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Final

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from ..auth.csrf import Csrf
from ..auth.current import CurrentProject, CurrentServer, Server, server_of
from ..errors import FilterError
from ..exports.trace_files import offered
from ..jobs import deletion
from ..query.filters import EVERYTHING, Query
from ..query.parse import parse
from ..record import Annotation, TraceSummary
from ..store.base import Bar, Count, FacetValue, Totals
from ..store.datasets import Datasets
from ..store.prompt_changes import changes_of_prompts
from .chart import Histogram, histogram
from .chips import chips, chosen, toggled
from .chosen import TAG, Chosen
from .columns import COLUMNS, COOKIE, columns_in, columns_of
from .format import Clock
from .listing import Listing, histogram_query, range_frame, read
from .prompt_changes import histogram_with_changes
from .render import clock_of, render
from .running import is_running, only_begun
from .sure import ask_whether_sure
from .urls import DEFAULT_PROJECT, url
from .views import begins_with, views_menu
from .ways_out import Way, ways_out

router = APIRouter(include_in_schema=False)


@router.post("/traces/delete", dependencies=[Csrf])
def delete_traces(
    request: Request,
    server: CurrentServer,
    project: CurrentProject,
    traces: Chosen,
    back: str = "",
    *,
    sure: Annotated[bool, Form()] = False,
) -> Response:
    """Delete chosen traces once it was said that this is meant; without a script that asks, a page does."""
    back = back if back.startswith("/traces?") else url("/traces", project)
    if not sure:
        return ask_whether_sure(request, "trace", traces, back)
    deletion.delete_traces(server.store, project, [each.lower() for each in traces])
    return RedirectResponse(back, status_code=303)


@router.post("/traces/columns", dependencies=[Csrf])
async def choose_columns(request: Request, project: CurrentProject) -> Response:
    """Remember which columns this reader wants, and show the list with them."""
    form = await request.form()
    widths = {key: _width(form.get(f"width-{key}")) for key in COLUMNS}
    chosen_columns = columns_of(map(str, form.getlist("column")), widths)
    text = "" if form.get("reset") or len(chosen_columns.shown) == 1 else chosen_columns.text
    listing = replace(read(project, request.query_params, clock_of(request)), columns="")
    answer = RedirectResponse(listing.link(), status_code=303)
    answer.set_cookie(COOKIE, text, max_age=_A_YEAR_S if text else 0, path="/", samesite="lax")
    return answer


def _width(given: object) -> int | None:
    return int(given) if isinstance(given, str) and given.isascii() and given.isdecimal() and len(given) < 6 else None


_A_YEAR_S: Final = 31_536_000
#: The facets panel: field, title, and whether it starts open.
FACETS: Final = (
    ("status", "Status", True),
    ("env", "Environment", True),
    ("model", "Model", True),
    ("kind", "Kind", True),
    ("prompt", "Prompt", True),
    ("label", "Label", True),
    ("user", "User", False),
    ("tag", "Tag", False),
    ("session", "Session", False),
    ("provider", "Provider", False),
)


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the table: the trace and what is derived for showing it."""

    trace: TraceSummary
    href: str
    labels: tuple[Annotation, ...]
    share: float
    """Its latency as percent of the longest on the page."""
    slow: bool
    unfinished: str
    """``running`` or ``unfinished`` where the root has not come, else empty."""

    @property
    def failed(self) -> bool:
        """Whether the trace itself ended in an error."""
        return self.trace.status == "error"


@dataclass(frozen=True, slots=True)
class Facet:
    """One field of the panel with its commonest values."""

    field: str
    title: str
    is_open: bool
    values: tuple[FacetLink, ...]


@dataclass(frozen=True, slots=True)
class FacetLink:
    """One value: a link that writes into the filter."""

    value: str
    count: int
    href: str
    chosen: bool


@router.get("/")
def home(request: Request, server: CurrentServer) -> Response:
    """Go to the traces of the default project, or of the first there is."""
    projects = server.store.projects()
    project = DEFAULT_PROJECT if DEFAULT_PROJECT in projects or not projects else projects[0]
    begin = begins_with(request, project).get("/traces", url("/traces", project))
    return RedirectResponse(begin, status_code=303)


@router.get("/traces")
def traces(request: Request, server: CurrentServer, project: CurrentProject) -> Response:
    """Show the list, or the first-span page while the project has no trace at all."""
    clock = clock_of(request)
    listing = read(project, request.query_params, clock)
    if "q" in request.query_params:  # what was typed joins the filter, so that the URL has one
        return RedirectResponse(listing.link(), status_code=303)
    try:
        tree = parse(listing.filter)
    except FilterError as error:
        return _refused(request, listing, error)
    query = listing.query(tree, clock.now_ns)
    page = server.store.find_traces(query)
    if not page.items and not listing.cursor and _is_empty(server, project):
        return _start(request, server, project)
    totals = server.store.totals(query)
    bars_query, bars = histogram_query(query, clock.now_ns)
    context: dict[str, Any] = {
        "lines": _lines(server, listing, _with_begun(server, listing, page.items), totals, clock.now_ns),
        "totals": totals,
        "histogram": _histogram(server, project, server.store.histogram(bars_query, bars), clock),
        "facets": _facets(server, listing, query),
        "newer": page.previous_cursor,
        "older": page.next_cursor,
        "ways": () if page.items else _ways(server, listing, clock.now_ns),
        "error": None,
    }
    return render(request, "pages/traces.html", **_frame(request, listing), **context)


@router.get("/traces/first")
def first(server: CurrentServer, project: CurrentProject) -> Response:
    """Tell the waiting first-span page where to go once a trace is there."""
    found = server.store.find_traces(Query(project, EVERYTHING, limit=1)).items
    where = {"HX-Redirect": url(f"/traces/{found[0].trace_id}", project)} if found else {}
    return Response(status_code=204, headers=where)


def _frame(request: Request, listing: Listing) -> dict[str, Any]:
    """Return what the bar above the list needs, whether or not the filter could be read."""
    clock = clock_of(request)
    columns = columns_in(listing.columns or request.cookies.get(COOKIE, ""))
    return {
        "listing": listing,
        "chips": chips(listing.filter),
        **range_frame(listing, clock),
        "trace_exports": offered(),
        "columns": columns,
        "all_columns": COLUMNS.values(),
        "live_url": listing.link(live=True),
        "dataset_names": Datasets(server_of(request).store).names(listing.project),
        **views_menu(request, listing.project, "traces", listing.params() | {"cols": columns.text}),
    }


def _histogram(server: Server, project: str, bars: Sequence[Bar], clock: Clock) -> Histogram | None:
    if not bars:
        return None
    start, end = bars[0].from_ns, bars[-1].to_ns
    changes = changes_of_prompts(server.store, project, start, end)
    return histogram_with_changes(histogram(bars, clock), changes, start, end, project, clock)


def _refused(request: Request, listing: Listing, error: FilterError) -> Response:
    return render(
        request, "pages/traces.html", status=400, **_frame(request, listing), error=error, lines=(), totals=None,
        histogram=None, facets=(), newer=None, older=None, ways=(),
    )  # fmt: skip


def _with_begun(server: Server, listing: Listing, traces: Sequence[TraceSummary]) -> Sequence[TraceSummary]:
    """Return the traces of which nothing has ended above the others, where the list is of all the newest."""
    if listing.filter or listing.cursor or listing.sort != "-time" or listing.to_ns is not None:
        return traces
    begun = server.intake.under_way.of(listing.project)
    only = only_begun(begun, (trace.trace_id for trace in traces)) if begun else ()
    return (*(one for one in only if server.store.trace(listing.project, one.trace_id) is None), *traces)


def _lines(
    server: Server, listing: Listing, traces: Sequence[TraceSummary], totals: Totals, now_ns: int
) -> tuple[Line, ...]:
    judged = server.store.annotations(listing.project, [trace.trace_id for trace in traces])
    longest = max((trace.duration_ms for trace in traces), default=0.0) or 1.0
    p95 = totals.latency_p95_ms
    query = listing.link("", live=False)  # the same for each
    return tuple(
        Line(
            trace=trace,
            href=f"/traces/{trace.trace_id}{query}",
            labels=_latest(judged.get(trace.trace_id, ())),
            share=round(min(trace.duration_ms / longest, 1.0) * 100, 1),
            slow=p95 is not None and trace.duration_ms > p95,
            unfinished="" if trace.has_root else "running" if is_running(trace, now_ns) else "unfinished",
        )
        for trace in traces
    )


def _latest(annotations: Iterable[Annotation]) -> tuple[Annotation, ...]:
    """Return the last word under each name; of tags, each."""
    by_name = {(a.name, a.label if a.name == TAG else None): a for a in annotations}
    return tuple(by_name.values())


def _facets(server: Server, listing: Listing, query: Query) -> tuple[Facet, ...]:
    found = server.store.facets(query, [field for field, _, _ in FACETS])
    return tuple(
        Facet(field, title, is_open or bool(chosen(listing.filter, field)), _links(listing, field, found[field]))
        for field, title, is_open in FACETS
        if found.get(field)
    )


def _links(listing: Listing, field: str, values: Iterable[FacetValue]) -> tuple[FacetLink, ...]:
    asked = chosen(listing.filter, field)
    return tuple(
        FacetLink(v.value, v.count, listing.link(filter=toggled(listing.filter, field, v.value)), v.value in asked)
        for v in values
    )


def _ways(server: Server, listing: Listing, now_ns: int) -> tuple[Way, ...]:
    """Return what would give something."""

    def count(other: Listing) -> Count:
        return server.store.totals(other.query(parse(other.filter), now_ns)).traces

    return ways_out(listing, Listing.link, count)


def _is_empty(server: Server, project: str) -> bool:
    return not server.store.find_traces(Query(project, EVERYTHING, limit=1)).items


def _start(request: Request, server: Server, project: str) -> Response:
    """Answer with the first-span page, which asks ``/traces/first`` until a trace is there."""
    base = str(request.base_url).rstrip("/")
    closed = not server.settings.on_loopback or bool(server.settings.password)
    return render(
        request,
        "pages/start.html",
        base=base,
        needs_key=closed,
        new_project=project,
        curl=_curl(base, project, needs_key=closed),
    )


def _curl(base: str, project: str, *, needs_key: bool) -> str:
    """Return a command that sends one span which begins and ends now; a shell fills in ids and time."""
    key = '  -H "authorization: Bearer $SPANWISE_API_KEY" \\\n' if needs_key else ""
    span = (
        '{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"hello","traceId":"\'$(openssl rand -hex 16)\'",'
        '"spanId":"\'$(openssl rand -hex 8)\'","startTimeUnixNano":"\'$(date +%s)000000000\'",'
        '"endTimeUnixNano":"\'$(date +%s)500000000\'"}]}]}]}'
    )
    return (
        f"curl {base}/v1/traces -H 'content-type: application/json' \\\n"
        f"  -H {shlex.quote(f'x-spanwise-project: {project}')} \\\n{key}  -d '{span}'"
    )
