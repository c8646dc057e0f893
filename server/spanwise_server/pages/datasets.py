"""Datasets: the list, one with its versions and examples, downloads, and the forms that make and change them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from ..auth.csrf import Csrf
from ..auth.current import Actor, CurrentActor, CurrentProject, CurrentServer, Server
from ..datasets.example import Example
from ..datasets.making import CHOICES, Choice, Maker, Which
from ..datasets.splits import DEFAULT_SHARES, shares_text
from ..datasets.version import Dataset, Version
from ..errors import Forbidden, NotFound
from ..exports.census import census, is_corrected
from ..exports.download import download
from ..exports.export import export_named, offered
from ..exports.flat_csv import conversation
from ..labelling.answer import plain, text_of
from ..labelling.desk import Desk
from ..labelling.queue import DEFAULT_ANNOTATION, Target
from ..query.filters import Query
from ..query.parse import parse
from ..store.dataset_rows import Shown
from ..store.datasets import Datasets
from .flash import redirected, undone
from .format import plural
from .label import annotator_of, queue_for
from .render import render
from .urls import url

router = APIRouter(include_in_schema=False)

ROWS: Final = 50


class Asked(BaseModel):
    """Where examples go, and which of the labelled ones."""

    model_config = ConfigDict(extra="ignore", populate_by_name=True)
    name: str = Field("", max_length=200)
    which: Which = "all"


class AskedQueue(Asked):
    """The labelled items of a queue."""

    queue_id: int


class AskedLabels(Asked):
    """The labelled spans that a filter finds."""

    filter: str = ""
    annotation_name: str = Field("", max_length=200)


class AskedSpan(Asked):
    """One span."""

    trace_id: str
    span_id: str
    annotation_name: str = Field("", max_length=200)


@dataclass(frozen=True, slots=True)
class Row:
    """One example in the table."""

    example: Example
    input: str
    """What was asked last."""
    conversation: str
    expected: str
    actual: str
    origin: str
    """``correction``, ``label`` or ``by hand``."""


@router.get("/datasets")
def datasets_page(request: Request, server: CurrentServer, project: CurrentProject) -> Response:
    """Show the datasets of a project, and the form that makes one from labels."""
    return render(
        request,
        "pages/datasets.html",
        datasets=Datasets(server.store).all(project),
        choices=CHOICES,
        annotation_name=DEFAULT_ANNOTATION,
        queues=[queue for queue, done in Desk(server.store).queues.all(project) if done.done],
    )


@router.get("/datasets/{dataset_id}")
def dataset_page(
    request: Request,
    server: CurrentServer,
    actor: CurrentActor,
    dataset_id: int,
    version: str = "",
    page: int = 1,
    q: str = "",
    split: str = "",
) -> Response:
    """Show one version of a dataset, the newest unless another is asked for."""
    datasets = Datasets(server.store)
    dataset = dataset_for(datasets, actor, dataset_id)
    if request.query_params.get("project", "default") != dataset.project:
        params = {"version": version, "page": page if page > 1 else None, "q": q, "split": split}
        return RedirectResponse(url(f"/datasets/{dataset.id}", dataset.project, params), status_code=303)
    versions = datasets.versions(dataset.id)
    shown = datasets.version_named(dataset.id, version)
    at = max(1, page)
    which = Shown(q, split)
    examples = [] if shown is None else datasets.examples(shown.id, offset=(at - 1) * ROWS, limit=ROWS, shown=which)
    of = 0 if shown is None else datasets.count(shown.id, which) if q or split else shown.held
    return render(
        request,
        "pages/dataset.html",
        dataset=dataset,
        versions=versions,
        shown=shown,
        newest=shown is not None and shown.number == versions[0].number,
        tags=_tags(datasets, dataset),
        rows=[row_of(example) for example in examples],
        first=(at - 1) * ROWS + 1,
        page=at,
        of=of,
        more=at * ROWS < of,
        q=q,
        split=split,
        formats=offered(),
        counted=None if shown is None else census(datasets, shown),
        shares=shares_text(dataset.splits or DEFAULT_SHARES),
    )


def _tags(datasets: Datasets, dataset: Dataset) -> dict[int, list[str]]:
    """Return the tags of each version that has any."""
    found: dict[int, list[str]] = {}
    for tag, number in datasets.tags(dataset.id).items():
        found.setdefault(number, []).append(tag)
    return found


@router.get("/datasets/{dataset_id}/export")
def export_dataset(
    server: CurrentServer,
    actor: CurrentActor,
    dataset_id: int,
    format: str = "jsonl",  # noqa: A002 - the parameter's public name
    version: str = "",
) -> Response:
    """Download one version in a file format; headers say what the format leaves out and why."""
    datasets = Datasets(server.store)
    dataset = dataset_for(datasets, actor, dataset_id)
    shown = version_for(datasets, dataset, version)
    file = download(datasets, dataset, shown, export_named(format), server.store.media_content)
    return StreamingResponse(file.body, media_type=file.media_type, headers=dict(file.headers))


@router.post("/datasets/from-queue", dependencies=[Csrf])
def from_queue(server: CurrentServer, actor: CurrentActor, asked: Annotated[AskedQueue, Form()]) -> Response:
    """Add a queue's labelled items to a dataset, which is made where there is none of the name."""
    queue = queue_for(Desk(server.store), actor, asked.queue_id)
    examples = Maker(server.store).of_queue(queue, asked.which)
    name = asked.name.strip() or queue.name
    return _put(server, actor, queue.project, name, examples, note=f"From the queue {queue.name}")


