"""What is done to the chosen rows of the list of traces: a tag, a label, a place in a dataset."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from secrets import token_hex
from typing import Annotated, Final

from fastapi import APIRouter, Form, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from ..auth.csrf import Csrf
from ..auth.current import CurrentActor, CurrentProject, CurrentServer, Server
from ..datasets.making import Maker
from ..errors import SpanwiseError
from ..labelling.queue import DEFAULT_ANNOTATION, Target
from ..record import Annotation, Annotator
from ..store.datasets import Datasets
from .format import plural
from .label import annotator_of
from .urls import url

router = APIRouter(include_in_schema=False)

#: The name of the label that a tag given here is kept as.
TAG: Final = "tag"
MOST: Final = 1_000
_LONGEST: Final = 200

Chosen = Annotated[list[str], Form(alias="trace_id", min_length=1, max_length=MOST)]


@router.post("/traces/tag", dependencies=[Csrf])
def tag_traces(
    request: Request,
    server: CurrentServer,
    actor: CurrentActor,
    project: CurrentProject,
    chosen: Chosen,
    tag: Annotated[str, Form()] = "",
    back: str = "",
) -> Response:
    """Give traces a tag, which is a label named ``tag``."""
    words = _words(tag, "tag")
    undo = _keep(server, project, chosen, TAG, words, annotator_of(actor))
    return _done(request, project, back, f"{plural(len(chosen), 'trace')} tagged {words}", undo)


@router.post("/traces/label", dependencies=[Csrf])
def label_traces(
    request: Request,
    server: CurrentServer,
    actor: CurrentActor,
    project: CurrentProject,
    chosen: Chosen,
    verdict: Annotated[str, Form()] = "",
    label_name: Annotated[str, Form()] = "",
    back: str = "",
) -> Response:
    """Give whole traces a label under a name."""
    name = " ".join(label_name.split()) or DEFAULT_ANNOTATION
    words = _words(verdict, "label")
    undo = _keep(server, project, chosen, _words(name, "name"), words, annotator_of(actor))
    return _done(request, project, back, f"{plural(len(chosen), 'trace')} labelled {words}", undo)


@router.post("/traces/undo/{act}", dependencies=[Csrf])
def undo(server: CurrentServer, project: CurrentProject, act: str, n: int) -> Response:
    """Take the labels of one act back, and have the page show what stands now."""
    for number in range(min(n, MOST)):
        server.store.unannotate(project, _id(act, number))
    return Response(status_code=204, headers={"HX-Refresh": "true"})


@router.post("/traces/dataset", dependencies=[Csrf])
def add_to_dataset(
    server: CurrentServer,
    actor: CurrentActor,
    project: CurrentProject,
    chosen: Chosen,
    dataset: Annotated[str, Form()] = "",
) -> Response:
    """Add the root of each trace to a dataset, made where there is none of this name, and show that."""
    named = Datasets(server.store).named(project, _words(dataset, "dataset"))
    ids = [trace_id.lower() for trace_id in chosen]
    roots = server.store.roots(project, ids)
    maker = Maker(server.store)
    examples = [
        example
        for trace_id in ids
        if trace_id in roots
        for example in maker.of_span(project, Target(trace_id, roots[trace_id].span.span_id), DEFAULT_ANNOTATION)
    ]
    if not examples:
        raise SpanwiseError("None of these traces has its root.", "Wait until they have ended, or open a span of one.")
    Datasets(server.store).add(named.id, examples, note="chosen in the list of traces", by=annotator_of(actor).id)
    return RedirectResponse(url(f"/datasets/{named.id}", project), status_code=303)


def _words(given: str, what: str) -> str:
    words = " ".join(given.split())
    if not 0 < len(words) <= _LONGEST:
        raise SpanwiseError(f"The {what} is empty or too long.", f"Write 1 to {_LONGEST} characters.")
    return words


def _keep(server: Server, project: str, chosen: Sequence[str], name: str, label: str, by: Annotator) -> str:
    """Keep one label for each trace, and return where they are taken back together."""
    act, now = token_hex(12), time.time_ns()
    server.store.annotate(
        [
            Annotation(
                id=_id(act, number),
                project=project,
                name=name,
                trace_id=trace_id.lower(),
                label=label,
                annotator=by,
                created_ns=now,
                updated_ns=now,
                source="viewer",
            )
            for number, trace_id in enumerate(_hexes(chosen))
        ]
    )
    return url(f"/traces/undo/{act}", project, {"n": len(chosen)})


def _hexes(chosen: Iterable[str]) -> list[str]:
    """Return the ids, each of which must be one: an annotation of nothing would stand for ever."""
    ids = list(chosen)
    if any(len(one) != 32 or not one.isascii() or not one.isalnum() for one in ids):
        raise SpanwiseError("These are no ids of traces.", "Choose rows in the list.")
    return ids


def _id(act: str, number: int) -> str:
    return f"chosen-{act[:24]}-{number}"


def _done(request: Request, project: str, back: str, said: str, undo_path: str) -> Response:
    """Answer scripts with what to say, everybody else with the list."""
    if request.headers.get("hx-request") == "true":
        return JSONResponse({"text": said, "undo": undo_path})
    return RedirectResponse(back if back.startswith("/traces?") else url("/traces", project), status_code=303)
