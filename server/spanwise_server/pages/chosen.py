"""What is done to chosen rows of the list of traces, or to all that it finds: a tag, a label, a place in a dataset."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from secrets import token_hex
from typing import Annotated, Final
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.datastructures import QueryParams

from ..auth.csrf import Csrf
from ..auth.current import CurrentActor, CurrentProject, CurrentServer, Server
from ..datasets.making import Maker
from ..errors import SpanwiseError
from ..labelling.queue import DEFAULT_ANNOTATION, Target
from ..query.parse import parse
from ..record import Annotation, Annotator
from ..store.datasets import Datasets
from .format import plural
from .label import annotator_of
from .listing import read
from .render import clock_of
from .urls import url

router = APIRouter(include_in_schema=False)

#: The name of the label that a tag given here is kept as.
TAG: Final = "tag"
MOST: Final = 1_000
_LONGEST: Final = 200


def chosen(
    request: Request,
    server: CurrentServer,
    project: CurrentProject,
    trace_id: Annotated[tuple[str, ...], Form(max_length=MOST)] = (),
    all_of: Annotated[str, Form(max_length=10_000)] = "",
) -> list[str]:
    """Return the traces that a form is about: those that are ticked, or all that the list at the URL *all_of* finds."""
    if not all_of:
        if not trace_id:
            raise SpanwiseError("No trace is chosen.", "Tick rows of the list first.")
        return list(trace_id)
    clock = clock_of(request)
    listing = replace(read(project, QueryParams(urlsplit(all_of).query), clock), cursor=None)
    page = server.store.find_traces(listing.query(parse(listing.filter), clock.now_ns, limit=MOST))
    if page.next_cursor is not None:
        raise SpanwiseError(f"More than {MOST:,} traces match.", "Narrow the filter or the range: nothing was done.")
    return [trace.trace_id for trace in page.items]


Chosen = Annotated[list[str], Depends(chosen)]


@router.post("/traces/tag", dependencies=[Csrf])
def tag_traces(
    request: Request,
    server: CurrentServer,
    actor: CurrentActor,
    project: CurrentProject,
    traces: Chosen,
    tag: Annotated[str, Form()] = "",
    back: str = "",
) -> Response:
    """Give traces a tag, which is a label named ``tag``."""
    words = _words(tag, "tag")
    undo = _keep(server, project, traces, TAG, words, annotator_of(actor))
    return _done(request, project, back, f"{plural(len(traces), 'trace')} tagged {words}", undo)


@router.post("/traces/label", dependencies=[Csrf])
def label_traces(
    request: Request,
    server: CurrentServer,
    actor: CurrentActor,
    project: CurrentProject,
    traces: Chosen,
    verdict: Annotated[str, Form()] = "",
    label_name: Annotated[str, Form()] = "",
    back: str = "",
) -> Response:
    """Give whole traces a label under a name."""
    name = " ".join(label_name.split()) or DEFAULT_ANNOTATION
    words = _words(verdict, "label")
    undo = _keep(server, project, traces, _words(name, "name"), words, annotator_of(actor))
    return _done(request, project, back, f"{plural(len(traces), 'trace')} labelled {words}", undo)


@router.post("/traces/undo/{act}", dependencies=[Csrf])
def undo(server: CurrentServer, project: CurrentProject, act: str, n: int) -> Response:
    """Take the labels of one act back, and have the page show what stands now."""
    for number in range(min(n, MOST)):
        server.store.unannotate(project, _id(act, number))
    return Response(status_code=204, headers={"HX-Trigger": '{"unlabelled": {}}'})


@router.post("/traces/dataset", dependencies=[Csrf])
def add_to_dataset(
    server: CurrentServer,
    actor: CurrentActor,
    project: CurrentProject,
    traces: Chosen,
    dataset: Annotated[str, Form()] = "",
) -> Response:
    """Add the root of each trace to a dataset, made where there is none of this name, and show that."""
    named = Datasets(server.store).named(project, _words(dataset, "dataset"))
    ids = [trace_id.lower() for trace_id in traces]
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


def _keep(server: Server, project: str, traces: Sequence[str], name: str, label: str, by: Annotator) -> str:
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
            for number, trace_id in enumerate(_hexes(traces))
        ]
    )
    return url(f"/traces/undo/{act}", project, {"n": len(traces)})


def _hexes(traces: Iterable[str]) -> list[str]:
    """Return the ids, each of which must be one: an annotation of nothing would stand for ever."""
    ids = list(traces)
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
