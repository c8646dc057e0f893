"""The labelling page: one item at a time, the next two already in the page, everything saved as it is decided."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final
from urllib.parse import quote

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response

from ..auth.csrf import Csrf
from ..auth.current import NAME_COOKIE, Actor, CurrentActor, CurrentServer, Server, actor_of
from ..errors import Conflict, Forbidden, NotFound, SpanwiseError
from ..labelling.answers import Answers, refuse_incomplete
from ..labelling.blind import unbiased
from ..labelling.desk import Desk
from ..labelling.queue import Item, Queue
from ..labelling.rubric import Rubric
from ..labelling.slot import HEARTBEAT_S
from ..query.numbers import whole
from ..record import Annotator
from ..store.label_events import Act
from ..store.users import Users
from .label_form import answers_sent, swapped
from .label_sheet import Sheet, material, new_key, sheets_of
from .render import is_fragment, render
from .urls import url

router = APIRouter(include_in_schema=False)

#: Items kept ready in the page, so that the next one needs no request.
AHEAD: Final = 2
#: Who labelled in this time is at work.
LATELY_NS: Final = 600_000_000_000
NAME_DAYS: Final = 365


async def sent_form(request: Request) -> Mapping[str, str]:
    """Return the fields of a form whose names follow from its rubric."""
    return {name: value for name, value in (await request.form()).items() if isinstance(value, str)}


Sent = Annotated[Mapping[str, str], Depends(sent_form)]


@router.get("/label/{queue_id}")
def label_page(
    request: Request,
    server: CurrentServer,
    actor: CurrentActor,
    queue_id: int,
    item: int | None = None,
    older: int = 0,
) -> Response:
    """Show one item: the one asked for, else the next that wants this person's label, else how the queue came out."""
    desk = Desk(server.store)
    queue = queue_for(desk, actor, queue_id)
    if request.query_params.get("project", "default") != queue.project:
        return RedirectResponse(_path(queue, item, older=bool(older)), status_code=303)
    annotator = annotator_of(actor)
    if (why := _not_admitted(queue, actor)) is not None:
        return _page(request, server, queue, annotator, [], who=why)
    with Desk.for_one(server.store) as desk:
        current, ahead = _in_turn(desk, queue, annotator, item, older=bool(older))
    wanted = ahead if current is None else [current, *ahead]
    sheets = sheets_of(server, queue, wanted, annotator)
    gone = {i.id for i in wanted} - {sheet.item.id for sheet in sheets}
    if gone:
        Desk(server.store).queues.drop_items(queue.id, gone)
        return RedirectResponse(_path(queue, None if item in gone else item, older=bool(older)), status_code=303)
    return _page(request, server, queue, annotator, sheets, older=bool(older))


@router.post("/label/{queue_id}/items/{item_id}", dependencies=[Csrf])
def save_label(
    request: Request, server: CurrentServer, actor: CurrentActor, queue_id: int, item_id: int, sent: Sent
) -> Response:
    """Keep what was decided, once however often it is sent; answer with the pace, or go to the next item."""
    with Desk.for_one(server.store) as desk:
        queue, item, act = _for_item(desk, actor, queue_id, item_id, sent)
        if sent.get("defer"):
            desk.events.defer(act, item)
        elif sent.get("flag"):
            desk.events.flag(act, item)
        else:
            rubric, answers = answers_of_form(server, desk, queue, item, act.annotator, sent)
            refuse_incomplete(rubric, answers)
            desk.answer_item(queue, item, rubric, answers, act)
    if is_fragment(request):
        return _pace_fragment(request, server, queue, act.annotator)
    if sent.get("flag"):
        return RedirectResponse(_path(queue, item.id), status_code=303)
    older = bool(sent.get("older"))
    with Desk.for_one(server.store) as desk:
        current, ahead = _in_turn(desk, queue, act.annotator, None, after=item.position, older=older)
    following = current or next(iter(ahead), None)
    return RedirectResponse(_path(queue, None if following is None else following.id, older=older), status_code=303)


@router.post("/label/{queue_id}/items/{item_id}/reveal", dependencies=[Csrf])
def reveal(
    request: Request, server: CurrentServer, actor: CurrentActor, queue_id: int, item_id: int, sent: Sent
) -> Response:
    """Show what others said of an item that this person has labelled; what they say from then on is marked so."""
    desk = Desk(server.store)
    queue, item, act = _for_item(desk, actor, queue_id, item_id, sent)
    slot = next((s for s in desk.slots.of_items([item.id]).get(item.id, []) if s.annotator == act.annotator.id), None)
    if slot is None or slot.state != "done":
        raise Forbidden("What others said is shown after your own label.", "Label the item first.")
    sheet = next(iter(sheets_of(server, queue, [item], act.annotator)), None)
    if sheet is None or not (sheet.can_reveal or sheet.others):
        raise Conflict("Nobody else has said anything of this item yet.", "Go on; come back to it later.")
    if sheet.can_reveal:
        desk.events.note_reveal(act, item)
    if is_fragment(request):
        return _pace_fragment(request, server, queue, act.annotator)
    return RedirectResponse(_path(queue, item.id), status_code=303)


