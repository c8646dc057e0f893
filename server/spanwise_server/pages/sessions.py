"""Sessions: the list of conversations, and one conversation turn by turn as its user saw it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, Any, Final

from fastapi import APIRouter, Form, Request
from fastapi import Query as Param
from fastapi.responses import RedirectResponse, Response, StreamingResponse
from markupsafe import Markup

from ..auth.csrf import Csrf
from ..auth.current import CurrentProject, CurrentServer, Server
from ..errors import FilterError, NotFound, SpanwiseError
from ..exports import session_files
from ..exports.session_files import session_export, session_file
from ..exports.trace_download import Run
from ..exports.trace_files import offered
from ..jobs.deletion import delete_sessions
from ..labelling.answer import answer_text, question_text
from ..query.filters import HELD, And, Query, Term
from ..query.parse import parse
from ..query.values import quoted
from ..record import Annotation, Record, TraceSummary
from ..store.base import Count, Page
from ..store.session_order import NEWEST_FIRST, ORDERS
from .call_list import CallList
from .chips import chips
from .downloads import streamed
from .listing import Listing, range_frame, read, turned
from .prose import as_json, json_tree, prose
from .render import clock_of, render
from .sure import ask_whether_sure
from .urls import complete_link, url
from .views import views_menu
from .ways_out import Way, ways_out

router = APIRouter(include_in_schema=False)

PATH: Final = "/sessions"
#: Turns shown at once.
TURNS: Final = 40
#: So many of the newest turns are looked at for the labels of the sessions on a page.
_MOST_TURNS: Final = 1_000
_MOST_CHOSEN: Final = 1_000
#: A text longer than this is cut here; the trace has all of it.
_LONGEST: Final = 8_000


@dataclass(frozen=True, slots=True)
class Sessions:
    """The list of sessions: the state of a list of traces, at another address."""

    listing: Listing

    @property
    def project(self) -> str:
        """The project whose sessions these are."""
        return self.listing.project

    @property
    def of_traces(self) -> Listing:
        """The list of the traces of these sessions."""
        return replace(self.listing, sort=NEWEST_FIRST, cursor=None)

    def link(self, **changes: object) -> str:
        """Return the URL of this list with *changes*."""
        return self.listing.link(PATH, **changes)

    def sorted_by(self, field: str) -> str:
        """Return the link of a column's header."""
        return self.link(sort=turned(self.listing.sort, field))

    def params(self) -> dict[str, object]:
        """Return the parameters that say this list."""
        return self.listing.params()

    def export_link(self, form: str) -> str:
        """Return where the sessions of this list, not one page of them, are downloaded as a file."""
        return url(f"{PATH}/export", self.project, {**self.of_traces.params(), "format": form})

    def complete_link(self) -> str:
        """Return where the words being typed into the filter are completed."""
        return complete_link(self.project, self.params(), "sessions")


@dataclass(frozen=True, slots=True)
class Said:
    """One side of a turn: its text as safe markup, and whether there is more of it in the trace."""

    body: Markup
    cut: bool


@dataclass(frozen=True, slots=True)
class Turn:
    """One trace of a session as its user saw it."""

    number: int
    trace: TraceSummary
    href: str
    asked: Said | None
    answered: Said | None
    failed: bool
    labels: tuple[Annotation, ...]


@dataclass(frozen=True, slots=True)
class LedTo:
    """The traces and calls that the figures of a whole session are made of; each link is made where it is shown."""

    of: Listing

    @property
    def turns(self) -> str:
        """Its traces."""
        return self.of.link()

    @property
    def failed(self) -> str:
        """Its traces that failed."""
        return replace(self.of, filter=f"{self.of.filter} status:error").link()

    @property
    def tokens(self) -> str:
        """Its calls with tokens, the largest first."""
        return CallList(replace(self.of, sort="-tokens"), "tokens").link()

    @property
    def cost(self) -> str:
        """Its calls with a price, the dearest first."""
        return CallList(replace(self.of, sort="-cost"), "priced").link()

    @property
    def unpriced(self) -> str:
        """Its calls without a known price."""
        return CallList(self.of, "unpriced").link()


def led_to(project: str, session_id: str) -> LedTo:
    """Return where the figures of a session lead."""
    return LedTo(Listing(project, filter=f"session:{quoted(session_id)}", range="all"))


@router.get(PATH)
def sessions(request: Request, server: CurrentServer, project: CurrentProject) -> Response:
    """Show the sessions that have a trace which the filter finds in the range."""
    clock = clock_of(request)
    state = Sessions(replace(read(project, request.query_params, clock, ORDERS), live=False, columns=""))
    if "q" in request.query_params:  # what was typed joins the filter, so that the URL has one
        return RedirectResponse(state.link(), status_code=303)
    listing = state.listing
    frame: dict[str, Any] = {
        "sessions": state,
        "chips": chips(listing.filter),
        **range_frame(listing, clock),
        "trace_exports": offered(),
        "session_exports": session_files.offered(),
        "led_to": partial(led_to, project),
    }
    frame |= views_menu(request, project, "sessions", listing.params())
    try:
        tree = parse(listing.filter)
    except FilterError as error:
        return render(
            request, "pages/sessions.html", status=400, **frame, error=error, page=Page(()), labels={}, ways=()
        )
    page = server.store.find_sessions(listing.query(tree, clock.now_ns))
    labels = _labels(server, project, [one.session_id for one in page.items])
    frame["ways"] = () if page.items or page.next_cursor else _ways(server, listing, clock.now_ns)
    return render(request, "pages/sessions.html", **frame, error=None, page=page, labels=labels)


