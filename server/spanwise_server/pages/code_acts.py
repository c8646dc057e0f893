"""What the codes page can do: code, set aside, rename, merge, split, delete, undo, and queues that come of a code."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response

from ..auth.csrf import Csrf
from ..auth.current import CurrentActor, CurrentProject, CurrentServer
from ..errors import SpanwiseError
from ..labelling.codes_desk import CodeDesk
from ..labelling.codes_queue import Which
from ..labelling.picking import MOST_ITEMS
from ..labelling.queue import NewQueue
from ..query.filters import EVERYTHING, Query
from ..query.numbers import whole
from ..query.parse import parse
from ..store.code_change import CodeEvent
from ..store.codes import Codes
from ..store.label_events import Act
from .codes import codes_shown
from .codes_view import PATH, CodesState, state_of, told
from .label import annotator_of
from .label_sheet import new_key
from .render import clock_of, is_fragment
from .urls import url

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Sent:
    """What a form of the page sent."""

    do: str
    """The act, and after a colon what it is about."""
    ids: tuple[str, ...]
    """Critiques that were ticked."""
    fields: Mapping[str, str]

    @property
    def about(self) -> str:
        """What the act is about."""
        return self.do.partition(":")[2]

    @property
    def code_id(self) -> int:
        """The code that the act is about."""
        text = self.about.partition(":")[0] or self.fields.get("code", "")
        number = whole(text)
        if number is None:
            raise SpanwiseError("This form names no code.", "Reload the page.")
        return number

    @property
    def name(self) -> str:
        """The name that was written."""
        return self.fields.get("name", "")

    @property
    def key(self) -> str:
        """What makes the form sent twice one act."""
        sent = self.fields.get("key", "")
        return sent if 8 <= len(sent) <= 64 else new_key()


async def sent_form(request: Request) -> Sent:
    """Return the form that a request brings."""
    form = await request.form()
    fields = {name: value for name, value in form.items() if isinstance(value, str)}
    return Sent(fields.get("do", ""), tuple(str(one) for one in form.getlist("id")), fields)


SentForm = Annotated[Sent, Depends(sent_form)]


@router.post(f"{PATH}/act", dependencies=[Csrf])
def act(
    request: Request, server: CurrentServer, actor: CurrentActor, project: CurrentProject, sent: SentForm
) -> Response:
    """Do what a button of the page says, and show what stands then."""
    word = sent.do.partition(":")[0]
    if word not in _ACTS:
        raise SpanwiseError(f"{word!r} is nothing that can be done.", "Reload the page.")
    state = state_of(project, request.query_params, clock_of(request))
    try:
        event = _ACTS[word](CodeDesk(server.store).codes, Act(project, sent.key, annotator_of(actor)), sent)
    except SpanwiseError as wrong:
        if not is_fragment(request):
            raise
        return _told_why(codes_shown(request, server, actor, state), wrong)
    state = _after(state, event)
    if not is_fragment(request):
        return RedirectResponse(state.link(offset=state.offset), status_code=303)
    response = codes_shown(request, server, actor, state)
    if event is not None:
        back = url(f"{PATH}/undo/{event.id}", project)
        words = told(event)
        toast = {"text": words[0].upper() + words[1:], "undo": back}
        response.headers["HX-Trigger"] = json.dumps({"toast": toast})  # only ASCII, as headers want it
    return response


@router.post(f"{PATH}/undo", dependencies=[Csrf])
@router.post(f"{PATH}/undo/{{event_id}}", dependencies=[Csrf])
def undo(
    request: Request,
    server: CurrentServer,
    actor: CurrentActor,
    project: CurrentProject,
    sent: SentForm,
    event_id: int | None = None,
) -> Response:
    """Take one act back, the person's latest where none is named, and show what stands then."""
    state = state_of(project, request.query_params, clock_of(request))
    toasted = event_id is not None and request.headers.get("hx-request") == "true"  # by a toast, which swaps nothing
    try:
        CodeDesk(server.store).codes.undo(Act(project, sent.key, annotator_of(actor)), event_id)
    except SpanwiseError as wrong:
        if toasted:
            return _told_why(Response(status_code=204), wrong)
        if not is_fragment(request):
            raise
        return _told_why(codes_shown(request, server, actor, state), wrong)
    if toasted:
        return Response(status_code=204, headers={"HX-Trigger": '{"codes": {}}'})
    if is_fragment(request):
        return codes_shown(request, server, actor, state)
    back = f"{PATH}/history" if sent.fields.get("back") == "history" else PATH
    return RedirectResponse(state.link(back, offset=state.offset), status_code=303)


