"""The list of labelling queues, and the forms that make, rename and delete them."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from ..auth.csrf import Csrf
from ..auth.current import Actor, CurrentActor, CurrentProject, CurrentServer, Server
from ..errors import Conflict
from ..labelling.desk import Desk
from ..labelling.picking import MOST_ITEMS
from ..labelling.queue import DEFAULT_ANNOTATION, DEFAULT_QUESTION, MOST_OVERLAP, UNITS, Queue, Target
from ..labelling.recipe import RECIPES, STRATA
from ..query.numbers import whole
from ..query.parse import parse
from ..store.users import Users
from . import code_acts, codes, outcome, rubrics
from .format import plural
from .label import annotator_of, queue_for
from .listing import read, words_of
from .queue_form import DEFAULT_LIMIT, Asked, AskedFilter, AskedSessions, AskedSpan, AskedTraces
from .render import clock_of, is_fragment, render
from .urls import url

router = APIRouter(include_in_schema=False)
#: Pages that queues lead to.
router.include_router(rubrics.router)
router.include_router(outcome.router)
router.include_router(codes.router)
router.include_router(code_acts.router)


@router.get("/label")
def queues_page(request: Request, server: CurrentServer, project: CurrentProject) -> Response:
    """Show the queues of a project and how far each is."""
    desk = Desk(server.store)
    rows = [(queue, done, desk.pace(queue.id, done)) for queue, done in desk.queues.all(project)]
    return render(
        request,
        "pages/queues.html",
        queues=rows,
        wanted=request.query_params.get("filter", ""),
        question=DEFAULT_QUESTION,
        annotation_name=DEFAULT_ANNOTATION,
        most=MOST_ITEMS,
        limit=DEFAULT_LIMIT,
        rubrics=desk.rubrics.all(project),
        wanted_rubric=whole(request.query_params.get("rubric")) or 0,
        recipes=RECIPES,
        strata=STRATA,
        units=UNITS,
        most_overlap=MOST_OVERLAP,
        members=[user.name for user in Users(server.store).members(project)],
    )


@router.post("/label/from-filter", dependencies=[Csrf])
def from_filter(
    request: Request,
    server: CurrentServer,
    actor: CurrentActor,
    project: CurrentProject,
    asked: Annotated[AskedFilter, Form()],
) -> Response:
    """Make a queue of what the filter of the traces page finds, and open it."""
    clock = clock_of(request)
    asked_for = {"filter": asked.filter, "range": asked.range, "from": asked.from_time, "to": asked.to_time}
    listing = read(project, asked_for, clock)
    what = listing.filter or ("all sessions" if asked.unit == "session" else "all traces")
    recipe = asked.sampling(listing.filter)
    words = RECIPES[recipe.name]
    query = listing.query(parse(listing.filter), clock.now_ns)
    if asked.queue_id:
        desk, queue = _there(server, actor, project, asked)
        return _added(request, queue, desk.add_found(queue, query, recipe, what))
    new = asked.queue(
        f"{what}, {recipe.name.replace('_', ' ')}"[:200],
        reason=f"{words[0].upper()}{words[1:]}, of {what}, {words_of(listing, clock).lower()}",
        filter_text=listing.filter,
        by=annotator_of(actor).id,
    )
    new = replace(new, rule=asked.rule_for(listing.filter))
    return _open(request, Desk(server.store).queue_from_recipe(new, query, recipe))


@router.post("/label/from-traces", dependencies=[Csrf])
def from_traces(
    request: Request,
    server: CurrentServer,
    actor: CurrentActor,
    project: CurrentProject,
    asked: Annotated[AskedTraces, Form()],
) -> Response:
    """Make a queue of the traces ticked on the traces page and open it, or add them to one that there is."""
    trace_ids = [t.lower() for t in asked.trace_id]
    if asked.queue_id:
        desk, queue = _there(server, actor, project, asked)
        return _added(request, queue, desk.add_traces(queue, trace_ids))
    new = asked.queue(f"{plural(len(trace_ids), 'chosen trace')}", reason="Chosen by hand", by=annotator_of(actor).id)
    return _open(request, Desk(server.store).queue_from_traces(project, new, trace_ids))


@router.post("/label/from-sessions", dependencies=[Csrf])
def from_sessions(
    request: Request,
    server: CurrentServer,
    actor: CurrentActor,
    project: CurrentProject,
    asked: Annotated[AskedSessions, Form()],
) -> Response:
    """Make a queue of chosen sessions and open it, or add them to one that there is."""
    if asked.queue_id:
        desk, queue = _there(server, actor, project, asked)
        return _added(request, queue, desk.add_sessions(queue, asked.session_id))
    name = plural(len(asked.session_id), "chosen session")
    new = asked.queue(name, reason="Chosen by hand", by=annotator_of(actor).id)
    return _open(request, Desk(server.store).queue_from_sessions(project, new, asked.session_id))


@router.post("/label/from-span", dependencies=[Csrf])
def from_span(
    request: Request,
    server: CurrentServer,
    actor: CurrentActor,
    project: CurrentProject,
    asked: Annotated[AskedSpan, Form()],
) -> Response:
    """Make a queue of one span and open it, or add the span to one that there is."""
    target = Target(asked.trace_id.lower(), asked.span_id.lower())
    if asked.queue_id:
        desk, queue = _there(server, actor, project, asked)
        return _added(request, queue, desk.add_span(queue, target))
    desk = Desk(server.store)
    new = asked.queue(desk.record(project, target).name, reason="Chosen by hand", by=annotator_of(actor).id)
    return _open(request, desk.queue_from_span(project, new, target))


@router.post("/label/{queue_id}/rename", dependencies=[Csrf])
def rename_queue(
    server: CurrentServer,
    actor: CurrentActor,
    queue_id: int,
    name: Annotated[str, Form(min_length=1, max_length=200)],
) -> Response:
    """Give a queue another name; what it asks is its rubric's."""
    desk = Desk(server.store)
    queue = queue_for(desk, actor, queue_id)
    desk.queues.rename(queue.id, name.strip() or queue.name)
    return RedirectResponse(url("/label", queue.project), status_code=303)