@router.post("/label/{queue_id}/undo", dependencies=[Csrf])
def undo_label(
    request: Request,
    server: CurrentServer,
    actor: CurrentActor,
    queue_id: int,
    key: Annotated[str, Form(min_length=8, max_length=64)],
) -> Response:
    """Take back this person's latest act in the queue, and show the item it was about."""
    annotator = annotator_of(actor)
    with Desk.for_one(server.store) as desk:
        queue = queue_for(desk, actor, queue_id)
        event = desk.events.undo_in_queue(Act(queue.project, key, annotator), queue.id)
    item_id = None if event is None else event.item_id
    if is_fragment(request):
        response = _pace_fragment(request, server, queue, annotator)
        response.headers["X-Spanwise-Item"] = "" if item_id is None else str(item_id)
        return response
    return RedirectResponse(_path(queue, item_id), status_code=303)


@router.post("/label/{queue_id}/hold", dependencies=[Csrf])
def hold(server: CurrentServer, actor: CurrentActor, queue_id: int, sent: Sent) -> Response:
    """Keep the items in hand that a page shows or has ready, and give back those it will not show."""
    annotator = annotator_of(actor).id
    with Desk.for_one(server.store) as desk:
        queue = queue_for(desk, actor, queue_id)
        if kept := _numbers(sent.get("keep", "")):
            desk.slots.renew(queue.id, annotator, kept, desk.hold_ns(queue.id, annotator))
        if left := _numbers(sent.get("release", "")):
            desk.slots.release(queue.id, annotator, left)
    return Response(status_code=204)


