"""The list of labelling queues, and the forms that make, rename and delete them."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from ..auth.csrf import Csrf
from ..auth.current import CurrentActor, CurrentProject, CurrentServer
from ..labelling.desk import Desk
from ..labelling.picking import MOST_ITEMS, Pick
from ..labelling.queue import DEFAULT_ANNOTATION, DEFAULT_QUESTION, NewQueue, Queue, Target
from ..query.parse import parse
from .label import annotator_of, queue_for
from .listing import read, words_of
from .render import clock_of, render
from .urls import url

router = APIRouter(include_in_schema=False)

DEFAULT_LIMIT: Final = 100


class Asked(BaseModel):
    """How to label what was chosen; every field has a default, so that one click makes a queue."""

    model_config = ConfigDict(extra="ignore", populate_by_name=True)
    name: str = Field("", max_length=200)
    question: str = Field("", max_length=500)
    annotation_name: str = Field("", max_length=200)
    blind: bool = True

    def queue(self, name: str, *, reason: str, filter_text: str = "", by: str = "") -> NewQueue:
        """Return the queue asked for; *name* is what it is called unless the form says otherwise."""
        return NewQueue(
            name=self.name.strip() or name,
            question=self.question.strip() or DEFAULT_QUESTION,
            annotation_name=self.annotation_name.strip() or DEFAULT_ANNOTATION,
            filter=filter_text,
            reason=reason,
            blind=self.blind,
            created_by=by,
        )


class AskedFilter(Asked):
    """A queue of what a filter finds."""

    filter: str = ""
    range: str = ""
    from_time: str = Field("", alias="from")
    to_time: str = Field("", alias="to")
    order: Literal["newest", "random"] = "newest"
    limit: int = Field(DEFAULT_LIMIT, ge=1, le=MOST_ITEMS)


class AskedTraces(Asked):
    """A queue of chosen traces."""

    trace_id: list[str] = Field(min_length=1, max_length=MOST_ITEMS)


class AskedSpan(Asked):
    """A queue of one span."""

    trace_id: str
    span_id: str


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
    what = listing.filter or "all traces"
    how = "Chosen at random from" if asked.order == "random" else "The newest of"
    new = asked.queue(
        f"{what}, {asked.order}"[:200],
        reason=f"{how} {what}, {words_of(listing, clock).lower()}",
        filter_text=listing.filter,
        by=annotator_of(actor).id,
    )
    # The seed is the filter: asked again it picks the same spans, and more of them hold the fewer.
    query = listing.query(parse(listing.filter), clock.now_ns)
    pick = Pick(query, asked.limit, asked.order, seed=listing.filter)
    return _open(Desk(server.store).queue_from_filter(new, pick))


@router.post("/label/from-traces", dependencies=[Csrf])
def from_traces(
    server: CurrentServer, actor: CurrentActor, project: CurrentProject, asked: Annotated[AskedTraces, Form()]
) -> Response:
    """Make a queue of the traces ticked on the traces page, and open it."""
    name = f"{len(asked.trace_id)} chosen {'trace' if len(asked.trace_id) == 1 else 'traces'}"
    new = asked.queue(name, reason="Chosen by hand", by=annotator_of(actor).id)
    return _open(Desk(server.store).queue_from_traces(project, new, [t.lower() for t in asked.trace_id]))


@router.post("/label/from-span", dependencies=[Csrf])
def from_span(
    server: CurrentServer, actor: CurrentActor, project: CurrentProject, asked: Annotated[AskedSpan, Form()]
) -> Response:
    """Make a queue of one span, and open it."""
    desk, target = Desk(server.store), Target(asked.trace_id.lower(), asked.span_id.lower())
    name = desk.record(project, target).name
    new = asked.queue(name, reason="Chosen by hand", by=annotator_of(actor).id)
    return _open(desk.queue_from_span(project, new, target))


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


@router.post("/label/{queue_id}/delete", dependencies=[Csrf])
def delete_queue(server: CurrentServer, actor: CurrentActor, queue_id: int) -> Response:
    """Delete a queue; the page asked first, and the labels stay."""
    desk = Desk(server.store)
    queue = queue_for(desk, actor, queue_id)
    desk.queues.delete(queue.id)
    return RedirectResponse(url("/label", queue.project), status_code=303)


def _open(queue: Queue) -> Response:
    return RedirectResponse(url(f"/label/{queue.id}", queue.project), status_code=303)
