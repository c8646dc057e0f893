"""How a queue came out: rates, agreement, what is disagreed on and its settlement, and every act there was."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from ..auth.csrf import Csrf
from ..auth.current import CurrentActor, CurrentServer, Server
from ..errors import NotFound, SpanwiseError
from ..labelling.answers import answers_from
from ..labelling.desk import Desk
from ..labelling.outcome import REASONS, agreement, disagreements, rates_of, votes_of, workers
from ..labelling.queue import Item, Queue
from ..record import Annotator
from ..store.label_events import Act, LabelEvent
from .label import Sent, annotator_of, answers_of_form, queue_for
from .label_sheet import Sheet, new_key, said_words, sheets_of
from .render import render
from .urls import url

router = APIRouter(include_in_schema=False)

ACTS_A_PAGE: Final = 100


@router.get("/label/{queue_id}/agreement")
def agreement_page(
    request: Request, server: CurrentServer, actor: CurrentActor, queue_id: int, show: int = 0
) -> Response:
    """Show rates, agreement and disagreements; to whoever still labels blind only when they ask twice."""
    desk = Desk(server.store)
    queue = queue_for(desk, actor, queue_id)
    if (elsewhere := _in_its_project(request, queue)) is not None:
        return elsewhere
    left = desk.slots.open_for(queue.id, annotator_of(actor).id) if queue.blind else 0
    hidden = bool(left and not show)
    found: dict[str, Any] = {"agreed": [], "differ": [], "rates": None, "workers": [], "positions": {}}
    if not hidden:
        rubric = desk.rubric_of(queue)
        items, votes = desk.queues.items(queue.id), votes_of(desk.history.labels(queue.id))
        found = {
            "agreed": agreement(rubric, votes),
            "differ": disagreements(rubric, votes),
            "rates": rates_of(rubric, items, votes),
            "workers": workers(votes),
            "positions": {item.id: item.position for item in items},
        }
    done = desk.queues.progress(queue.id)
    return render(
        request, "pages/agreement.html", queue=queue, progress=done, hidden=hidden, left=left, reasons=REASONS, **found
    )


@router.get("/label/{queue_id}/settle/{item_id}")
def settle_page(request: Request, server: CurrentServer, actor: CurrentActor, queue_id: int, item_id: int) -> Response:
    """Show one item with what everybody said of it, and the form that settles it."""
    desk = Desk(server.store)
    queue = queue_for(desk, actor, queue_id)
    if (elsewhere := _in_its_project(request, queue)) is not None:
        return elsewhere
    item = _item(desk, queue, item_id)
    sheet = _open_sheet(server, queue, item)
    said = [
        (e.annotator_id, name, said_words(given.value), given.critique, e.ms_on_item, e.note)
        for e in desk.history.labels(queue.id, [item.id])
        for name, given in answers_from(e.answers).items()
    ]
    return render(
        request,
        "pages/settle.html",
        queue=queue,
        sheet=sheet,
        said=said,
        reasons=REASONS,
        key=new_key(),
        older=False,
    )


@router.post("/label/{queue_id}/settle/{item_id}", dependencies=[Csrf])
def settle(server: CurrentServer, actor: CurrentActor, queue_id: int, item_id: int, sent: Sent) -> Response:
    """Keep what an item is settled as, with the reason; go to the next disagreement, or back to the list."""
    desk = Desk(server.store)
    queue = queue_for(desk, actor, queue_id)
    item = _item(desk, queue, item_id)
    reason, key = sent.get("reason", ""), sent.get("key", "")
    if reason not in REASONS or not 8 <= len(key) <= 64:
        raise SpanwiseError("Say why they disagreed.", "Choose one of the reasons.")
    annotator = annotator_of(actor)
    rubric, answers = answers_of_form(server, desk, queue, item, Annotator("human", ""), sent)
    note = f"{reason}: {sent['note'].strip()}" if sent.get("note", "").strip() else reason
    desk.answer_item(queue, item, rubric, answers, Act(queue.project, key, annotator), settles=note)
    open_ = [d for d in disagreements(desk.rubric_of(queue), votes_of(desk.history.labels(queue.id))) if not d.settled]
    following = f"settle/{open_[0].item_id}" if open_ else "agreement"
    more = None if open_ else {"show": 1}
    return RedirectResponse(url(f"/label/{queue.id}/{following}", queue.project, more), status_code=303)


@router.get("/label/{queue_id}/events")
def events_page(
    request: Request,
    server: CurrentServer,
    actor: CurrentActor,
    queue_id: int,
    before: int | None = None,
    who: str = "",
) -> Response:
    """Show every act of labelling in a queue, the latest first: nothing is ever changed or taken out of it."""
    desk = Desk(server.store)
    queue = queue_for(desk, actor, queue_id)
    if (elsewhere := _in_its_project(request, queue)) is not None:
        return elsewhere
    left = desk.slots.open_for(queue.id, annotator_of(actor).id) if queue.blind else 0
    mine = annotator_of(actor).id
    events = desk.history.of_queue(queue.id, before_id=before, annotator=who, limit=ACTS_A_PAGE)
    versions = {v.version_id: v.version for v in desk.rubrics.versions(queue.rubric_id)}
    positions = {item.id: item.position for item in desk.queues.items(queue.id)}
    rows = [
        (e, positions.get(e.item_id or 0), versions.get(e.rubric_version_id or 0), _told(e, hide=bool(left), who=mine))
        for e in events
    ]
    return render(
        request,
        "pages/label_events.html",
        queue=queue,
        rows=rows,
        who=who,
        people=sorted(desk.slots.done_by(queue.id)),
        older=events[-1].id if len(events) == ACTS_A_PAGE else None,
        hides=bool(left),
    )


def _told(event: LabelEvent, *, hide: bool, who: str) -> list[tuple[str, str, str]]:
    """Return what an event answered; others' answers are hidden from whoever still labels blind."""
    if hide and event.annotator_id != who:
        return [("", "hidden while you label", "")] if event.answers else []
    return [(name, said_words(a.value), a.critique) for name, a in answers_from(event.answers).items()]


def _open_sheet(server: Server, queue: Queue, item: Item) -> Sheet:
    found = sheets_of(server, queue, [item], Annotator("human", ""))
    if not found:
        raise NotFound("The trace of this item is gone.", "It was deleted.")
    return found[0]


def _item(desk: Desk, queue: Queue, item_id: int) -> Item:
    item = desk.queues.item(queue.id, item_id)
    if item is None:
        raise NotFound("This queue has no such item.", "Open its agreement for those it has.")
    return item


def _in_its_project(request: Request, queue: Queue) -> Response | None:
    """Return the way to the page in the queue's own project, where it was asked for in another."""
    if request.query_params.get("project", "default") == queue.project:
        return None
    said = {name: value for name, value in request.query_params.items() if name != "project"}
    return RedirectResponse(url(request.url.path, queue.project, said), status_code=303)
