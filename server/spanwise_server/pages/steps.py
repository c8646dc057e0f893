"""Steps: the tools, retrievers, agents, chains and calls of a project by name, and one of them with how it fares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

from ..auth.current import CurrentProject, CurrentServer
from ..dialects.preview import preview
from ..errors import NotFound
from ..query.filters import And, Filter, Query, Term
from ..query.measures import Tallied
from ..record import KINDS, Record
from .listing import DAY_NS, Listing, range_frame, read
from .render import clock_of, render
from .step_mix import dearest_steps, step_mix, steps_in, told_of
from .step_runs import Pick
from .step_spans import StepSpans, all_runs, step_link, step_path, terms_of, text_of
from .step_traces import MOST_SPANS, looked_at
from .urls import url

router = APIRouter(include_in_schema=False)

PATH: Final = "/steps"
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
    failed_href: str
    slow_href: str


@router.get(PATH)
def steps(request: Request, server: CurrentServer, project: CurrentProject) -> Response:
    """List the steps of the newest traces in the range."""
    clock = clock_of(request)
    listing = replace(read(project, request.query_params, clock), sort="-time", live=False, filter="", columns="")
    state = StepPage(listing)
    looked = looked_at(server, Query(project, *_range(listing, clock.now_ns)))
    return render(
        request,
        "pages/steps.html",
        uses=[(use, StepSpans(listing, Pick(use.name, use.kind))) for use in steps_in(looked.traces)],
        dearest=[
            (dear, StepSpans(listing, Pick(dear.name, dear.kind))) for dear in dearest_steps(looked.traces, _DEAREST)
        ],
        step_link=lambda pick: step_link(project, pick.name, pick.kind, listing),
        looked_at=len(looked.traces),
        too_large=looked.left_out,
        most_spans=MOST_SPANS,
        **_frame(request, state),
    )


@router.get(f"{PATH}/{{name:path}}")
def step(request: Request, server: CurrentServer, project: CurrentProject, name: str, kind: str = "") -> Response:
    """Show how one step fares in the range."""
    clock = clock_of(request)
    kind = kind if kind in KINDS else ""
    listing = replace(read(project, request.query_params, clock), sort="-time", live=False, filter="", columns="")
    state = StepPage(listing, step_path(name), kind)
    terms = terms_of(name, kind)
    query = Query(project, And(terms), *_range(listing, clock.now_ns)[1:])
    total, of_days = server.store.tally_of_days(query)
    if not total.sums.calls:
        raise NotFound(
            f"No span of project {project} is called {name[:60]} in this range.",
            "Choose a longer range, or look among all steps.",
        )
    spans = StepSpans(listing, Pick(name, kind), having=True)
    looked = looked_at(server, spans.query(clock.now_ns), partial(told_of, name=name, kind=kind))
    failed = server.store.find_spans(
        replace(query, filter=And((*terms, Term("status", "=", ("error",)))), limit=_FAILED)
    )
    return render(
        request,
        "pages/step.html",
        name=name,
        kinds=[one.key[0] for one in server.store.tally(query, ("kind",))],
        total=total,
        days=_days(listing, name, kind, of_days),
        mix=step_mix(looked.traces, name, kind),
        left_out=looked.left_out,
        most_spans=MOST_SPANS,
        failures=[_failure(record) for record in failed.items],
        spans=spans,
        traces_href=replace(listing, filter=f"any:({text_of(name, kind)})").link(),
        led=lambda more="", sort="-time": all_runs(listing, name, kind, more, sort),
        step_link=lambda other: step_link(project, other[1], other[0], listing),
        **_frame(request, state),
    )


def _frame(request: Request, state: StepPage) -> dict[str, Any]:
    return {"state": state, **range_frame(state.listing, clock_of(request))}


def _range(listing: Listing, now_ns: int) -> tuple[Filter, int | None, int | None]:
    return And(), *listing.bounds(now_ns)


def _days(listing: Listing, name: str, kind: str, tallied: Sequence[Tallied]) -> list[Day]:
    most = max((one.sums.calls for one in tallied), default=1)
    found = []
    for one in sorted(tallied, key=lambda one: int(one.key[0] or 0), reverse=True):
        start = int(one.key[0] or 0) * DAY_NS
        of_day = replace(listing, from_ns=start, to_ns=start + DAY_NS)
        found.append(
            Day(
                start,
                one,
                round(one.sums.calls / most * 100, 1),
                all_runs(of_day, name, kind),
                all_runs(of_day, name, kind, "status:error"),
                all_runs(of_day, name, kind, sort="-latency"),
            )
        )
    return found


def _failure(record: Record) -> Failure:
    span, reading = record.span, record.reading
    asked, _ = preview(reading)
    error = ": ".join(filter(None, (reading.error_type, reading.status_message or span.status_message)))
    href = url(f"/traces/{span.trace_id}", record.project, {"span": span.span_id})
    return Failure(record, asked or "", error or "failed", href)
