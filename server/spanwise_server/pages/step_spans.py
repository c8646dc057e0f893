"""The spans that make a figure of a step, of the same traces that the figure was looked up in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Final
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi import Query as Param
from fastapi.responses import Response, StreamingResponse

from ..auth.current import CurrentProject, CurrentServer, Server
from ..errors import NotFound
from ..exports.span_files import offered, span_export, span_file
from ..exports.trace_download import Run
from ..query.filters import EVERYTHING, And, Filter, OneSpan, Query, Term
from ..query.values import quoted
from ..record import KINDS, Record
from .call_list import SPANS, CallList, line_of
from .downloads import streamed
from .format import Clock
from .listing import PAGE, SORTS, Listing, joined, range_frame, read, turned
from .render import clock_of, render
from .step_graph import Step
from .step_runs import PICKS, Pick, addresses, picked
from .step_traces import LOOKED_AT, outlines
from .urls import url

router = APIRouter(include_in_schema=False)

PATH: Final = "/dashboard/steps"
EXPORT: Final = f"{PATH}/export"
#: So many spans are read whole at once for a file.
_AT_ONCE: Final = 100
#: Pages of one list: beyond them a sort or a shorter range serves better.
_MOST_PAGES: Final = 40


@dataclass(frozen=True, slots=True)
class StepSpans:
    """What the list shows; every link of the page is this with something changed."""

    listing: Listing
    pick: Pick
    having: bool = False
    """Whether it was looked up in the newest traces that have the step, not in the newest of all."""
    page: int = 1

    def link(self, **changes: object) -> str:
        """Return the URL of this list with *changes* to it, or to its range and sort."""
        own: dict[str, object] = {"page": 1}
        own |= {name: changes.pop(name) for name in ("pick", "having", "page") if name in changes}
        listing = replace(self.listing, **changes)  # type: ignore[arg-type] # fields by name
        state = replace(self, listing=listing, **own)  # type: ignore[arg-type]
        return url(PATH, self.listing.project, state.params())

    def of(self, what: str, other: Step | None = None, times: int = 0, sort: str = "-time") -> str:
        """Return the list of what another figure of the step is made of."""
        return self.link(pick=replace(self.pick, of=what, other=other, times=times), sort=sort)

    def params(self) -> dict[str, object]:
        """Return the parameters of the URL, defaults left out."""
        pick = self.pick
        return {
            "name": pick.name,
            "kind": pick.kind,
            "of": None if pick.of == "runs" else pick.of,
            "other": None if pick.other is None else ":".join(pick.other),
            "times": pick.times or None,
            "having": "1" if self.having else None,
            **self.listing.params(),
            "page": None if self.page == 1 else self.page,
        }

    def export_link(self, form: str, *_: int | None) -> str:
        """Return where the spans of this list, not one page of them, are downloaded as a file."""
        return url(EXPORT, self.listing.project, {**replace(self, page=1).params(), "format": form})

    def sorted_by(self, field: str) -> str:
        """Return the link of a column's header: descending first, then the other way."""
        return self.link(sort=turned(self.listing.sort, field))

    def query(self, now_ns: int) -> Query:
        """Return the question whose newest traces are looked at."""
        terms = terms_of(self.pick.name, self.pick.kind)
        asked: Filter = OneSpan("any", And(terms)) if self.having else EVERYTHING
        return Query(self.listing.project, asked, *self.listing.bounds(now_ns))


def terms_of(name: str, kind: str) -> tuple[Filter, ...]:
    """Return what finds the spans of a step."""
    return (Term("name", "=", (name,)), *((Term("kind", "=", (kind,)),) if kind else ()))


def text_of(name: str, kind: str) -> str:
    """Return the same in the language of filters."""
    return joined(f"name:{quoted(name)}", f"kind:{kind}" if kind else "")


def step_link(project: str, name: str, kind: str, listing: Listing | None = None) -> str:
    """Return the URL of a step's page."""
    params = {} if listing is None else {k: v for k, v in listing.params().items() if k in ("range", "from", "to")}
    return url(step_path(name), project, {**params, "kind": kind})


