"""Judging one span where it is read: the Labels tab of a trace."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from ..auth.csrf import Csrf
from ..auth.current import Actor, CurrentActor, CurrentProject, CurrentServer, Server
from ..labelling.answer import answer_text, plain
from ..labelling.desk import Desk
from ..labelling.judgement import Verdict, annotation_id, read_label
from ..labelling.queue import DEFAULT_ANNOTATION, Target
from ..record import Annotation, Record
from ..store.label_events import Act, LabelEvent
from .label import annotator_of
from .label_sheet import new_key
from .render import is_fragment, render
from .urls import url

router = APIRouter(include_in_schema=False)

#: What is judged, in the form's question.
WHAT: Final[Mapping[str, str]] = {"retriever": "retrieval", "tool": "tool call", "llm": "answer", "agent": "answer"}


@dataclass(frozen=True, slots=True)
class Annotating:
    """The form and the list of the Labels tab."""

    trace_id: str
    span_id: str
    name: str
    what: str
    verdict: str
    critique: str
    expected: str
    answer: str
    judged: tuple[Annotation, ...]
    """Of this span, and of its trace as a whole."""
    corrections: Mapping[str, str]
    """Annotation id -> the corrected answer as text."""
    key: str


class OfSpan(BaseModel):
    """Which span, and the key that makes a form sent twice one act."""

    model_config = ConfigDict(extra="ignore")
    key: str = Field(min_length=8, max_length=64)
    trace_id: str
    span_id: str

    @property
    def target(self) -> Target:
        """The span."""
        return Target(self.trace_id.lower(), self.span_id.lower())


class Judged(OfSpan):
    """One judgement."""

    name: str = Field(DEFAULT_ANNOTATION, min_length=1, max_length=200)
    verdict: Literal["", "pass", "fail"] = ""
    critique: str = ""
    expected: str = ""


class Removed(OfSpan):
    """One judgement to take away."""

    annotation_id: str


def annotating(actor: Actor, record: Record, judged: Iterable[Annotation]) -> Annotating:
    """Return what the Labels tab shows of *record*; *judged* is what was judged of its trace."""
    span = record.span
    target = Target(span.trace_id, span.span_id)
    here = tuple(a for a in judged if a.span_id in {None, span.span_id})
    own = annotation_id(record.project, target, DEFAULT_ANNOTATION, annotator_of(actor))
    stands = next((a for a in here if a.id == own), None)
    answer = answer_text(record.reading)
    corrected = stands is not None and stands.correction is not None
    return Annotating(
        trace_id=span.trace_id,
        span_id=span.span_id,
        name=DEFAULT_ANNOTATION,
        what=WHAT.get(record.kind, "step"),
        verdict=(stands.label or "") if stands else "",
        critique=(stands.explanation or "") if stands else "",
        expected=plain(stands.correction) if stands is not None and corrected else answer,
        answer=answer,
        judged=here,
        corrections={a.id: plain(a.correction) for a in here if a.correction is not None},
        key=new_key(),
    )


@router.post("/annotate", dependencies=[Csrf])
def annotate(
    request: Request,
    server: CurrentServer,
    actor: CurrentActor,
    project: CurrentProject,
    given: Annotated[Judged, Form()],
) -> Response:
    """Keep one judgement of a span; a later one of the same name by the same person takes its place."""
    desk = Desk(server.store)
    verdict = Verdict(read_label(given.verdict), given.critique, given.expected)
    event = desk.judge_span(given.target, given.name, verdict, Act(project, given.key, annotator_of(actor)))
    return _shown(request, server, actor, project, given.target, event=event, said="Labelled")


@router.post("/annotate/remove", dependencies=[Csrf])
def remove(
    request: Request,
    server: CurrentServer,
    actor: CurrentActor,
    project: CurrentProject,
    given: Annotated[Removed, Form()],
) -> Response:
    """Take one judgement away; the answer offers to bring it back."""
    event = Desk(server.store).events.remove(Act(project, given.key, annotator_of(actor)), given.annotation_id)
    return _shown(request, server, actor, project, given.target, event=event, said="Label removed")


@router.post("/annotate/undo/{event_id}", dependencies=[Csrf])
def undo(server: CurrentServer, actor: CurrentActor, project: CurrentProject, event_id: int) -> Response:
    """Take one act back, and have the page show what stands now."""
    act = Act(project, new_key(), annotator_of(actor))
    Desk(server.store).events.undo(act, event_id, own="write" not in actor.rights)
    return Response(status_code=204, headers={"HX-Refresh": "true"})


def _shown(
    request: Request,
    server: Server,
    actor: Actor,
    project: str,
    target: Target,
    *,
    event: LabelEvent,
    said: str,
) -> Response:
    if not is_fragment(request):
        params: dict[str, Any] = {"span": target.span_id, "tab": "labels"}
        return RedirectResponse(url(f"/traces/{target.trace_id}", project, params), status_code=303)
    record = Desk(server.store).record(project, target)
    judged = server.store.annotations(project, [target.trace_id]).get(target.trace_id, ())
    response = render(request, "parts/annotate.html", annotate=annotating(actor, record, judged))
    back = url(f"/annotate/undo/{event.id}", project)
    response.headers["HX-Trigger"] = f'{{"toast": {{"text": "{said}", "undo": "{back}"}}}}'
    return response
