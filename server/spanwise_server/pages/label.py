"""The labelling page: one item at a time, the next two already in the page, everything saved as it is decided."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel, Field

from ..auth.csrf import Csrf
from ..auth.current import Actor, CurrentActor, CurrentServer, Server
from ..errors import Forbidden, NotFound
from ..labelling.answer import plain
from ..labelling.blind import unbiased
from ..labelling.desk import Desk
from ..labelling.judgement import Verdict, annotation_id, read_label
from ..labelling.queue import Item, Queue, neighbour, progress, upcoming
from ..record import Annotation, Annotator
from ..store.label_events import Act
from .label_item import Seen, seen
from .render import is_fragment, render
from .urls import url

router = APIRouter(include_in_schema=False)

#: Items kept ready in the page, so that the next one needs no request.
AHEAD: Final = 2


@dataclass(frozen=True, slots=True)
class Sheet:
    """One item with its form: what one swap shows."""

    item: Item
    seen: Seen
    verdict: str
    critique: str
    expected: str
    key: str
    """Of the form, for browsers without scripts: sent twice, it is one act."""
    before: Item | None
    after: Item | None


class LabelForm(BaseModel):
    """What one item's form sends."""

    key: str = Field(min_length=8, max_length=64)
    verdict: Literal["", "pass", "fail", "defer"] = ""
    critique: str = ""
    expected: str = ""
    ms_on_item: int | None = Field(None, ge=0)


@router.get("/label/{queue_id}")
def label_page(
    request: Request, server: CurrentServer, actor: CurrentActor, queue_id: int, item: int | None = None
) -> Response:
    """Show one item: the one asked for, else the first that wants a verdict; without one, how the queue came out."""
    desk = Desk(server.store)
    queue = queue_for(desk, actor, queue_id)
    if request.query_params.get("project", "default") != queue.project:
        return RedirectResponse(_path(queue, item), status_code=303)
    items = desk.queues.items(queue.id)
    current = _current(items, item)
    ahead = upcoming(items, after=current.position, limit=AHEAD) if current is not None else []
    wanted = ahead if current is None else [current, *ahead]
    sheets = _sheets(server, queue, items, wanted, annotator_of(actor))
    gone = {i.id for i in wanted} - {sheet.item.id for sheet in sheets}
    if gone:
        desk.queues.drop_items(queue.id, gone)
        return RedirectResponse(_path(queue, None if item in gone else item), status_code=303)
    return render(
        request,
        "pages/label.html",
        queue=unbiased(queue),
        **_pace(desk, queue, items),
        sheet=sheets[0] if current is not None else None,
        ahead=sheets[1:] if current is not None else [],
        tally=_tally(server, queue, items) if current is None else None,
        deferred=next((i for i in items if i.state == "deferred"), None),
        key=new_key(),
    )


@router.post("/label/{queue_id}/items/{item_id}", dependencies=[Csrf])
def save_label(
    request: Request,
    server: CurrentServer,
    actor: CurrentActor,
    queue_id: int,
    item_id: int,
    given: Annotated[LabelForm, Form()],
) -> Response:
    """Keep what was decided, once however often it is sent; answer with the pace, or go to the next item."""
    desk = Desk(server.store)
    queue = queue_for(desk, actor, queue_id)
    items = desk.queues.items(queue.id)
    item = next((i for i in items if i.id == item_id), None)
    if item is None:
        raise NotFound("This queue has no such item.", "It may have been deleted; open the queue again.")
    act = Act(queue.project, given.key, annotator_of(actor), given.ms_on_item)
    if given.verdict == "defer":
        desk.events.defer(act, item)
    else:
        desk.judge_item(queue, item, Verdict(read_label(given.verdict), given.critique, given.expected), act)
    items = desk.queues.items(queue.id)
    if is_fragment(request):
        return _pace_fragment(request, desk, queue, items)
    following = upcoming(items, after=item.position)
    return RedirectResponse(_path(queue, following[0].id if following else None), status_code=303)


