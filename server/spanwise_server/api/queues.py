"""Labelling queues as JSON: make one, see how far it is, label its items."""

from __future__ import annotations

import uuid
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from ..auth.current import Actor, CurrentActor, CurrentProject, CurrentServer
from ..errors import NotFound
from ..exports.contract import rfc3339
from ..labelling.desk import Desk
from ..labelling.judgement import Verdict
from ..labelling.picking import MOST_ITEMS, Pick
from ..labelling.queue import DEFAULT_ANNOTATION, DEFAULT_QUESTION, Item, NewQueue, Progress, Queue, progress
from ..query.filters import Query
from ..query.moments import moment
from ..query.parse import parse
from ..record import Annotator
from ..store.label_events import Act
from .traces import answer

router = APIRouter(prefix="/api/v1/queues", tags=["queues"])
Name = Annotated[str, Field(min_length=1, max_length=200)]


class AskedQueue(BaseModel):
    """A queue of what a filter finds, or of the root spans of chosen traces."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)
    name: Name
    question: str = Field(DEFAULT_QUESTION, min_length=1, max_length=500)
    annotation_name: Name = DEFAULT_ANNOTATION
    filter: str = ""
    from_time: str | None = Field(None, alias="from")
    to_time: str | None = Field(None, alias="to")
    order: Literal["newest", "random"] = "newest"
    seed: str = Field("", max_length=200, description="Of a random order; the filter where empty")
    limit: int = Field(100, ge=1, le=MOST_ITEMS)
    trace_ids: list[str] | None = Field(None, max_length=MOST_ITEMS, description="In place of a filter")
    blind: bool = True


class GivenLabel(BaseModel):
    """One item's label."""

    model_config = ConfigDict(extra="forbid")
    label: Literal["pass", "fail", "defer"]
    explanation: str = ""
    correction: str = ""
    annotator: Name
    key: str | None = Field(None, min_length=8, max_length=64, description="Sent twice with one key it is one label")
    ms_on_item: int | None = Field(None, ge=0)


@router.get("")
def list_queues(server: CurrentServer, project: CurrentProject) -> Response:
    """Return the queues of a project and how far each is, the newest first."""
    return answer({"items": [_queue(*found) for found in Desk(server.store).queues.all(project)]})


@router.post("", status_code=201)
def create_queue(server: CurrentServer, actor: CurrentActor, project: CurrentProject, asked: AskedQueue) -> Response:
    """Make a queue; a filter with ``kind:`` asks about each matching span, any other about each trace's root."""
    desk = Desk(server.store)
    what = asked.filter.strip() or "all traces"
    new = NewQueue(
        name=asked.name,
        question=asked.question,
        annotation_name=asked.annotation_name,
        filter=asked.filter.strip(),
        reason="Chosen by a program" if asked.trace_ids is not None else f"{asked.order.capitalize()} of {what}",
        blind=asked.blind,
        created_by=actor.name or actor.kind,
    )
    if asked.trace_ids is not None:
        queue = desk.queue_from_traces(project, new, [trace_id.lower() for trace_id in asked.trace_ids])
    else:
        bounds = moment(asked.from_time, "from"), moment(asked.to_time, "to")
        query = Query(project, parse(asked.filter), *bounds)
        pick = Pick(query, asked.limit, asked.order, asked.seed or asked.filter.strip())
        queue = desk.queue_from_filter(new, pick)
    return answer(_queue(queue, desk.queues.progress(queue.id)), status=201)


@router.get("/{queue_id}")
def one_queue(server: CurrentServer, actor: CurrentActor, queue_id: int) -> Response:
    """Return one queue with its items in order."""
    desk = Desk(server.store)
    queue = _found(desk, actor, queue_id)
    items = desk.queues.items(queue.id)
    return answer({**_queue(queue, progress(items)), "items": [_item(item) for item in items]})


@router.post("/{queue_id}/items/{item_id}/label", status_code=201)
def label_item(server: CurrentServer, actor: CurrentActor, queue_id: int, item_id: int, given: GivenLabel) -> Response:
    """Label one item, or defer it; the label becomes an annotation of its span."""
    desk = Desk(server.store)
    queue = _found(desk, actor, queue_id)
    item = desk.queues.item(queue.id, item_id)
    if item is None:
        raise NotFound(f"Queue {queue_id} has no item {item_id}.", "GET the queue for its items.")
    annotator = Annotator("human", given.annotator)
    act = Act(queue.project, given.key or uuid.uuid4().hex, annotator, given.ms_on_item)
    if given.label == "defer":
        event = desk.events.defer(act, item)
    else:
        event = desk.judge_item(queue, item, Verdict(given.label, given.explanation, given.correction), act)
    now = desk.queues.item(queue.id, item_id)
    done = desk.queues.progress(queue.id)
    body = {"item": None if now is None else _item(now), "event_id": event.id, "queue": _queue(queue, done)}
    return answer(body, status=201)


@router.delete("/{queue_id}", status_code=204)
def delete_queue(server: CurrentServer, actor: CurrentActor, queue_id: int) -> Response:
    """Delete a queue; the labels given in it stay."""
    desk = Desk(server.store)
    desk.queues.delete(_found(desk, actor, queue_id).id)
    return Response(status_code=204)


def _found(desk: Desk, actor: Actor, queue_id: int) -> Queue:
    queue = desk.queues.find(queue_id)
    if queue is None or actor.project not in {None, queue.project}:
        raise NotFound(f"There is no queue {queue_id}.", "GET /api/v1/queues lists those of a project.")
    return queue


def _queue(queue: Queue, done: Progress) -> dict[str, Any]:
    return {
        "id": queue.id,
        "project": queue.project,
        "name": queue.name,
        "question": queue.question,
        "annotation_name": queue.annotation_name,
        "filter": queue.filter,
        "reason": queue.reason,
        "blind": queue.blind,
        "created_by": queue.created_by,
        "created_at": rfc3339(queue.created_ns),
        "progress": {"total": done.total, "done": done.done, "deferred": done.deferred},
    }


def _item(item: Item) -> dict[str, Any]:
    return {
        "id": item.id,
        "position": item.position,
        "target": {"trace_id": item.target.trace_id, "span_id": item.target.span_id},
        "state": item.state,
        "annotation_id": item.annotation_id,
        "done_at": None if item.done_ns is None else rfc3339(item.done_ns),
    }