@router.post("/label/name", dependencies=[Csrf])
def take_name(
    request: Request,
    server: CurrentServer,
    name: Annotated[str, Form(max_length=80)] = "",
    back: Annotated[str, Form(max_length=2_000)] = "/label",
) -> Response:
    """Keep the name that this browser labels under, where people have no accounts; that of an account is refused."""
    safe = back if back.startswith("/label") else "/label"
    response = RedirectResponse(safe, status_code=303)
    wanted = " ".join(name.split())
    if not wanted:
        response.delete_cookie(NAME_COOKIE, path="/")
        return response
    if Users(server.store).find(wanted):
        raise Forbidden(f"{wanted} has an account.", "Log in under that name, or choose another one.")
    response.set_cookie(
        NAME_COOKIE,
        quote(wanted, safe=""),
        path="/",
        max_age=NAME_DAYS * 86_400,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return response


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


def _not_admitted(queue: Queue, actor: Actor) -> str | None:
    """Return why this person may not take items yet, in words; ``None`` where they may."""
    people = queue.people
    if people.names and annotator_of(actor).id not in people.names:
        return f"This queue is for {', '.join(people.names)}."
    if people.overlap > 1 and not actor.name:
        return "Several people label this queue, each on their own."
    return None


def _in_turn(
    desk: Desk, queue: Queue, annotator: Annotator, asked: int | None, *, after: int = 0, older: bool = False
) -> tuple[Item | None, list[Item]]:
    """Return the item to show and those that come after it; both are taken in hand."""
    hold_ns = desk.hold_ns(queue.id, annotator.id)
    if older:
        return _older_in_turn(desk, queue, annotator, asked, after)
    current = None
    if asked is not None:
        current = desk.queues.item(queue.id, asked)
        if current is None:
            raise NotFound("This queue has no such item.", "Open the queue without it to go on.")
        desk.slots.lease_item(current.id, annotator.id, hold_ns)
    after = after if current is None else current.position
    found = desk.slots.lease(queue.id, annotator.id, after=after, limit=AHEAD + (current is None), hold_ns=hold_ns)
    if not found and (after and (current is None or current.state != "todo")):
        found = desk.queues.deferred(queue.id, after, AHEAD + (current is None))
    if current is None and found:
        return found[0], found[1:]
    return current, found


def _older_in_turn(
    desk: Desk, queue: Queue, annotator: Annotator, asked: int | None, after: int
) -> tuple[Item | None, list[Item]]:
    """Return this person's items that were labelled under an older wording, the one asked for first."""
    mine = [(item, at) for _, _, item, who, at in desk.history.older(queue.rubric_id, queue.id) if who == annotator.id]
    current = None if asked is None else desk.queues.item(queue.id, asked)
    start = after if current is None else current.position
    ids = [item for item, at in sorted(mine, key=lambda one: one[1]) if at > start]
    found = [item for number in ids[: AHEAD + 1] if (item := desk.queues.item(queue.id, number)) is not None]
    if current is None and found:
        return found[0], found[1:]
    return current, found[:AHEAD]


def _for_item(
    desk: Desk, actor: Actor, queue_id: int, item_id: int, sent: Mapping[str, str]
) -> tuple[Queue, Item, Act]:
    queue = queue_for(desk, actor, queue_id)
    item = desk.queues.item(queue.id, item_id)
    if item is None:
        raise NotFound("This queue has no such item.", "It may have been deleted; open the queue again.")
    if actor.account and (why := _not_admitted(queue, actor)) is not None:
        raise Forbidden(why, "Ask whoever made the queue to add you.")
    key = sent.get("key", "")
    if not 8 <= len(key) <= 64:
        raise SpanwiseError("The form has no key.", "Reload the page and send it again.")
    act = Act(queue.project, key, annotator_of(actor), _whole(sent.get("ms_on_item")), _whole(sent.get("client_ns")))
    return queue, item, act


def answers_of_form(
    server: Server, desk: Desk, queue: Queue, item: Item, annotator: Annotator, sent: Mapping[str, str]
) -> tuple[Rubric, Answers]:
    """Return what a form answered, and the wording that it asked: the one it was made of, whatever is newest."""
    rubric = desk.rubrics.find(queue.rubric_id, _whole(sent.get("version"))) or desk.rubric_of(queue)
    own = material(server, queue, item.target)
    if own is None:
        raise NotFound(f"There is no span {item.target.span_id}.", "Its trace may have been deleted.")
    pair = {}
    if item.other is not None:
        pair = {
            "other": f"{item.other.trace_id}/{item.other.span_id}",
            "swapped": swapped(item.id, annotator.id),
        }
    steps = {step.span_id: step.name for step in own.steps}
    return rubric, answers_sent(rubric, sent, own.record.reading, steps, pair=pair)


def _whole(text: str | None) -> int | None:
    return whole(text)


def _numbers(text: str) -> list[int]:
    return [number for part in text.split(",") if (number := whole(part)) is not None][:50]


def _path(queue: Queue, item_id: int | None, *, older: bool = False) -> str:
    return url(f"/label/{queue.id}", queue.project, {"item": item_id, "older": 1 if older else None})


def _pace(server: Server, queue: Queue, annotator: Annotator) -> dict[str, Any]:
    with Desk.for_one(server.store) as desk:
        done = desk.queues.progress(queue.id)
        people = max(1, desk.history.active(queue.id, time.time_ns() - LATELY_NS))
        by = desk.slots.done_by(queue.id)
        pace = desk.pace(queue.id, done, annotator.id, people=people)
    several = len(by.keys() - {annotator.id, ""}) > 0 or queue.people.overlap > 1
    return {"progress": done, "pace": pace, "mine": by.get(annotator.id, 0) if several else None}


def _page(
    request: Request,
    server: Server,
    queue: Queue,
    annotator: Annotator,
    sheets: Sequence[Sheet],
    *,
    older: bool = False,
    who: str | None = None,
) -> Response:
    desk = Desk(server.store)
    finished = not sheets and who is None
    return render(
        request,
        "pages/label.html",
        queue=unbiased(queue),
        rubric=desk.rubric_of(queue),
        **_pace(server, queue, annotator),
        sheet=sheets[0] if sheets else None,
        ahead=sheets[1:],
        tally=_tally(desk, queue) if finished else None,
        corrected=_corrected(desk, queue) if finished else 0,
        deferred=next(iter(desk.queues.deferred(queue.id)), None) if finished else None,
        older=older,
        older_left=_older_count(desk, queue, annotator) if finished and not older else 0,
        who=who,
        named=actor_of(request).account,
        annotator=annotator,
        back=request.url.path + (f"?{request.url.query}" if request.url.query else ""),
        heartbeat_s=HEARTBEAT_S,
        key=new_key(),
    )


def _pace_fragment(request: Request, server: Server, queue: Queue, annotator: Annotator) -> Response:
    rest: dict[str, Any] = {
        "sheet": None, "ahead": [], "tally": None, "corrected": 0, "deferred": None, "key": "", "older": False,
        "older_left": 0, "who": None, "named": False,
        "annotator": annotator, "back": "", "heartbeat_s": HEARTBEAT_S, "rubric": None,
    }  # fmt: skip
    return render(request, "pages/label.html", queue=queue, **_pace(server, queue, annotator), **rest)


def _older_count(desk: Desk, queue: Queue, annotator: Annotator) -> int:
    return sum(who == annotator.id for _, _, _, who, _ in desk.history.older(queue.rubric_id, queue.id))


def _tally(desk: Desk, queue: Queue) -> dict[str, int]:
    """Return how the verdicts came out; shown only once nothing is left to be swayed by it."""
    lead = desk.rubric_of(queue).lead.name
    counts: dict[str, int] = {}
    for answers in _latest_answers(desk, queue):
        value = (answers.get(lead) or {}).get("value")
        if isinstance(value, str):
            counts[value] = counts.get(value, 0) + 1
    return counts


def _corrected(desk: Desk, queue: Queue) -> int:
    """Return how many labels put another answer in place of the one that was given."""
    asked = [question.name for question in desk.rubric_of(queue).questions if question.kind == "correction"]
    return sum(
        any((answers.get(name) or {}).get("value") for name in asked) for answers in _latest_answers(desk, queue)
    )


def _latest_answers(desk: Desk, queue: Queue) -> list[Mapping[str, Any]]:
    """Return what each person answered of each item at last."""
    latest = {(e.item_id, e.annotator_id): e.answers or {} for e in desk.history.labels(queue.id)}
    return list(latest.values())
