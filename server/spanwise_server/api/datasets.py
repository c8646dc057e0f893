"""Datasets as JSON: make them from labels, read their versions and examples, download them as files."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from ..auth.current import Actor, CurrentActor, CurrentProject, CurrentServer, Server
from ..datasets.comparing import compared
from ..datasets.difference import as_json
from ..datasets.example import Example
from ..datasets.importing import edited
from ..datasets.making import Choice, Maker, Which
from ..datasets.splits import read_shares, shares_text
from ..datasets.taking import Taken, take_file
from ..datasets.version import Dataset, Version
from ..errors import NotFound, SpanwiseError
from ..exports.contract import rfc3339
from ..exports.download import download
from ..exports.export import EXPORTS, export_named
from ..exports.spanwise_jsonl import row
from ..labelling.desk import Desk
from ..labelling.queue import DEFAULT_ANNOTATION, Target
from ..query import filters
from ..query.parse import parse
from ..store.dataset_rows import Shown
from ..store.datasets import Datasets
from .traces import answer

router = APIRouter(prefix="/api/v1/datasets", tags=["datasets"])
MOST_AT_ONCE = 1_000


class Span(BaseModel):
    """One span."""

    model_config = ConfigDict(extra="forbid")
    trace_id: str
    span_id: str


class AskedExamples(BaseModel):
    """Where examples come from: a queue, a filter or one span; exactly one of them."""

    model_config = ConfigDict(extra="forbid")
    queue_id: int | None = None
    filter: str | None = None
    span: Span | None = None
    which: Which = "all"
    annotation_name: str = Field(DEFAULT_ANNOTATION, min_length=1, max_length=200)


class NewDataset(BaseModel):
    """A dataset, and what to fill it with."""

    model_config = ConfigDict(extra="forbid")
    name: str = Field(min_length=1, max_length=200)
    description: str = Field("", max_length=2_000)
    examples: AskedExamples | None = None


@router.get("")
def list_datasets(server: CurrentServer, project: CurrentProject, name: str | None = None) -> Response:
    """Return the datasets of a project with their newest versions, the newest first; only the one called *name*."""
    found = Datasets(server.store).all(project)
    return answer({"items": [_dataset(dataset) for dataset in found if name in {None, dataset.name}]})


@router.post("", status_code=201)
def create_dataset(server: CurrentServer, actor: CurrentActor, project: CurrentProject, new: NewDataset) -> Response:
    """Make a dataset; a name that is taken is refused."""
    datasets = Datasets(server.store)
    made = None if new.examples is None else _examples(server, actor, project, new.examples)
    dataset = datasets.create(project, new.name, new.description)
    if made is not None:
        datasets.add(dataset.id, made, by=actor.name or actor.kind)
    return answer(_dataset(_found(datasets, actor, dataset.id)), status=201)


@router.get("/{dataset_id}")
def one_dataset(server: CurrentServer, actor: CurrentActor, dataset_id: int) -> Response:
    """Return one dataset with all its versions, the newest first."""
    datasets = Datasets(server.store)
    dataset = _found(datasets, actor, dataset_id)
    versions = [_version(version) for version in datasets.versions(dataset.id)]
    return answer({**_dataset(dataset), "versions": versions, "tags": datasets.tags(dataset.id)})


@router.post("/{dataset_id}/examples", status_code=201)
def add_examples(server: CurrentServer, actor: CurrentActor, dataset_id: int, asked: AskedExamples) -> Response:
    """Add examples and freeze a new version; ``{"version": null}`` where the dataset has them all already."""
    datasets = Datasets(server.store)
    dataset = _found(datasets, actor, dataset_id)
    made = _examples(server, actor, dataset.project, asked)
    version = datasets.add(dataset.id, made, by=actor.name or actor.kind)
    return answer({"version": None if version is None else _version(version)}, status=201)


@router.get("/{dataset_id}/examples")
def list_examples(
    server: CurrentServer,
    actor: CurrentActor,
    dataset_id: int,
    version: str = "",
    offset: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=MOST_AT_ONCE)] = 100,
    q: str = "",
    split: str = "",
) -> Response:
    """Return examples of one version, the newest unless another is asked for, in the order they were added."""
    datasets = Datasets(server.store)
    shown = datasets.version_named(_found(datasets, actor, dataset_id).id, version)
    some = () if shown is None else datasets.examples(shown.id, offset=offset, limit=limit, shown=Shown(q, split))
    found = [row(example) for example in some]
    return answer({"items": found, "version": None if shown is None else _version(shown)})


@router.get("/{dataset_id}/export")
def export_dataset(
    server: CurrentServer,
    actor: CurrentActor,
    dataset_id: int,
    format_name: Annotated[str, Query(alias="format", description=", ".join(EXPORTS))] = "jsonl",
    version: str = "",
) -> Response:
    """Download one version as a file; ``X-Spanwise-Left-Out`` counts what the format has no place for, and why."""
    datasets = Datasets(server.store)
    dataset = _found(datasets, actor, dataset_id)
    export = export_named(format_name)
    shown = _shown(datasets, dataset, version)
    file = download(datasets, dataset, shown, export, server.store.media_content)
    return StreamingResponse(file.body, media_type=file.media_type, headers=dict(file.headers))


@router.post("/{dataset_id}/import", status_code=201)
async def import_examples(server: CurrentServer, actor: CurrentActor, dataset_id: int, request: Request) -> Response:
    """Add the rows of a file, the body of the request: CSV, Excel, JSON Lines or a JSON list, of ours or others."""
    body = await request.body()

    def take() -> Taken:
        datasets = Datasets(server.store)
        dataset = _found(datasets, actor, dataset_id)
        return take_file(datasets, dataset, body, name="a file", by=actor.name or actor.kind)

    taken = await run_in_threadpool(take)
    return answer(
        {
            "version": None if taken.version is None else _version(taken.version),
            "taken": taken.taken,
            "unchanged": taken.unchanged,
            "left_out": list(taken.problems),
        },
        status=201,
    )


@router.patch("/{dataset_id}/examples/{example_id}")
def edit_example(
    server: CurrentServer, actor: CurrentActor, dataset_id: int, example_id: str, fields: dict[str, Any]
) -> Response:
    """Change fields of one example of the newest version, by their names in it, and freeze a version."""
    datasets = Datasets(server.store)
    dataset = _found(datasets, actor, dataset_id)
    newest = _shown(datasets, dataset, "")
    example = datasets.example(newest.id, example_id)
    if example is None:
        raise NotFound(f"There is no example {example_id!r} in the newest version.", "Is it in an older one?")
    version = datasets.add(dataset.id, [edited(example, fields)], note="Edited", by=actor.name or actor.kind)
    return answer({"version": None if version is None else _version(version)})


@router.get("/{dataset_id}/diff")
def diff(
    server: CurrentServer,
    actor: CurrentActor,
    dataset_id: int,
    before: Annotated[str, Query(alias="from")],
    after: Annotated[str, Query(alias="to")] = "",
) -> Response:
    """Return what one version adds to another, removes from it and changes in it, each change field by field."""
    datasets = Datasets(server.store)
    dataset = _found(datasets, actor, dataset_id)
    found = compared(datasets, _shown(datasets, dataset, before), _shown(datasets, dataset, after))
    return answer(
        {
            "from": _version(found.before),
            "to": _version(found.after),
            "added": list(found.difference.added),
            "removed": list(found.difference.removed),
            "changed": [as_json(change) for change in found.changed],
            "changed_count": len(found.difference.changed),
        }
    )


@router.put("/{dataset_id}/splits")
def split_dataset(server: CurrentServer, actor: CurrentActor, dataset_id: int, shares: dict[str, int]) -> Response:
    """Have examples fall into splits from now on: ``{"train": 70, "dev": 15, "test": 15}``, in percent."""
    datasets = Datasets(server.store)
    dataset = _found(datasets, actor, dataset_id)
    checked = read_shares(shares_text(shares))
    version = datasets.split(dataset.id, checked, by=actor.name or actor.kind)
    return answer({"version": None if version is None else _version(version)})


@router.put("/{dataset_id}/tags/{tag}")
def tag_version(server: CurrentServer, actor: CurrentActor, dataset_id: int, tag: str, version: str = "") -> Response:
    """Put a tag on a version, the newest unless another is named; it leaves the version that had it."""
    datasets = Datasets(server.store)
    dataset = _found(datasets, actor, dataset_id)
    datasets.tag(dataset.id, tag, _shown(datasets, dataset, version), by=actor.name or actor.kind)
    return answer({"tags": datasets.tags(dataset.id)})


@router.delete("/{dataset_id}/tags/{tag}", status_code=204)
def untag(server: CurrentServer, actor: CurrentActor, dataset_id: int, tag: str) -> Response:
    """Take a tag away; the version stays."""
    datasets = Datasets(server.store)
    if not datasets.untag(_found(datasets, actor, dataset_id).id, tag):
        raise NotFound(f"There is no tag {tag!r}.", "GET /api/v1/datasets/{id} lists those there are.")
    return Response(status_code=204)


@router.delete("/{dataset_id}", status_code=204)
def delete_dataset(server: CurrentServer, actor: CurrentActor, dataset_id: int) -> Response:
    """Delete a dataset with its versions; traces and labels stay."""
    datasets = Datasets(server.store)
    datasets.delete(_found(datasets, actor, dataset_id).id)
    return Response(status_code=204)


def _found(datasets: Datasets, actor: Actor, dataset_id: int) -> Dataset:
    dataset = datasets.find(dataset_id)
    if dataset is None or actor.project not in {None, dataset.project}:
        raise NotFound(f"There is no dataset {dataset_id}.", "GET /api/v1/datasets lists those of a project.")
    return dataset


def _shown(datasets: Datasets, dataset: Dataset, version: str) -> Version:
    shown = datasets.version_named(dataset.id, version)
    if shown is None:
        raise NotFound(f"The dataset {dataset.name!r} is empty.", "Add labelled spans to it first.")
    return shown


def _examples(server: Server, actor: Actor, project: str, asked: AskedExamples) -> list[Example]:
    maker = Maker(server.store)
    if sum(source is not None for source in (asked.queue_id, asked.filter, asked.span)) != 1:
        raise SpanwiseError("Give one of queue_id, filter and span.", 'An empty filter, "", takes every label.')
    if asked.queue_id is not None:
        queue = Desk(server.store).queues.find(asked.queue_id)
        if queue is None or queue.project != project or actor.project not in {None, project}:
            raise NotFound(f"There is no queue {asked.queue_id}.", "GET /api/v1/queues lists those of a project.")
        return maker.of_queue(queue, asked.which)
    if asked.span is not None:
        target = Target(asked.span.trace_id.lower(), asked.span.span_id.lower())
        return maker.of_span(project, target, asked.annotation_name)
    query = filters.Query(project, parse(asked.filter or ""))
    return maker.of_filter(query, Choice(asked.annotation_name, asked.which))


def _dataset(dataset: Dataset) -> dict[str, Any]:
    return {
        "id": dataset.id,
        "project": dataset.project,
        "name": dataset.name,
        "description": dataset.description,
        "created_at": rfc3339(dataset.created_ns),
        "splits": dataset.splits,
        "newest": None if dataset.newest is None else _version(dataset.newest),
    }


def _version(version: Version) -> dict[str, Any]:
    return {
        "number": version.number,
        "content_hash": version.content_hash,
        "examples": version.examples,
        "forgotten": version.forgotten,
        "added": version.change.added,
        "changed": version.change.changed,
        "removed": version.change.removed,
        "note": version.note,
        "created_by": version.created_by,
        "created_at": rfc3339(version.created_ns),
    }
