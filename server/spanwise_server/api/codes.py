"""Codes as JSON: failure modes, the critiques that carry them, what they come to, and every act on them."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from ..auth.current import Actor, CurrentActor, CurrentProject, CurrentServer, speaks_as
from ..errors import SpanwiseError
from ..exports.coded import FORMS
from ..labelling.codes import LONGEST_DESCRIPTION, LONGEST_NAME, Critique, Scope
from ..labelling.codes_desk import CodeDesk
from ..labelling.codes_queue import MOST_SOUGHT, Which
from ..labelling.desk import Desk
from ..labelling.picking import MOST_ITEMS
from ..labelling.queue import NewQueue
from ..query import filters
from ..query.moments import moment
from ..query.parse import parse
from ..record import Annotator
from ..store.code_change import CodeEvent
from ..store.label_events import Act
from .code_json import analysis_json, code_json, critique_json, event_json, groups_json, steps_json
from .queue_json import queue_json
from .traces import answer

router = APIRouter(prefix="/api/v1/codes", tags=["codes"])

MOST_AT_ONCE = 5_000
Ids = Annotated[list[str], Field(min_length=1, max_length=MOST_AT_ONCE, description="Ids of critiques: annotations")]
CodeName = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)]


class Acting(BaseModel):
    """Who acts, and the key that makes a repeat the same act."""

    model_config = ConfigDict(extra="forbid")
    annotator: str = Field(default="", max_length=200, description="Whoever calls, where empty")
    key: str | None = Field(default=None, min_length=8, max_length=64)

    def act(self, actor: Actor, project: str) -> Act:
        """Return the act."""
        who = speaks_as(actor, self.annotator.strip() or actor.name or actor.kind)
        return Act(project, self.key or uuid.uuid4().hex, Annotator("human", who))


class NewCode(Acting):
    """A code to add."""

    name: CodeName
    description: str = Field("", max_length=LONGEST_DESCRIPTION)


class Coded(Acting):
    """Critiques and the code they get, by number or by name; a name nobody used yet makes a code."""

    critiques: Ids
    code_id: int | None = None
    code: CodeName | None = None


class Uncoded(Acting):
    """Critiques and the code they lose."""

    critiques: Ids
    code_id: int


class SetAside(Acting):
    """Critiques that name no failure."""

    critiques: Ids


class Merged(Acting):
    """What a code becomes part of."""

    into: int


class Split(Acting):
    """Which critiques of a code move to which other one."""

    critiques: Ids
    name: CodeName


class TakenBack(Acting):
    """Which act is taken back; the annotator's latest where none is named."""

    event_id: int | None = None


