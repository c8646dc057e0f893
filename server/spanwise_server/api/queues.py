"""Labelling queues as JSON: make one, take items in hand, label them, see how it came out."""

from __future__ import annotations

import time
import uuid
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from ..auth.current import Actor, CurrentActor, CurrentProject, CurrentServer, speaks_as
from ..errors import NotFound
from ..labelling.answers import Answers, read_answers, refuse_incomplete
from ..labelling.desk import Desk
from ..labelling.judgement import Verdict
from ..labelling.picking import MOST_ITEMS
from ..labelling.queue import DEFAULT_ANNOTATION, DEFAULT_QUESTION, MOST_OVERLAP, Item, NewQueue, People, Queue, Unit
from ..labelling.recipe import RECIPES, read_recipe
from ..labelling.rule import Rule
from ..query.filters import Query
from ..query.moments import moment
from ..query.parse import parse
from ..record import Annotator
from ..store.label_events import Act, LabelEvent
from . import rubrics
from .queue_json import event_json, item_json, outcome_json, queue_json
from .traces import answer

queues = APIRouter(prefix="/api/v1/queues", tags=["queues"])
Name = Annotated[str, Field(min_length=1, max_length=200)]
Key = Annotated[str | None, Field(min_length=8, max_length=64, description="Sent twice with one key it is one act")]


class AskedPeople(BaseModel):
    """Who labels, and how many label each item."""

    model_config = ConfigDict(extra="forbid")
    overlap: int = Field(1, ge=1, le=MOST_OVERLAP)
    share: float = Field(1.0, ge=0, le=1, description="The part of the items that the overlap holds for")
    names: list[Name] = Field([], description="The only people who may take items")
    deal: bool = Field(default=False, description="Each item belongs to chosen ones of them from the start")


class AskedRule(BaseModel):
    """Which new traces are added: a share of those that match the queue's filter."""

    model_config = ConfigDict(extra="forbid")
    share: float = Field(1.0, gt=0, le=1)


class AskedQueue(BaseModel):
    """A queue of a sample of what a filter finds, or of chosen traces."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)
    name: Name
    question: str = Field(DEFAULT_QUESTION, min_length=1, max_length=2_000)
    annotation_name: Name = DEFAULT_ANNOTATION
    rubric_id: int = Field(0, description="What is asked; in place of question and annotation_name")
    unit: Unit = "span"
    filter: str = ""
    from_time: str | None = Field(None, alias="from")
    to_time: str | None = Field(None, alias="to")
    order: Literal["newest", "random"] = "newest"
    recipe: str = Field("", description=f"In place of order: {', '.join(RECIPES)}")
    by: str = Field("model", description="What a stratified sample is split by")
    seed: str = Field("", max_length=200, description="Of the sample; the filter where empty")
    limit: int = Field(100, ge=0, le=MOST_ITEMS)
    trace_ids: list[str] | None = Field(None, max_length=MOST_ITEMS, description="In place of a filter")
    blind: bool = True
    assisted: bool = Field(default=False, description="Whether what judges said is shown as a suggestion")
    people: AskedPeople | None = None
    rule: AskedRule | None = None

    def new(self, by: str) -> NewQueue:
        """Return the queue asked for."""
        recipe, asked = self.recipe or self.order, self.people
        what = self.filter.strip() or "all traces"
        chance = Rule(
            self.filter.strip(), self.rule.share if self.rule else 1.0, self.seed or self.filter, time.time_ns()
        )
        return NewQueue(
            name=self.name,
            question=self.question,
            annotation_name=self.annotation_name,
            filter=self.filter.strip(),
            reason="Chosen by a program" if self.trace_ids is not None else f"{recipe.capitalize()} of {what}",
            blind=self.blind,
            created_by=by,
            rubric_id=self.rubric_id,
            unit=self.unit,
            people=People() if asked is None else People(asked.overlap, asked.share, tuple(asked.names), asked.deal),
            assisted=self.assisted,
            rule=None if self.rule is None else chance.as_json(),
        )


class GivenAnswer(BaseModel):
    """The answer to one question."""

    model_config = ConfigDict(extra="forbid")
    value: Any = None
    critique: str = ""


class GivenLabel(BaseModel):
    """One item's label: answers by the name of the question, or the label of the leading one."""

    model_config = ConfigDict(extra="forbid")
    label: Literal["pass", "fail", "defer"] | None = None
    explanation: str = ""
    correction: str = ""
    answers: dict[str, GivenAnswer] | None = None
    rubric_version: int | None = Field(None, description="The wording that was answered; the newest where empty")
    annotator: Name
    key: Key = None
    ms_on_item: int | None = Field(None, ge=0)