def _ways(server: Server, listing: Listing, now_ns: int) -> tuple[Way, ...]:
    """Return what would give some sessions."""

    def count(other: Listing) -> Count:
        found = server.store.find_sessions(replace(other, sort=NEWEST_FIRST).query(parse(other.filter), now_ns))
        return Count(len(found.items), exact=found.next_cursor is None)

    return ways_out(listing, lambda other: other.link(PATH), count)


@router.get(f"{PATH}/export")
def export_sessions(
    request: Request,
    server: CurrentServer,
    project: CurrentProject,
    format_name: Annotated[str, Param(alias="format")] = "jsonl",
    progress: str | None = None,
) -> StreamingResponse:
    """Stream all sessions that the filter finds in the range as a file, a row each, the newest first."""
    export = session_export(format_name)
    clock = clock_of(request)
    listing = read(project, request.query_params, clock)
    query = listing.query(parse(listing.filter), clock.now_ns)
    run = server.exports.begin(progress, Run(project, 0, of_is_exact=False))
    return streamed(session_file(server.store, query, export, run), export, "sessions")


@router.post(f"{PATH}/delete", dependencies=[Csrf])
def delete_chosen(
    request: Request,
    server: CurrentServer,
    project: CurrentProject,
    session_id: Annotated[tuple[str, ...], Form(max_length=_MOST_CHOSEN)] = (),
    back: str = "",
    *,
    sure: Annotated[bool, Form()] = False,
) -> Response:
    """Delete the traces of chosen sessions once it was said that this is meant; without a script a page asks."""
    if not session_id:
        raise SpanwiseError("No session is chosen.", "Tick rows of the list first.")
    back = back if back.startswith(f"{PATH}?") else url(PATH, project)
    if not sure:
        return ask_whether_sure(request, "session", session_id, back)
    delete_sessions(server.store, project, session_id)
    return RedirectResponse(back, status_code=303)


def _labels(server: Server, project: str, session_ids: Sequence[str]) -> dict[str, tuple[Annotation, ...]]:
    """Return the last word under each name that was given to the newest turns of each session."""
    if not session_ids:
        return {}
    of_them = And((Term("has", "=", HELD), Term("session", "=", tuple(session_ids))))
    query = Query(project, of_them, limit=_MOST_TURNS)
    turns = {trace.trace_id: trace.session_id for trace in server.store.find_traces(query).items}
    judged = server.store.annotations(project, list(turns))
    found: dict[str, dict[str, Annotation]] = {}
    for annotation in sorted((a for of in judged.values() for a in of), key=lambda a: a.updated_ns or a.created_ns):
        session = turns[annotation.trace_id]
        if session is not None:
            found.setdefault(session, {})[annotation.name] = annotation
    return {session: tuple(by_name.values()) for session, by_name in found.items()}


@router.get(f"{PATH}/one")
def session(
    request: Request,
    server: CurrentServer,
    project: CurrentProject,
    id: str,  # noqa: A002 - a parameter of the URL
    cursor: str = "",
    after: Annotated[int, Param(ge=0)] = 0,
) -> Response:
    """Show the turns of one session, the first ones first."""
    summary = server.store.session_of(project, id)
    if summary is None:
        raise NotFound(f"Project {project} has no session {id[:60]}.", "Choose its project at the top left.")
    query = Query(project, Term("session", "=", (id,)), sort="time", limit=TURNS, cursor=cursor or None)
    page = server.store.find_traces(query)
    traces = [trace for trace in page.items if trace.session_id == id]

    def beside(to: str | None, before: int) -> str | None:
        known = {"id": id, "cursor": to, "after": max(before, 0) or None}
        return None if to is None else url(f"{PATH}/one", project, known)

    return render(
        request,
        "pages/session.html",
        session=summary,
        led=led_to(project, id),
        turns=_turns(server, project, traces, after),
        earlier=beside(page.previous_cursor, after - TURNS),
        later=beside(page.next_cursor, after + len(page.items)),
    )


def _turns(server: Server, project: str, traces: list[TraceSummary], after: int) -> list[Turn]:
    ids = [trace.trace_id for trace in traces]
    roots, judged = server.store.roots(project, ids), server.store.annotations(project, ids)
    return [
        _turn(
            n,
            trace,
            roots.get(trace.trace_id),
            judged.get(trace.trace_id, ()),
            url(f"/traces/{trace.trace_id}", project),
        )
        for n, trace in enumerate(traces, after + 1)
    ]


def _turn(
    number: int, trace: TraceSummary, root: Record | None, annotations: tuple[Annotation, ...], href: str
) -> Turn:
    asked = answered = ""
    if root is not None:
        asked, answered = question_text(root.reading), answer_text(root.reading)
    failed = trace.status == "error"
    latest = {annotation.name: annotation for annotation in annotations}
    return Turn(
        number=number,
        trace=trace,
        href=href,
        asked=_said(asked or trace.input_preview),
        answered=_said(trace.output_preview if failed else answered or trace.output_preview),
        failed=failed,
        labels=tuple(latest.values()),
    )


def _said(text: str | None) -> Said | None:
    if not text:
        return None
    shown = text[:_LONGEST]
    value = as_json(text) if len(text) <= _LONGEST else None
    body = prose(shown) if value is None else Markup('<div class="json">{}</div>').format(json_tree(value))
    return Said(body, len(text) > _LONGEST)
