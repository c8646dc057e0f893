"""One trace: tree and waterfall on the left, the selected span with its tabs on the right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from ..auth.current import CurrentActor, CurrentProject, CurrentServer, Server
from ..errors import FilterError, NotFound
from ..ingest.under_way import is_begun
from ..query import filters
from ..query.filters import EVERYTHING, And, Not, Term
from ..query.parse import parse
from ..record import Record, TraceSummary
from ..store.base import Trace
from .annotate import annotating
from .compare_spans import compare_link
from .listing import Listing, read
from .messages import text_at, transcript
from .render import clock_of, fragment_name, render
from .running import is_running, with_begun, with_missing
from .span_tabs import TABS, attributes, documents, events, prompt_use, tabs_of, value_parts
from .step_graph import has_graph, step_graph
from .steps import step_link
from .waterfall import Row, Waterfall, lay_out

router = APIRouter(include_in_schema=False)

#: Rows of the tree sent at once; the rest follow when they are scrolled to.
WINDOW: Final = 400
#: Of a trace with more spans than this, only the spans around the chosen one are read whole.
WHOLE: Final = 2_000
#: So many of them, before and after it.
AROUND: Final = 120


class Asked(BaseModel):
    """Which part of a trace the URL asks for."""

    span: str = ""
    tab: str = ""
    rows: int = Field(0, ge=0)
    """The tree from this row on."""
    until: int = Field(0, ge=0)
    """Where those rows end that stand before the ones that are there."""
    find: str = ""
    """Only the rows with these words."""


@router.get("/traces/{trace_id}")
def trace(
    request: Request,
    server: CurrentServer,
    actor: CurrentActor,
    project: CurrentProject,
    trace_id: str,
    asked: Annotated[Asked, Query()],
) -> Response:
    """Show a trace with one of its spans."""
    clock = clock_of(request)
    found = _found(server, project, trace_id, clock.now_ns)
    listing = read(project, request.query_params, clock)
    page = _Page(listing, found, _whole(server, project, found, asked.span), asked.span, asked.tab)
    judged = server.store.annotations(project, [found.summary.trace_id]).get(found.summary.trace_id, ())
    context: dict[str, Any] = {
        "page": page,
        "record": page.record,
        "selected": page.span_id,
        "tab": page.tab,
        "tabs": page.tabs,
        "begun": is_begun(page.record),
        "annotate": annotating(actor, page.record, judged) if page.tab == "labels" else None,
        **_contents(server, page),
    }
    if fragment_name(request) == "detail":  # the tree stays: no need to lay it out again
        return render(request, "pages/trace.html", **context)
    fall = lay_out(with_missing(found.records))
    if asked.rows or asked.until:
        window = _window(fall, asked.rows, asked.until or asked.rows + WINDOW, asked.until)
        return render(request, "parts/tree_rows.html", **context, **window)
    at = fall.places.get(page.span_id, 0)
    first = 0 if at < WINDOW else at - WINDOW // 2
    return render(
        request,
        "pages/trace.html",
        **context,
        listing=listing,
        trace=found.summary,
        running=is_running(found.summary, clock.now_ns),
        fall=fall,
        window=WINDOW,
        **(_matching(fall, asked.find) if asked.find.strip() else _window(fall, first, first + WINDOW, above=True)),
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

    def __init__(self, listing: Listing, found: Trace, whole: Sequence[Record], span: str, tab: str) -> None:
        self._listing = listing
        self._path = f"/traces/{found.summary.trace_id}"
        self.spans = found.records
        """All spans of the trace, those of a large one only as its tree shows them."""
        self.records = whole
        """The spans that are known whole: all, or those around the chosen one."""
        self.record = _selected(whole or found.records, span)
        self.span_id = self.record.span.span_id
        self.tabs = tabs_of(self.record, graph=has_graph(self.record, self.spans))
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

    @property
    def step(self) -> str:
        """The page of the step that this span is a run of."""
        return step_link(self._listing.project, self.record.name, self.record.kind)

    @property
    def compare(self) -> str:
        """Where this span is compared with another run of its step."""
        return compare_link(self.record)

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
    stored = server.store.outline(project, trace_id.lower())
    if stored is not None and stored.summary.span_count <= WHOLE:
        stored = server.store.trace(project, trace_id.lower())
    found = with_begun(stored, under_way, now_ns)
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


def _whole(server: Server, project: str, found: Trace, span: str) -> Sequence[Record]:
    """Return the spans that are shown by what they say: all of them, of a large trace those around the chosen one."""
    records = found.records
    if found.summary.span_count <= WHOLE:
        return records
    chosen = _selected(records, span).span.span_id
    at = next(n for n, record in enumerate(records) if record.span.span_id == chosen)
    near = [record.span.span_id for record in records[max(at - AROUND, 0) : at + AROUND]]
    return server.store.spans_of(project, found.summary.trace_id, near)


def _window(fall: Waterfall, start: int, end: int, until: int = 0, *, above: bool = False) -> dict[str, Any]:
    """Return the rows from *start* on; *until* says that they stand before rows that are there already."""
    rows = fall.rows[start:end]
    return {
        "rows": tuple(enumerate(rows, start)),
        "next_row": None if until or end >= len(fall.rows) else end,
        "before": start if until or above else 0,
        "before_from": max(start - WINDOW, 0),
        "row_count": len(fall.rows),
    }


def _matching(fall: Waterfall, words: str) -> dict[str, Any]:
    """Return the first rows whose name, model or error has *words* in it."""
    asked = words.strip().lower()
    found: list[tuple[int, Row]] = []
    for span_id, at in fall.places.items():
        if asked in fall.words_of(span_id):
            found.append((at, fall.rows[at]))
            if len(found) == WINDOW:
                break
    return {"rows": tuple(found), "next_row": None, "before": 0, "before_from": 0, "row_count": len(fall.rows)}


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


def _version_before(server: Server, record: Record) -> Record | None:
    """Return the newest earlier call that was made with another version of the same prompt."""
    used = record.reading.prompt
    if used is None or used.version is None:
        return None
    others = And((Term("prompt", "=", (used.name,)), Not(Term("prompt", "=", (f"{used.name}@{used.version}",)))))
    query = filters.Query(record.project, others, to_ns=record.span.start_ns, limit=1)
    return next(iter(server.store.find_spans(query).items), None)


def _contents(server: Server, page: _Page) -> dict[str, Any]:
    """Return what the open tab shows; the others are not made."""
    record, tab = page.record, page.tab
    return {
        "talk": transcript(record, page.records) if tab == "messages" else None,
        "values": value_parts(record) if tab == "io" else (),
        "graph": step_graph(lay_out(with_missing(page.spans)).rows, page.span_id) if tab == "graph" else None,
        "documents": documents(record) if tab == "documents" else (),
        "prompt": prompt_use(record, _version_before(server, record)) if tab == "prompt" else None,
        "attributes": attributes(record) if tab == "attributes" else (),
        "events": events(record) if tab == "events" else (),
    }