@router.post("/label/{queue_id}/extend", dependencies=[Csrf])
def extend_queue(
    request: Request,
    server: CurrentServer,
    actor: CurrentActor,
    queue_id: int,
    limit: Annotated[int, Form(ge=1, le=MOST_ITEMS)],
) -> Response:
    """Draw a larger sample that begins with the queue's own, and append what is new."""
    desk = Desk(server.store)
    queue = queue_for(desk, actor, queue_id)
    desk.extend(queue, limit)
    return _open(request, queue)


@router.post("/label/{queue_id}/rule", dependencies=[Csrf])
def end_rule(server: CurrentServer, actor: CurrentActor, queue_id: int) -> Response:
    """Have a queue take no more new traces by itself."""
    desk = Desk(server.store)
    queue = queue_for(desk, actor, queue_id)
    desk.queues.keep_sampling(queue.id, queue.recipe, None)
    return RedirectResponse(url("/label", queue.project), status_code=303)


@router.post("/label/{queue_id}/delete", dependencies=[Csrf])
def delete_queue(server: CurrentServer, actor: CurrentActor, queue_id: int) -> Response:
    """Delete a queue; the page asked first, and the labels stay."""
    desk = Desk(server.store)
    queue = queue_for(desk, actor, queue_id)
    desk.queues.delete(queue.id)
    return RedirectResponse(url("/label", queue.project), status_code=303)


def _there(server: Server, actor: Actor, project: str, asked: Asked) -> tuple[Desk, Queue]:
    """Return the queue of this project that a form names."""
    desk = Desk(server.store)
    queue = queue_for(desk, actor, asked.queue_id)
    if queue.project != project:
        raise Conflict(f"That queue is of project {queue.project}.", "Choose one of this project.")
    return desk, queue


def _open(request: Request, queue: Queue) -> Response:
    """Show a queue; scripts are told where it is."""
    where = url(f"/label/{queue.id}", queue.project)
    return JSONResponse({"goto": where}) if is_fragment(request) else RedirectResponse(where, status_code=303)


def _added(request: Request, queue: Queue, added: int) -> Response:
    """Tell scripts how many items a queue took, and everybody else by showing it."""
    if not is_fragment(request):
        return _open(request, queue)
    said = f"{plural(added, 'item')} added to {queue.name}" if added else f"{queue.name} has all of it already"
    return JSONResponse({"text": said, "link": {"text": "Open", "href": url(f"/label/{queue.id}", queue.project)}})
