"""Steps: the tools, retrievers, agents, chains and calls of a project by name, and one of them with how it fares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import Response

from ..auth.current import CurrentProject, CurrentServer, Server
from ..dialects.preview import preview
from ..errors import NotFound
from ..query.filters import And, Filter, OneSpan, Query, Term
from ..query.measures import Tallied
from ..query.values import quoted
from ..record import KINDS, Record
from .listing import DAY_NS, Listing, joined, range_frame, read
from .render import clock_of, render
from .step_mix import dearest_steps, step_mix, steps_in
from .urls import url

router = APIRouter(include_in_schema=False)

PATH: Final = "/steps"
#: So many of the newest traces are looked at for what follows what.
LOOKED_AT: Final = 60
#: Traces with more spans than this are left out of that.
_LARGEST: Final = 5_000
_FAILED: Final = 12
_DEAREST: Final = 8


@dataclass(frozen=True, slots=True)
class StepPage:
    """The page of one step, or the list; every link of it is this with something changed."""

    listing: Listing
    path: str = PATH
    kind: str = ""

    def link(self, **changes: object) -> str:
        """Return the URL of this page with *changes* to its range."""
        return replace(self.listing, **changes).link(self.path) + self._kind()  # type: ignore[arg-type] # by name

    def params(self) -> dict[str, object]:
        """Return the parameters of the URL."""
        return {**self.listing.params(), "kind": self.kind}

    def _kind(self) -> str:
        return "" if not self.kind else f"{'&' if '?' in self.listing.link(self.path) else '?'}kind={self.kind}"


@dataclass(frozen=True, slots=True)
class Failure:
    """One span that failed: what went in and what was said."""

    record: Record
    asked: str
    error: str
    href: str


@dataclass(frozen=True, slots=True)
class Day:
    """What one day came to."""

    start_ns: int
    tallied: Tallied
    share: float
    """Its runs as percent of the day with the most."""
    href: str


@router.get(PATH)
def steps(request: Request, server: CurrentServer, project: CurrentProject) -> Response:
    """List the steps of the newest traces in the range."""
    clock = clock_of(request)
    listing = replace(read(project, request.query_params, clock), sort="-time", live=False, filter="", columns="")
    state = StepPage(listing)
    traces, too_large = _traces(server, Query(project, *_range(listing, clock.now_ns), limit=LOOKED_AT))
    uses = [(use, step_link(project, use.name, use.kind, listing)) for use in steps_in(traces)]
    dearest = [
        (dear, step_link(project, dear.name, dear.kind, listing), _traces_with(listing, dear.name, dear.kind))
        for dear in dearest_steps(traces, _DEAREST)
    ]
    return render(
        request, "pages/steps.html", uses=uses, dearest=dearest, looked_at=len(traces), too_large=too_large,
        largest=_LARGEST, **_frame(request, state),
    )  # fmt: skip


@router.get(f"{PATH}/{{name:path}}")
def step(request: Request, server: CurrentServer, project: CurrentProject, name: str, kind: str = "") -> Response:
    """Show how one step fares in the range."""
    clock = clock_of(request)
    kind = kind if kind in KINDS else ""
    listing = replace(read(project, request.query_params, clock), sort="-time", live=False, filter="", columns="")
    state = StepPage(listing, url(f"{PATH}/{_path(name)}", "default"), kind)
    terms: tuple[Filter, ...] = (Term("name", "=", (name,)), *((Term("kind", "=", (kind,)),) if kind else ()))
    query = Query(project, And(terms), *_range(listing, clock.now_ns)[1:])
    (total,) = server.store.tally(query, (), traces=True, percentiles=True)
    if not total.sums.calls:
        raise NotFound(
            f"No span of project {project} is called {name[:60]} in this range.",
            "Choose a longer range, or look among all steps.",
        )
    text = joined(f"name:{quoted(name)}", f"kind:{kind}" if kind else "")
    looked_at, _ = _traces(server, replace(query, filter=OneSpan("any", And(terms)), limit=LOOKED_AT))
    failed = server.store.find_spans(
        replace(query, filter=And((*terms, Term("status", "=", ("error",)))), limit=_FAILED)
    )
    return render(
        request,
        "pages/step.html",
        name=name,
        kinds=[one.key[0] for one in server.store.tally(query, ("kind",))],
        total=total,
        days=_days(listing, text, server.store.tally(query, ("day",), percentiles=True)),
        mix=step_mix(looked_at, name, kind),
        failures=[_failure(record) for record in failed.items],
        traces_href=replace(listing, filter=f"any:({text})").link(),
        failed_href=replace(listing, filter=f"any:({text} status:error)").link(),
        step_link=lambda other: step_link(project, other[1], other[0], listing),
        **_frame(request, state),
    )


def step_link(project: str, name: str, kind: str, listing: Listing | None = None) -> str:
    """Return the URL of a step's page."""
    params = {} if listing is None else {k: v for k, v in listing.params().items() if k in ("range", "from", "to")}
    return url(f"{PATH}/{_path(name)}", project, {**params, "kind": kind})


def _traces_with(listing: Listing, name: str, kind: str) -> str:
    """Return the list of the traces that have the step, the dearest first."""
    return replace(listing, filter=f"any:(name:{quoted(name)} kind:{kind})", sort="-cost").link()


def _path(name: str) -> str:
    return quote(name, safe="")


def _frame(request: Request, state: StepPage) -> dict[str, Any]:
    return {"state": state, **range_frame(state.listing, clock_of(request))}


def _range(listing: Listing, now_ns: int) -> tuple[Filter, int | None, int | None]:
    return And(), *listing.bounds(now_ns)


def _traces(server: Server, query: Query) -> tuple[list[Sequence[Record]], int]:
    """Return the spans of the newest traces that *query* finds, and how many traces are too large to be looked at."""
    summaries = server.store.find_traces(query).items
    small = [summary.trace_id for summary in summaries if summary.span_count <= _LARGEST]
    outlines = [server.store.outline(query.project, trace_id) for trace_id in small]
    return [outline.records for outline in outlines if outline is not None], len(summaries) - len(small)


def _days(listing: Listing, text: str, tallied: Sequence[Tallied]) -> list[Day]:
    most = max((one.sums.calls for one in tallied), default=1)
    found = []
    for one in sorted(tallied, key=lambda one: int(one.key[0] or 0), reverse=True):
        start = int(one.key[0] or 0) * DAY_NS
        href = replace(listing, filter=f"any:({text})", from_ns=start, to_ns=start + DAY_NS).link()
        found.append(Day(start, one, round(one.sums.calls / most * 100, 1), href))
    return found


def _failure(record: Record) -> Failure:
    span, reading = record.span, record.reading
    asked, _ = preview(reading)
    error = ": ".join(filter(None, (reading.error_type, reading.status_message or span.status_message)))
    href = url(f"/traces/{span.trace_id}", record.project, {"span": span.span_id})
    return Failure(record, asked or "", error or "failed", href)