@router.post("/datasets/from-labels", dependencies=[Csrf])
def from_labels(
    server: CurrentServer, actor: CurrentActor, project: CurrentProject, asked: Annotated[AskedLabels, Form()]
) -> Response:
    """Add the labelled spans that a filter finds to a dataset, which is made where there is none of the name."""
    what = asked.filter.strip() or "all labels"
    choice = Choice(asked.annotation_name.strip() or DEFAULT_ANNOTATION, asked.which)
    examples = Maker(server.store).of_filter(Query(project, parse(asked.filter)), choice)
    return _put(server, actor, project, asked.name.strip() or what, examples, note=f"Labels of {what}")


@router.post("/datasets/from-span", dependencies=[Csrf])
def from_span(
    server: CurrentServer, actor: CurrentActor, project: CurrentProject, asked: Annotated[AskedSpan, Form()]
) -> Response:
    """Add one span to a dataset, which is made where there is none of the name."""
    target = Target(asked.trace_id.lower(), asked.span_id.lower())
    examples = Maker(server.store).of_span(project, target, asked.annotation_name.strip() or DEFAULT_ANNOTATION)
    return _put(server, actor, project, asked.name.strip() or "examples", examples, note="One span")


@router.post("/datasets/{dataset_id}/rename", dependencies=[Csrf])
def rename_dataset(
    server: CurrentServer,
    actor: CurrentActor,
    dataset_id: int,
    name: Annotated[str, Form(min_length=1, max_length=200)],
    description: Annotated[str, Form(max_length=2_000)] = "",
) -> Response:
    """Give a dataset another name and description."""
    datasets = Datasets(server.store)
    dataset = dataset_for(datasets, actor, dataset_id)
    datasets.rename(dataset.id, name.strip() or dataset.name, description.strip())
    return _open(dataset)


@router.post("/datasets/{dataset_id}/delete", dependencies=[Csrf])
def delete_dataset(server: CurrentServer, actor: CurrentActor, dataset_id: int) -> Response:
    """Delete a dataset with its versions; the page asked first, with the count."""
    datasets = Datasets(server.store)
    dataset = dataset_for(datasets, actor, dataset_id)
    datasets.delete(dataset.id)
    return RedirectResponse(url("/datasets", dataset.project), status_code=303)


@router.post("/datasets/{dataset_id}/remove", dependencies=[Csrf])
def remove_examples(
    request: Request,
    server: CurrentServer,
    actor: CurrentActor,
    dataset_id: int,
    example_id: Annotated[list[str], Form()],
) -> Response:
    """Freeze a version without these examples; the version before still has them, and they can be put back at once."""
    datasets = Datasets(server.store)
    dataset = dataset_for(datasets, actor, dataset_id)
    frozen = datasets.remove(dataset.id, example_id, by=annotator_of(actor).id)
    if frozen is None:
        return _open(dataset)
    undo = url(f"/datasets/{dataset.id}/put-back/{frozen.number}", dataset.project)
    text = f"{plural(frozen.change.removed, 'example')} removed"
    return redirected(request, url(f"/datasets/{dataset.id}", dataset.project), text, undo)


@router.post("/datasets/{dataset_id}/put-back/{number}", dependencies=[Csrf])
def put_examples_back(
    request: Request, server: CurrentServer, actor: CurrentActor, dataset_id: int, number: int
) -> Response:
    """Freeze a version that has again what one took out."""
    datasets = Datasets(server.store)
    dataset = dataset_for(datasets, actor, dataset_id)
    datasets.put_back(dataset.id, number, by=annotator_of(actor).id)
    return undone(request, url(f"/datasets/{dataset.id}", dataset.project))


def dataset_for(datasets: Datasets, actor: Actor, dataset_id: int) -> Dataset:
    """Return a dataset that this actor may touch."""
    dataset = datasets.find(dataset_id)
    if dataset is None:
        raise NotFound(
            f"There is no dataset {dataset_id}.", "It may have been deleted; /datasets lists those there are."
        )
    if actor.project is not None and actor.project != dataset.project:
        raise Forbidden("This dataset is of another project.", "Use a key of that project.")
    return dataset


def version_for(datasets: Datasets, dataset: Dataset, version: str) -> Version:
    """Return the version that is named, the newest where none is."""
    shown = datasets.version_named(dataset.id, version)
    if shown is None:
        raise NotFound(f"The dataset {dataset.name!r} is empty.", "Add labelled spans to it first.")
    return shown


def row_of(example: Example) -> Row:
    """Return an example as the table shows it."""
    expected, actual = example.expected_output, example.actual_output
    given = example.input.get("messages") or ()
    last = next((m for m in reversed(given) if m.get("role") == "user"), None)
    return Row(
        example=example,
        input=text_of(last) if last is not None else conversation(example.input),
        conversation=conversation(example.input),
        expected="" if expected is None else plain(expected.get("content")),
        actual="" if actual is None else plain(actual.get("content")),
        origin="correction" if is_corrected(example) else "label" if example.label else "by hand",
    )


def _put(server: Server, actor: Actor, project: str, name: str, examples: list[Example], *, note: str) -> Response:
    datasets = Datasets(server.store)
    dataset = datasets.named(project, name[:200])
    datasets.add(dataset.id, examples, note=note, by=annotator_of(actor).id)
    return _open(dataset)


def _open(dataset: Dataset) -> Response:
    return RedirectResponse(url(f"/datasets/{dataset.id}", dataset.project), status_code=303)