class AskedLease(BaseModel):
    """Who wants items, and how many."""

    model_config = ConfigDict(extra="forbid")
    annotator: Name
    limit: int = Field(1, ge=1, le=50)
    after: int = Field(0, ge=0, description="Go on behind this position")


class Held(BaseModel):
    """Items in somebody's hands."""

    model_config = ConfigDict(extra="forbid")
    annotator: Name
    item_ids: list[int] = Field(max_length=50)


class AskedMore(BaseModel):
    """How large the sample is to be."""

    model_config = ConfigDict(extra="forbid")
    limit: int = Field(ge=1, le=MOST_ITEMS)


class AddedTraces(BaseModel):
    """Traces to append."""

    model_config = ConfigDict(extra="forbid")
    trace_ids: list[str] = Field(min_length=1, max_length=MOST_ITEMS)


class Undone(BaseModel):
    """Whose latest act is taken back."""

    model_config = ConfigDict(extra="forbid")
    annotator: Name
    key: Key = None


@queues.get("")
def list_queues(server: CurrentServer, project: CurrentProject) -> Response:
    """Return the queues of a project and how far each is, the newest first."""
    return answer({"items": [queue_json(*found) for found in Desk(server.store).queues.all(project)]})


@queues.post("", status_code=201)
def create_queue(server: CurrentServer, actor: CurrentActor, project: CurrentProject, asked: AskedQueue) -> Response:
    """Make a queue; a filter with ``kind:`` asks about each matching span, any other about each trace's root."""
    desk = Desk(server.store)
    new = asked.new(actor.name or actor.kind)
    if asked.trace_ids is not None:
        queue = desk.queue_from_traces(project, new, [trace_id.lower() for trace_id in asked.trace_ids])
    else:
        bounds = moment(asked.from_time, "from"), moment(asked.to_time, "to")
        said = {"name": asked.recipe or asked.order, "by": asked.by, "seed": asked.seed or new.filter}
        recipe = read_recipe({**said, "limit": asked.limit})
        queue = desk.queue_from_recipe(new, Query(project, parse(asked.filter), *bounds), recipe)
    return answer(queue_json(queue, desk.queues.progress(queue.id)), status=201)


@queues.get("/{queue_id}")
def one_queue(server: CurrentServer, actor: CurrentActor, queue_id: int) -> Response:
    """Return one queue with its items in order."""
    desk = Desk(server.store)
    queue = _found(desk, actor, queue_id)
    items = [item_json(item) for item in desk.queues.items(queue.id)]
    return answer({**queue_json(queue, desk.queues.progress(queue.id)), "items": items})


@queues.post("/{queue_id}/lease")
def lease_items(server: CurrentServer, actor: CurrentActor, queue_id: int, asked: AskedLease) -> Response:
    """Take the next items in hand: nobody else gets them until they are labelled, given back, or the hold ends."""
    with Desk.for_one(server.store) as desk:
        queue = _found(desk, actor, queue_id)
        names, annotator = queue.people.names, speaks_as(actor, asked.annotator)
        if names and annotator not in names:
            return answer({"items": []})
        hold_ns = desk.hold_ns(queue.id, annotator)
        items = desk.slots.lease(queue.id, annotator, after=asked.after, limit=asked.limit, hold_ns=hold_ns)
    return answer({"items": [item_json(item) for item in items], "hold_s": hold_ns / 1e9})


@queues.post("/{queue_id}/heartbeat")
def keep_items(server: CurrentServer, actor: CurrentActor, queue_id: int, held: Held) -> Response:
    """Let items be in hand for longer; the answer says how many still were."""
    desk = Desk(server.store)
    queue = _found(desk, actor, queue_id)
    annotator = speaks_as(actor, held.annotator)
    kept = desk.slots.renew(queue.id, annotator, held.item_ids, desk.hold_ns(queue.id, annotator))
    return answer({"held": kept})


@queues.post("/{queue_id}/release", status_code=204)
def give_back(server: CurrentServer, actor: CurrentActor, queue_id: int, held: Held) -> Response:
    """Give items back that will not be labelled now."""
    desk = Desk(server.store)
    desk.slots.release(_found(desk, actor, queue_id).id, speaks_as(actor, held.annotator), held.item_ids)
    return Response(status_code=204)


