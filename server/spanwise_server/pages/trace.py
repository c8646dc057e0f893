"""One trace: tree and waterfall on the left, the selected span with its tabs on the right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final
from urllib.parse import parse_qsl, urlsplit

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
from .annotate import annotating
from .compare_spans import compare_link
from .listing import Listing, read
from .messages import text_at, transcript
from .render import clock_of, fragment_name, is_fragment, render
from .running import is_running
from .span_tabs import TABS, attributes, documents, events, prompt_use, tabs_of, value_parts, value_text
from .step_graph import has_graph, step_graph
from .step_spans import step_link
from .tree import (
    AROUND,
    MOST_SHUT,
    WINDOW,
    Tree,
    Window,
    matching,
    rows_alone,
    selected,
    tree_of,
    whole_spans,
    window,
    window_around,
)
from .urls import url
from .waterfall import Waterfall

router = APIRouter(include_in_schema=False)
#: Rows that are sent at most to a tree that is scrolled.
MOST_ROWS: Final = 1_000


class Asked(BaseModel):
    """Which part of a trace the URL asks for."""

    span: str = ""
    tab: str = ""
    rows: int | None = Field(None, ge=0)
    """The tree from this row on, instead of around the span."""
    until: int = Field(0, ge=0)
    """To before this row: only these rows are asked for, not a page."""
    find: str = ""
    """Only the rows with these words."""
    shut: str = ""
    """Ids of the spans below which nothing is shown, in a tree of which a page holds only a window."""


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
    tree = tree_of(server, project, trace_id.lower(), clock.now_ns)
    listing = read(project, request.query_params, clock)
    links = _Links(listing, tree.trace.summary.trace_id, asked)
    if asked.until and asked.rows is not None and is_fragment(request):
        shown = rows_alone(_folded(tree.fall, asked), asked.rows, min(asked.until, asked.rows + MOST_ROWS))
        return render(request, "parts/tree_rows.html", page=links, window=shown, selected=asked.span)
    page = _Page(links, tree, whole_spans(server, project, tree, asked.span))
    fragment = fragment_name(request)
    context: dict[str, Any] = {
        "page": page,
        "trace": tree.trace.summary,
        "record": page.record,
        "selected": page.span_id,
        "tab": page.tab,
        "tabs": page.tabs,
    }
    if fragment != "spans":
        judged = server.store.annotations(project, [tree.trace.summary.trace_id])
        given = judged.get(tree.trace.summary.trace_id, ())
        context |= {
            "begun": is_begun(page.record),
            "labels": tuple({(one.name, one.span_id): one for one in given}.values()),
            "annotate": annotating(actor, page.record, given) if page.tab == "labels" else None,
            **_contents(server, page),
        }
    if fragment == "detail":  # the tree stays
        return render(request, "pages/trace.html", **context)
    fall = _folded(tree.fall, asked)
    return render(
        request,
        "pages/trace.html",
        **context,
        listing=listing,
        running=is_running(tree.trace.summary, clock.now_ns),
        fall=fall,
        find=asked.find.strip(),
        window=_window(fall, asked, page.span_id),
        **({} if fragment == "spans" else _neighbours(server, listing, tree.trace.summary)),
    )


@router.get("/traces/{trace_id}/text")
def text(
    server: CurrentServer, project: CurrentProject, trace_id: str, span: str, at: str, *, download: bool = False
) -> Response:
    """Answer with one text of one span as it was sent: plain, never run, to be read, copied or saved."""
    record = server.store.span(project, span, trace_id.lower())
    kind, _, key = at.partition(".")
    body = None if record is None else value_text(record, key) if kind == "value" else text_at(record, at)
    if body is None:
        raise NotFound("There is no such text.", "Open the trace again: the span may have been replaced.")
    headers = {"Cache-Control": "private, max-age=60"}
    if download:
        headers["Content-Disposition"] = f'attachment; filename="{trace_id[:8]}-{span[:8]}-{at}.txt"'
    return Response(body, media_type="text/plain; charset=utf-8", headers=headers)


class _Links:
    """The links to other spans and tabs of a trace."""

    def __init__(self, listing: Listing, trace_id: str, asked: Asked) -> None:
        self.project = listing.project
        self.path = f"/traces/{trace_id}"
        self.span_id = asked.span
        self.asked_tab = asked.tab if asked.tab in TABS else ""
        self.shut = asked.shut
        from_list = listing.link(self.path, live=False)
        self._before = f"{from_list}{'&' if '?' in from_list else '?'}"

    def link(self, span: str | None = None, tab: str | None = None, **more: object) -> str:
        """Return the URL of a span of this trace; the tab stays unless another is asked for."""
        extra = {
            "span": span or self.span_id, "tab": self.asked_tab if tab is None else tab, "shut": self.shut, **more,
        }  # fmt: skip
        return self._before + "&".join(f"{name}={value}" for name, value in extra.items() if value not in ("", None))

    @property
    def whole_trace(self) -> str:
        """The URL of the trace that asks for no span of it."""
        return self._before[:-1]


class _Page:
    """Which span and tab the URL asks for, and the links to the others."""

    def __init__(self, links: _Links, tree: Tree, whole: Sequence[Record]) -> None:
        self._links = links
        self.tree = tree
        self.asks_for_a_span = bool(links.span_id)
        self.whole_trace = links.whole_trace
        """The URL without any span."""
        self.record = selected(whole, tree, links.span_id)
        self.span_id = links.span_id = self.record.span.span_id
        self.tabs = tabs_of(self.record, graph=has_graph(self.record, tree.trace.records))
        names = [each.key for each in self.tabs]
        self.tab = links.asked_tab if links.asked_tab in names else names[0]
        self.path, self.link, self.shut = links.path, links.link, links.shut

    @property
    def hidden(self) -> list[tuple[str, str]]:
        """What a form must send along for this view to stay."""
        return parse_qsl(urlsplit(self.link()).query)

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
        return step_link(self._links.project, self.record.name, self.record.kind)

    @property
    def compare(self) -> str:
        """Where this span is compared with another run of its step."""
        return compare_link(self.record)

    def text(self, at: str, **more: object) -> str:
        """Return the URL of one text of the selected span."""
        path = f"{self._links.path}/text"
        return url(path, self._links.project, {"span": self.span_id, "at": at, **more})


def _folded(fall: Waterfall, asked: Asked) -> Waterfall:
    return fall.without(asked.shut.split(",")[:MOST_SHUT]) if asked.shut else fall


def _window(fall: Waterfall, asked: Asked, span_id: str) -> Window:
    if asked.find.strip():
        return matching(fall, asked.find)
    if asked.rows is not None:
        return window(fall, asked.rows, asked.rows + WINDOW)
    return window_around(fall, span_id)


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
    beside = whole_spans(server, record.project, page.tree, page.span_id, AROUND) if tab == "messages" else ()
    return {
        "talk": transcript(record, beside) if tab == "messages" else None,
        "values": value_parts(record) if tab == "io" else (),
        "graph": step_graph(page.tree.fall.rows, page.span_id) if tab == "graph" else None,
        "documents": documents(record) if tab == "documents" else (),
        "prompt": prompt_use(record, _version_before(server, record)) if tab == "prompt" else None,
        "attributes": attributes(record) if tab == "attributes" else (),
        "events": events(record) if tab == "events" else (),
    }