@router.post("/label/{queue_id}/undo", dependencies=[Csrf])
def undo_label(
    request: Request,
    server: CurrentServer,
    actor: CurrentActor,
    queue_id: int,
    key: Annotated[str, Form(min_length=8, max_length=64)],
) -> Response:
    """Take back this person's latest act in the queue, and show the item it was about."""
    desk = Desk(server.store)
    queue = queue_for(desk, actor, queue_id)
    event = desk.events.undo_in_queue(Act(queue.project, key, annotator_of(actor)), queue.id)
    item_id = None if event is None else event.item_id
    if is_fragment(request):
        response = _pace_fragment(request, desk, queue, desk.queues.items(queue.id))
        response.headers["X-Spanwise-Item"] = "" if item_id is None else str(item_id)
        return response
    return RedirectResponse(_path(queue, item_id), status_code=303)


def queue_for(desk: Desk, actor: Actor, queue_id: int) -> Queue:
    """Return a queue that this actor may touch."""
    queue = desk.queues.find(queue_id)
    if queue is None:
        raise NotFound(f"There is no queue {queue_id}.", "It may have been deleted; /label lists those there are.")
    if actor.project is not None and actor.project != queue.project:
        raise Forbidden("This queue is of another project.", "Use a key of that project.")
    return queue


def annotator_of(actor: Actor) -> Annotator:
    """Return who judges: the person's name, else how they came in."""
    return Annotator("human", actor.name or actor.kind)


def new_key() -> str:
    """Return a key that makes a form sent twice one act."""
    return secrets.token_hex(16)


def _current(items: Sequence[Item], asked: int | None) -> Item | None:
    if asked is not None:
        found = next((item for item in items if item.id == asked), None)
        if found is None:
            raise NotFound("This queue has no such item.", "Open the queue without it to go on.")
        return found
    return next((item for item in items if item.state == "todo"), None)


def _path(queue: Queue, item_id: int | None) -> str:
    return url(f"/label/{queue.id}", queue.project, {"item": item_id})


def _pace(desk: Desk, queue: Queue, items: Sequence[Item]) -> dict[str, Any]:
    done = progress(items)
    return {"progress": done, "pace": desk.pace(queue.id, done)}


def _pace_fragment(request: Request, desk: Desk, queue: Queue, items: Sequence[Item]) -> Response:
    empty: dict[str, Any] = {"sheet": None, "ahead": [], "tally": None, "deferred": None, "key": ""}
    return render(request, "pages/label.html", queue=queue, **_pace(desk, queue, items), **empty)


def _sheets(
    server: Server, queue: Queue, items: Sequence[Item], wanted: Sequence[Item], annotator: Annotator
) -> list[Sheet]:
    """Return what to show of the items whose trace is still there."""
    judged = server.store.annotations(queue.project, list({item.target.trace_id for item in wanted}))
    found = (_sheet(server, queue, items, item, judged.get(item.target.trace_id, ()), annotator) for item in wanted)
    return [sheet for sheet in found if sheet is not None]


def _sheet(
    server: Server,
    queue: Queue,
    items: Sequence[Item],
    item: Item,
    judged: Sequence[Annotation],
    annotator: Annotator,
) -> Sheet | None:
    trace = server.store.trace(queue.project, item.target.trace_id)
    records = () if trace is None else trace.records
    record = next((r for r in records if r.span.span_id == item.target.span_id), None)
    if record is None:
        return None
    own = annotation_id(queue.project, item.target, queue.annotation_name, annotator)
    stands = next((a for a in judged if a.id == own), None) if item.state == "done" else None
    shown = seen(record, records)
    corrected = plain(stands.correction) if stands is not None and stands.correction is not None else None
    return Sheet(
        item=item,
        seen=shown,
        verdict="defer" if item.state == "deferred" else (stands.label or "") if stands is not None else "",
        critique=(stands.explanation or "") if stands is not None else "",
        expected=shown.answer_text if corrected is None else corrected,
        key=new_key(),
        before=neighbour(items, item.position, -1),
        after=neighbour(items, item.position, 1),
    )


def _tally(server: Server, queue: Queue, items: Sequence[Item]) -> dict[str, int]:
    """Return how the verdicts came out; shown only once nothing is left to be swayed by it."""
    done = {item.annotation_id for item in items if item.state == "done"}
    judged = server.store.annotations(queue.project, list({item.target.trace_id for item in items}))
    stands = [a for found in judged.values() for a in found if a.id in done]
    return {
        "pass": sum(a.label == "pass" for a in stands),
        "fail": sum(a.label == "fail" for a in stands),
        "corrected": sum(a.correction is not None for a in stands),
    }
