"""One trace: tree and waterfall on the left, the selected span with its tabs on the right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from ..auth.current import CurrentActor, CurrentProject, CurrentServer, Server
from ..errors import FilterError, NotFound
from ..ingest.under_way import is_begun
from ..query import filters
from ..query.filters import EVERYTHING
from ..query.parse import parse
from ..record import Record, TraceSummary
from ..store.base import Trace
from .annotate import annotating
from .listing import Listing, read
from .messages import text_at, transcript
from .render import clock_of, fragment_name, render
from .running import is_running, with_begun, with_missing
from .span_tabs import TABS, attributes, documents, events, prompt_use, tabs_of, value_parts
from .step_graph import has_graph, step_graph
from .waterfall import Row, Waterfall, lay_out

router = APIRouter(include_in_schema=False)

#: Rows of the tree sent at once; the rest follow when they are scrolled to.
WINDOW: Final = 600


@router.get("/traces/{trace_id}")
def trace(
    request: Request,
    server: CurrentServer,
    actor: CurrentActor,
    project: CurrentProject,
    trace_id: str,
    span: str = "",
    tab: str = "",
    rows: Annotated[int, Query(ge=0)] = 0,
) -> Response:
    """Show a trace with one of its spans; *rows* asks for the tree from that row on."""
    clock = clock_of(request)
    found = _found(server, project, trace_id, clock.now_ns)
    listing = read(project, request.query_params, clock)
    page = _Page(listing, found, span, tab)
    judged = server.store.annotations(project, [found.summary.trace_id]).get(found.summary.trace_id, ())
    context: dict[str, Any] = {
        "page": page,
        "record": page.record,
        "selected": page.span_id,
        "tab": page.tab,
        "tabs": page.tabs,
        "begun": is_begun(page.record),
        "annotate": annotating(actor, page.record, judged) if page.tab == "labels" else None,
        **_contents(page),
    }
    if fragment_name(request) == "detail":  # the tree stays: no need to lay it out again
        return render(request, "pages/trace.html", **context)
    fall = lay_out(with_missing(found.records))
    if rows:
        return render(request, "parts/tree_rows.html", **context, **_window(fall, rows, rows + WINDOW))
    last = next((n for n, row in enumerate(fall.rows) if row.id == page.span_id), 0) + 1
    return render(
        request,
        "pages/trace.html",
        **context,
        listing=listing,
        trace=found.summary,
        running=is_running(found.summary, clock.now_ns),
        fall=fall,
        **_window(fall, 0, max(WINDOW, last)),
        **_neighbours(server, listing, found.summary),
    )


@router.get("/traces/{trace_id}/text")
def text(
    server: CurrentServer, project: CurrentProject, trace_id: str, span: str, at: str, *, download: bool = False
) -> Response:
    """Answer with one text of one span as it was sent: plain, never run, to be read, copied or saved."""
    record = server.store.span(project, span, trace_id.lower())
    body = None if record is None else text_at(record, at)
    if body is None:
        raise NotFound("There is no such text.", "Open the trace again: the span may have been replaced.")
    headers = {"Cache-Control": "private, max-age=60"}
    if download:
        headers["Content-Disposition"] = f'attachment; filename="{trace_id[:8]}-{span[:8]}-{at}.txt"'
    return Response(body, media_type="text/plain; charset=utf-8", headers=headers)


class _Page:
    """Which span and tab the URL asks for, and the links to the others."""

    def __init__(self, listing: Listing, found: Trace, span: str, tab: str) -> None:
        self._listing = listing
        self._path = f"/traces/{found.summary.trace_id}"
        self.records = found.records
        self.record = _selected(found.records, span)
        self.span_id = self.record.span.span_id
        self.tabs = tabs_of(self.record, graph=has_graph(self.record, self.records))
        names = [each.key for each in self.tabs]
        self.tab = tab if tab in names else names[0]
        self._asked_tab = tab if tab in TABS else ""

    @property
    def speed(self) -> str | None:
        """Return output tokens a second after the first, ``None`` where the span does not say enough."""
        usage, first = self.record.reading.usage, self.record.reading.ttft_ms
        seconds = (self.record.duration_ms - (first or 0.0)) / 1000
        if usage is None or usage.output_tokens is None or first is None or seconds <= 0:
            return None
        return f"{usage.output_tokens / seconds:.1f}"

    def link(self, span: str | None = None, tab: str | None = None, **more: object) -> str:
        """Return the URL of a span of this trace; the tab stays unless another is asked for."""
        from_list = self._listing.link(self._path, live=False)
        extra = {"span": span or self.span_id, "tab": self._asked_tab if tab is None else tab, **more}
        query = "&".join(f"{name}={value}" for name, value in extra.items() if value not in ("", None))
        return f"{from_list}{'&' if '?' in from_list else '?'}{query}"

    def text(self, at: str, **more: object) -> str:
        """Return the URL of one text of the selected span."""
        return self._listing_free(f"{self._path}/text", span=self.span_id, at=at, **more)

    def _listing_free(self, path: str, **params: object) -> str:
        base = Listing(self._listing.project).link(path)
        query = "&".join(f"{name}={value}" for name, value in params.items())
        return f"{base}{'&' if '?' in base else '?'}{query}"


def _found(server: Server, project: str, trace_id: str, now_ns: int) -> Trace:
    under_way = server.intake.under_way.of(project, trace_id.lower())
    found = with_begun(server.store.trace(project, trace_id.lower()), under_way, now_ns)
    if found is None or not found.records:
        raise NotFound(
            f"Project {project} has no trace {trace_id[:40]}.",
            "Choose its project at the top left, or look among all traces. One just sent appears within a second.",
        )
    return found


def _selected(records: Sequence[Record], span_id: str) -> Record:
    """Return the span asked for, else the one worth reading first: what failed, the root where it says anything."""
    for record in records:
        if record.span.span_id == span_id:
            return record
    root = next((r for r in records if r.span.parent_span_id is None), records[0])
    says = root.reading.output is not None or root.reading.input is not None or root.reading.output_messages
    return root if says else next((r for r in records if r.reading.output_messages), root)


def _window(fall: Waterfall, start: int, end: int) -> dict[str, Any]:
    shown: tuple[Row, ...] = fall.rows[start:end]
    return {"rows": shown, "next_row": end if end < len(fall.rows) else None, "row_count": len(fall.rows)}


def _neighbours(server: Server, listing: Listing, summary: TraceSummary) -> dict[str, Any]:
    """Return links to the traces just before and after this one in the list it was opened from."""
    try:
        tree = parse(listing.filter)
    except FilterError:
        tree = EVERYTHING
    now_ns = summary.start_ns
    start, end = listing.bounds(now_ns) if listing.absolute else (None, None)
    newer = filters.Query(listing.project, tree, summary.start_ns + 1, end, "time", 1)
    older = filters.Query(listing.project, tree, start, summary.start_ns, "-time", 1)
    return {"newer": _neighbour(server, listing, newer), "older": _neighbour(server, listing, older)}


def _neighbour(server: Server, listing: Listing, query: filters.Query) -> str | None:
    found = server.store.find_traces(query).items
    return listing.link(f"/traces/{found[0].trace_id}", live=False) if found else None


def _contents(page: _Page) -> dict[str, Any]:
    """Return what the open tab shows; the others are not made."""
    record, tab = page.record, page.tab
    return {
        "talk": transcript(record, page.records) if tab == "messages" else None,
        "values": value_parts(record) if tab == "io" else (),
        "graph": step_graph(lay_out(with_missing(page.records)).rows, page.span_id) if tab == "graph" else None,
        "documents": documents(record) if tab == "documents" else (),
        "prompt": prompt_use(record) if tab == "prompt" else None,
        "attributes": attributes(record) if tab == "attributes" else (),
        "events": events(record) if tab == "events" else (),
    }