class AskedCodeQueue(BaseModel):
    """A queue that comes of a code."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)
    name: str = Field("", max_length=200)
    which: Which = Field("like", description="like: what nobody labelled yet and reads like it; same: what carries it")
    filter: str = Field("", description=f"Among the newest {MOST_SOUGHT:,} that match")
    from_time: str | None = Field(None, alias="from")
    to_time: str | None = Field(None, alias="to")
    limit: int = Field(50, ge=1, le=MOST_ITEMS)
    rubric_id: int = Field(0, description="What is asked; that under which the code was found, where empty")
    blind: bool = True


async def scope_of(
    project: CurrentProject,
    queue_id: Annotated[int | None, Query(description="Only what was labelled in this queue")] = None,
    rubric_id: Annotated[int | None, Query(description="Only what was labelled under this rubric")] = None,
    from_time: Annotated[str | None, Query(alias="from", description="When critiques were written")] = None,
    to_time: Annotated[str | None, Query(alias="to")] = None,
) -> Scope:
    """Return which critiques a request speaks of."""
    return Scope(project, queue_id, rubric_id, moment(from_time, "from"), moment(to_time, "to"))


CurrentScope = Annotated[Scope, Depends(scope_of)]


@router.get("")
def list_codes(server: CurrentServer, scope: CurrentScope) -> Response:
    """Return the codes, the commonest first, with counts, weighted rates or why there are none, and saturation."""
    return answer(analysis_json(CodeDesk(server.store).analysis(scope)))


@router.post("", status_code=201)
def create_code(server: CurrentServer, actor: CurrentActor, project: CurrentProject, new: NewCode) -> Response:
    """Add a code; one of this name that is there already is returned as it is."""
    desk = CodeDesk(server.store)
    desk.codes.create(new.act(actor, project), new.name, new.description)
    name = " ".join(new.name.split()).casefold()
    return answer(code_json(next(c for c in desk.codes.all(project) if c.name.casefold() == name)), status=201)


@router.get("/critiques")
def list_critiques(
    server: CurrentServer,
    scope: CurrentScope,
    code_id: int | None = None,
    state: Literal["all", "open", "coded", "aside"] = "all",
    offset: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 200,
) -> Response:
    """Return critiques, the oldest first; ``open`` are those that want a code."""
    analysis = CodeDesk(server.store).analysis(scope)
    wanted = [at for at, one in enumerate(analysis.critiques) if _is(one, state, code_id)]
    page = wanted[offset : offset + limit]
    following = offset + limit if offset + limit < len(wanted) else None
    items = [critique_json(analysis, at) for at in page]
    return answer({"items": items, "total": len(wanted), "next_offset": following})


@router.post("/critiques/code")
def code_critiques(server: CurrentServer, actor: CurrentActor, project: CurrentProject, given: Coded) -> Response:
    """Give critiques a code."""
    code = given.code_id if given.code_id is not None else given.code
    if code is None:
        raise SpanwiseError("No code was named.", 'Send "code_id", or "code" with a name.')
    return _done(CodeDesk(server.store).codes.put(given.act(actor, project), given.critiques, code))


@router.post("/critiques/uncode")
def uncode_critiques(server: CurrentServer, actor: CurrentActor, project: CurrentProject, given: Uncoded) -> Response:
    """Take a code off critiques."""
    return _done(CodeDesk(server.store).codes.take(given.act(actor, project), given.critiques, given.code_id))


@router.post("/critiques/aside")
def set_critiques_aside(
    server: CurrentServer, actor: CurrentActor, project: CurrentProject, given: SetAside
) -> Response:
    """Note that critiques name no failure; a code given later takes that back."""
    return _done(CodeDesk(server.store).codes.set_aside(given.act(actor, project), given.critiques))


@router.get("/groups")
def suggest_groups(server: CurrentServer, scope: CurrentScope) -> Response:
    """Return groups of critiques without a code that read alike, from their text alone, for a person to look at."""
    return answer(groups_json(CodeDesk(server.store).analysis(scope).groups()))


@router.get("/steps")
def first_bad_steps(server: CurrentServer, scope: CurrentScope) -> Response:
    """Return where traces first go wrong: which step follows which, and how often it is the first bad one."""
    return answer(steps_json(CodeDesk(server.store).steps(scope)))


@router.get("/events")
def list_acts(
    server: CurrentServer,
    project: CurrentProject,
    before: int | None = None,
    annotator: str = "",
    code_id: int | None = None,
    critique: Annotated[str, Query(description="Id of one critique", max_length=64)] = "",
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
) -> Response:
    """Return every act on codes, the latest first."""
    found = CodeDesk(server.store).codes.events(
        project, before_id=before, annotator=annotator, code_id=code_id, annotation_id=critique, limit=limit
    )
    return answer({"items": [event_json(event) for event in found]})


@router.post("/undo")
def undo_act(server: CurrentServer, actor: CurrentActor, project: CurrentProject, given: TakenBack) -> Response:
    """Take one act back, which is an act itself; what a later act builds on is refused."""
    event = CodeDesk(server.store).codes.undo(given.act(actor, project), given.event_id)
    return answer({"undone": None if event is None else event_json(event)})


@router.get("/export")
def export_codes(
    server: CurrentServer,
    scope: CurrentScope,
    form: Annotated[str, Query(alias="format", description=" or ".join(FORMS))] = "csv",
) -> Response:
    """Return the critiques with their codes as a file."""
    if form not in FORMS:
        raise SpanwiseError(f"There is no form {form!r}.", f"Use one of: {', '.join(FORMS)}.")
    media, ending, write = FORMS[form]
    analysis = CodeDesk(server.store).analysis(scope)
    name = {"Content-Disposition": f'attachment; filename="codes.{ending}"'}
    return StreamingResponse(write(analysis), media_type=media, headers=name)


@router.patch("/{code_id}")
def change_code(
    server: CurrentServer, actor: CurrentActor, project: CurrentProject, code_id: int, given: NewCode
) -> Response:
    """Give a code another name and description; a name that another code has is refused."""
    desk = CodeDesk(server.store)
    desk.codes.rename(given.act(actor, project), code_id, given.name, given.description)
    return answer(code_json(desk.codes.find(project, code_id)))


@router.post("/{code_id}/merge")
def merge_code(
    server: CurrentServer, actor: CurrentActor, project: CurrentProject, code_id: int, given: Merged
) -> Response:
    """Let a code become part of another one, with all its critiques."""
    return _done(CodeDesk(server.store).codes.merge(given.act(actor, project), code_id, given.into))


@router.post("/{code_id}/split")
def split_code(
    server: CurrentServer, actor: CurrentActor, project: CurrentProject, code_id: int, given: Split
) -> Response:
    """Move some critiques of a code to another one, which is made where there is none of this name."""
    codes = CodeDesk(server.store).codes
    return _done(codes.split(given.act(actor, project), code_id, given.critiques, given.name))


@router.post("/{code_id}/queue", status_code=201)
def queue_of_code(
    server: CurrentServer, actor: CurrentActor, project: CurrentProject, code_id: int, asked: AskedCodeQueue
) -> Response:
    """Make a queue of items like those that carry a code, or of those themselves."""
    code_desk, desk = CodeDesk(server.store), Desk(server.store)
    code = code_desk.codes.find(project, code_id)
    new = NewQueue(
        name=asked.name.strip() or f"{'More like' if asked.which == 'like' else 'Coded'} {code.name}"[:200],
        filter=asked.filter.strip(),
        reason=f"Of the code {code.name}",
        blind=asked.blind,
        created_by=actor.name or actor.kind,
        rubric_id=asked.rubric_id,
    )
    bounds = moment(asked.from_time, "from"), moment(asked.to_time, "to")
    query = filters.Query(project, parse(asked.filter), *bounds)
    queue = code_desk.queue_of(code, new, query, asked.which, asked.limit)
    return answer(queue_json(queue, desk.queues.progress(queue.id)), status=201)


@router.delete("/{code_id}", status_code=204)
def delete_code(server: CurrentServer, actor: CurrentActor, project: CurrentProject, code_id: int) -> Response:
    """Delete a code; its critiques want one again, and the act can be undone."""
    CodeDesk(server.store).codes.delete(Acting().act(actor, project), code_id)
    return Response(status_code=204)


def _done(event: CodeEvent | None) -> Response:
    """Return what an act did: the event, ``null`` where it changed nothing."""
    return answer({"event": None if event is None else event_json(event)})


def _is(critique: Critique, state: str, code_id: int | None) -> bool:
    if code_id is not None and code_id not in critique.code_ids:
        return False
    states: Sequence[bool] = [state == "all", state == "open" and critique.open]
    return any((*states, state == "coded" and bool(critique.code_ids), state == "aside" and critique.aside))