def step_path(name: str) -> str:
    """Return the path of a step's page."""
    return f"/steps/{quote(name, safe='')}"


def all_runs(listing: Listing, name: str, kind: str, more: str = "", sort: str = "-time") -> str:
    """Return the list of all runs of a step in the range, not only those of the traces that were looked at."""
    return CallList(replace(listing, filter=joined(text_of(name, kind), more), sort=sort), SPANS).link()


def read_step_spans(project: str, params: Mapping[str, str], clock: Clock) -> StepSpans:
    """Return the list that the URL's parameters ask for; what is not understood falls back."""
    listing = replace(read(project, params, clock, SORTS), live=False, filter="", columns="", cursor=None)
    of, kind, page = params.get("of", ""), params.get("kind", ""), params.get("page", "")
    times = params.get("times", "")
    other_kind, colon, other = params.get("other", "").partition(":")
    pick = Pick(
        name=params.get("name", ""),
        kind=kind if kind in KINDS else "",
        of=of if of in PICKS else "runs",
        other=(other_kind, other) if colon else None,
        times=int(times) if times.isascii() and times.isdecimal() and len(times) < 9 else 0,
    )
    number = int(page) if page.isascii() and page.isdecimal() and len(page) < 9 else 1
    return StepSpans(listing, pick, params.get("having") == "1", min(max(number, 1), _MOST_PAGES))


@router.get(EXPORT)
def export_step_spans(
    request: Request,
    server: CurrentServer,
    project: CurrentProject,
    format_name: Annotated[str, Param(alias="format")] = "jsonl",
    progress: str | None = None,
) -> StreamingResponse:
    """Stream the spans that make one figure of a step as a file."""
    export = span_export(format_name)
    clock = clock_of(request)
    state = read_step_spans(project, request.query_params, clock)
    found = addresses(outlines(server, state.query(clock.now_ns)), state.pick, state.listing.sort)
    run = server.exports.begin(progress, Run(project, len(found)))
    return streamed(span_file(server.store, _whole(server, project, found), export, run), export, "spans")


def _whole(server: Server, project: str, found: Sequence[tuple[str, str]]) -> Iterator[Record]:
    """Yield spans whole in the order of their addresses; one that is deleted meanwhile is left out."""
    for at in range(0, len(found), _AT_ONCE):
        some = found[at : at + _AT_ONCE]
        by_trace: dict[str, list[str]] = {}
        for trace_id, span_id in some:
            by_trace.setdefault(trace_id, []).append(span_id)
        there = {
            (trace_id, record.span.span_id): record
            for trace_id, span_ids in by_trace.items()
            for record in server.store.spans_of(project, trace_id, span_ids)
        }
        yield from (there[one] for one in some if one in there)


@router.get(PATH)
def step_spans(request: Request, server: CurrentServer, project: CurrentProject) -> Response:
    """List the spans that make one figure of a step."""
    clock = clock_of(request)
    state = read_step_spans(project, request.query_params, clock)
    if not state.pick.name:
        raise NotFound("Which step?", "Choose one among all steps.")
    found = picked(
        outlines(server, state.query(clock.now_ns)), state.pick, state.listing.sort, (state.page - 1) * PAGE, PAGE
    )
    longest = max((call.duration_ms for call in found.calls), default=0.0)
    more = found.count > state.page * PAGE and state.page < _MOST_PAGES
    frame: dict[str, Any] = {
        "state": state,
        "pick": state.pick,
        "step_href": step_link(project, state.pick.name, state.pick.kind, state.listing),
        "looked_at": LOOKED_AT,
        "words": PICKS[state.pick.of],
        "found": found,
        "lines": [line_of(state.listing, call, longest, None) for call in found.calls],
        "earlier": state.link(page=state.page - 1) if state.page > 1 else "",
        "later": state.link(page=state.page + 1) if more else "",
        "span_exports": offered(),
        "everything": all_runs(replace(state.listing, sort="-time"), state.pick.name, state.pick.kind),
        **range_frame(state.listing, clock),
    }
    return render(request, "pages/step_spans.html", **frame)