@queues.post("/{queue_id}/items/{item_id}/label", status_code=201)
def label_item(server: CurrentServer, actor: CurrentActor, queue_id: int, item_id: int, given: GivenLabel) -> Response:
    """Label one item, or defer it; the label becomes annotations of what the item asks about."""
    with Desk.for_one(server.store) as desk:
        queue = _found(desk, actor, queue_id)
        item = desk.queues.item(queue.id, item_id)
        if item is None:
            raise NotFound(f"Queue {queue_id} has no item {item_id}.", "GET the queue for its items.")
        annotator = Annotator("human", speaks_as(actor, given.annotator))
        act = Act(queue.project, given.key or uuid.uuid4().hex, annotator, given.ms_on_item)
        event = desk.events.defer(act, item) if given.label == "defer" else _label(desk, queue, item, given, act)
        now, progress = desk.queues.item(queue.id, item_id), desk.queues.progress(queue.id)
    body = {
        "item": None if now is None else item_json(now),
        "event_id": event.id,
        "late": bool(event.late),
        "queue": queue_json(queue, progress),
    }
    return answer(body, status=201)


@queues.post("/{queue_id}/undo")
def undo(server: CurrentServer, actor: CurrentActor, queue_id: int, asked: Undone) -> Response:
    """Take back this person's latest act in the queue."""
    desk = Desk(server.store)
    queue = _found(desk, actor, queue_id)
    act = Act(queue.project, asked.key or uuid.uuid4().hex, Annotator("human", speaks_as(actor, asked.annotator)))
    event = desk.events.undo_in_queue(act, queue.id)
    return answer({"undone": None if event is None else event_json(event)})


@queues.post("/{queue_id}/extend", status_code=201)
def extend_queue(server: CurrentServer, actor: CurrentActor, queue_id: int, asked: AskedMore) -> Response:
    """Draw a larger sample that begins with the queue's own; every item says its new probability."""
    desk = Desk(server.store)
    queue = _found(desk, actor, queue_id)
    added = desk.extend(queue, asked.limit)
    return answer({"added": added, "queue": queue_json(queue, desk.queues.progress(queue.id))}, status=201)


@queues.post("/{queue_id}/traces", status_code=201)
def add_traces(server: CurrentServer, actor: CurrentActor, queue_id: int, asked: AddedTraces) -> Response:
    """Append chosen traces that the queue does not hold yet."""
    desk = Desk(server.store)
    queue = _found(desk, actor, queue_id)
    added = desk.add_traces(queue, [trace_id.lower() for trace_id in asked.trace_ids])
    return answer({"added": added, "queue": queue_json(queue, desk.queues.progress(queue.id))}, status=201)


@queues.get("/{queue_id}/agreement")
def how_it_came_out(server: CurrentServer, actor: CurrentActor, queue_id: int) -> Response:
    """Return weighted rates, agreement by question and by pair, and what is disagreed on."""
    desk = Desk(server.store)
    queue = _found(desk, actor, queue_id)
    events = desk.history.labels(queue.id)
    return answer(outcome_json(desk.rubric_of(queue), desk.queues.items(queue.id), events))


@queues.get("/{queue_id}/events")
def list_events(
    server: CurrentServer,
    actor: CurrentActor,
    queue_id: int,
    before: int | None = None,
    annotator: str = "",
    limit: Annotated[int, Field(ge=1, le=1_000)] = 100,
) -> Response:
    """Return every act of labelling in a queue, the latest first."""
    desk = Desk(server.store)
    queue = _found(desk, actor, queue_id)
    events = desk.history.of_queue(queue.id, before_id=before, annotator=annotator, limit=limit)
    return answer({"items": [event_json(event) for event in events]})


@queues.delete("/{queue_id}", status_code=204)
def delete_queue(server: CurrentServer, actor: CurrentActor, queue_id: int) -> Response:
    """Delete a queue; the labels given in it stay."""
    desk = Desk(server.store)
    desk.queues.delete(_found(desk, actor, queue_id).id)
    return Response(status_code=204)


def _label(desk: Desk, queue: Queue, item: Item, given: GivenLabel, act: Act) -> LabelEvent:
    rubric = desk.rubrics.find(queue.rubric_id, given.rubric_version) or desk.rubric_of(queue)
    answers: Answers
    if given.answers is not None:
        answers = read_answers(rubric, {name: one.model_dump() for name, one in given.answers.items()})
    else:
        verdict = Verdict(None if given.label == "defer" else given.label, given.explanation, given.correction)
        answers = verdict.answers(rubric, desk.record(queue.project, item.target).reading)
    refuse_incomplete(rubric, answers)
    return desk.answer_item(queue, item, rubric, answers, act)


def _found(desk: Desk, actor: Actor, queue_id: int) -> Queue:
    queue = desk.queues.find(queue_id)
    if queue is None or actor.project not in {None, queue.project}:
        raise NotFound(f"There is no queue {queue_id}.", "GET /api/v1/queues lists those of a project.")
    return queue


#: Queues and the rubrics that they ask.
router = APIRouter()
router.include_router(queues)
router.include_router(rubrics.router)
