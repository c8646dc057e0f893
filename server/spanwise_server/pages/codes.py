"""Codes: all critiques in one list, the failure modes they are grouped into, and where traces first go wrong."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

from ..auth.current import Actor, CurrentActor, CurrentProject, CurrentServer, Server
from ..errors import NotFound
from ..exports.coded import FORMS
from ..labelling.codes import MOST_CRITIQUES, Critique
from ..labelling.codes_desk import Analysis, CodeDesk
from ..labelling.codes_queue import WHICH
from ..labelling.codes_rates import CodeRates
from ..labelling.desk import Desk
from .codes_view import (
    CURVE,
    GROUPS,
    PAGE,
    PATH,
    QUICK,
    VIEWS,
    CodesState,
    code_lines,
    curve,
    shade,
    shown,
    state_of,
    told,
    worst,
)  # fmt: skip
from .label import annotator_of
from .label_sheet import new_key
from .listing import range_frame
from .render import clock_of, render
from .urls import stamp, url

router = APIRouter(include_in_schema=False)

ACTS_A_PAGE: Final = 100


@router.get(PATH)
def codes_page(request: Request, server: CurrentServer, actor: CurrentActor, project: CurrentProject) -> Response:
    """Show the critiques of a project and the codes that they carry."""
    return codes_shown(request, server, actor, state_of(project, request.query_params, clock_of(request)))


def codes_shown(request: Request, server: Server, actor: Actor, state: CodesState) -> Response:
    """Return the page, or the fragment that htmx asks for, as *state* says it."""
    clock, me = clock_of(request), annotator_of(actor).id
    desk, code_desk = Desk(server.store), CodeDesk(server.store)
    analysis, hidden = seen_by(code_desk, state, me, clock.now_ns)
    code = next((one.code for one in analysis.counted if one.code.id == state.code_id), None)
    if state.code_id is not None and code is None:
        code_desk.codes.find(state.listing.project, state.code_id)  # says what became of it
        raise NotFound(f"There is no code {state.code_id}.", "Choose another.")
    found = shown(analysis, state)
    latest = code_desk.codes.latest(state.listing.project, me)
    return render(
        request,
        "pages/codes.html",
        page=state,
        state=state,
        analysis=analysis,
        hidden=len(hidden),
        code=code,
        views=VIEWS,
        view_counts={"open": analysis.open, "all": len(analysis.critiques), "aside": analysis.aside},
        lines=code_lines(analysis),
        quick=QUICK,
        names=analysis.names,
        rows=found[state.offset : state.offset + PAGE],
        total=len(found),
        next_offset=state.offset + PAGE if state.offset + PAGE < len(found) else None,
        previous_offset=max(0, state.offset - PAGE) if state.offset else None,
        most=MOST_CRITIQUES,
        groups=analysis.groups() if state.view == GROUPS else None,
        curve=curve(analysis.saturation.curve),
        curve_size=CURVE,
        latest=None if latest is None else told(latest),
        queues=desk.queues.all(state.listing.project),
        rubrics=[rubric for rubric in desk.rubrics.all(state.listing.project) if not rubric.pairwise],
        which=WHICH,
        exports={form: _export(state, form, clock.now_ns) for form in FORMS},
        act_path=url(f"{PATH}/act", state.listing.project, state.params()),
        key=new_key(),
        **range_frame(state.listing, clock_of(request)),
    )


@router.get(f"{PATH}/steps")
def steps_page(request: Request, server: CurrentServer, actor: CurrentActor, project: CurrentProject) -> Response:
    """Show where labelled traces first go wrong; to whoever still labels blind only when they ask twice."""
    clock = clock_of(request)
    state = state_of(project, request.query_params, clock)
    state = replace(state, listing=replace(state.listing, range="all", from_ns=None, to_ns=None), view="open", offset=0)
    desk, code_desk = Desk(server.store), CodeDesk(server.store)
    _, hidden = seen_by(code_desk, state, annotator_of(actor).id, clock.now_ns)
    steps = None if hidden else code_desk.steps(state.scope(clock.now_ns))
    bad: dict[str, list[str]] = {}
    for walk in steps.walks if steps is not None else ():
        if walk.bad:
            bad.setdefault(walk.steps[-1], []).append(walk.trace_id)
    return render(
        request,
        "pages/code_steps.html",
        page=state,
        hidden=len(hidden),
        steps=steps,
        worst=[] if steps is None else worst(steps.matrix),
        bad=bad,
        shade=shade,
        queues=desk.queues.all(project),
    )


@router.get(f"{PATH}/history")
def history_page(
    request: Request,
    server: CurrentServer,
    project: CurrentProject,
    before: int | None = None,
    who: str = "",
    critique: str = "",
) -> Response:
    """Show every act on codes, the latest first: nothing is ever changed or taken out of it."""
    codes = CodeDesk(server.store).codes
    found = codes.events(project, before_id=before, annotator=who, annotation_id=critique, limit=ACTS_A_PAGE)
    undone = codes.undone(project)
    return render(
        request,
        "pages/code_history.html",
        rows=[(event, told(event), event.action != "undo" and event.id not in undone) for event in found],
        who=who,
        critique=critique,
        older=found[-1].id if len(found) == ACTS_A_PAGE else None,
        key=new_key(),
    )


def seen_by(desk: CodeDesk, state: CodesState, annotator: str, now_ns: int) -> tuple[Analysis, list[Critique]]:
    """Return what the page comes to for a person, and what is hidden from them while they still label blind."""
    scope = state.scope(now_ns)
    every = desk.critiques(scope)
    hidden = [] if state.show else desk.unseen(every, annotator)
    away = {one.id for one in hidden}
    analysis = desk.analysis(scope, [one for one in every if one.id not in away])
    if hidden:
        refused = "No rate while some critiques are hidden: you still label blind."
        analysis = replace(analysis, rates=CodeRates({}, None, 0, 0, refused))
    return analysis, hidden


def _export(state: CodesState, form: str, now_ns: int) -> str:
    start, end = state.listing.bounds(now_ns)
    said = {
        "format": form,
        "queue_id": state.queue,
        "rubric_id": state.rubric,
        "from": None if start is None else stamp(start),
        "to": None if end is None else stamp(end),
    }
    return url("/api/v1/codes/export", state.listing.project, said)