@router.post(f"{PATH}/queue", dependencies=[Csrf])
def queue(
    server: CurrentServer,
    actor: CurrentActor,
    project: CurrentProject,
    code: Annotated[int, Form()],
    which: Annotated[Which, Form()] = "like",
    filter: Annotated[str, Form()] = "",  # noqa: A002  # the field's name
    rubric: Annotated[int, Form()] = 0,
    limit: Annotated[int, Form(ge=1, le=MOST_ITEMS)] = 50,
) -> Response:
    """Make a queue of items like those that carry a code, or of those themselves, and open it."""
    desk = CodeDesk(server.store)
    found, wanted = desk.codes.find(project, code), filter.strip()
    new = NewQueue(
        name=f"{'More like' if which == 'like' else 'Coded'} {found.name}"[:200],
        filter=wanted,
        reason=f"Of the code {found.name}",
        created_by=annotator_of(actor).id,
        rubric_id=rubric,
    )
    query = Query(project, parse(wanted) if wanted else EVERYTHING)
    made = desk.queue_of(found, new, query, which, limit)
    return RedirectResponse(url(f"/label/{made.id}", project), status_code=303)


def _told_why(response: Response, wrong: SpanwiseError) -> Response:
    """Let the page stay as it is, and say why nothing was done."""
    toast = {"text": f"{wrong.message} {wrong.hint}".strip(), "bad": True}
    response.headers["HX-Trigger"] = json.dumps({"toast": toast})
    return response


def _after(state: CodesState, event: CodeEvent | None) -> CodesState:
    """Return the page as it is after an act: not the page of a code that is gone."""
    if event is None or event.code_id != state.code_id or event.action not in {"merge", "delete"}:
        return state
    view = str(event.other_id) if event.action == "merge" and event.other_id is not None else "open"
    return CodesState(state.listing, state.queue, state.rubric, view, 0, state.show)


def _uncode(codes: Codes, act_: Act, sent: Sent) -> CodeEvent | None:
    return codes.take(act_, [sent.about.partition(":")[2]], sent.code_id)


def _merge(codes: Codes, act_: Act, sent: Sent) -> CodeEvent | None:
    into = whole(sent.fields.get("into"))
    if into is None:
        raise SpanwiseError("Say which code it becomes part of.", "Choose one.")
    return codes.merge(act_, sent.code_id, into)


#: What a button says -> what is done.
_ACTS: Final[Mapping[str, Callable[[Codes, Act, Sent], CodeEvent | None]]] = {
    "code": lambda codes, act_, sent: codes.put(act_, sent.ids, sent.code_id if sent.about else sent.name),
    "uncode": _uncode,
    "aside": lambda codes, act_, sent: codes.set_aside(act_, sent.ids),
    "split": lambda codes, act_, sent: codes.split(act_, sent.code_id, sent.ids, sent.name),
    "rename": lambda codes, act_, sent: codes.rename(act_, sent.code_id, sent.name, sent.fields.get("description", "")),
    "merge": _merge,
    "delete": lambda codes, act_, sent: codes.delete(act_, sent.code_id),
    "create": lambda codes, act_, sent: codes.create(act_, sent.name, sent.fields.get("description", "")),
}
