"""What is done to a dataset on its pages: files taken in, examples edited, versions compared, tagged and split."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Final

from fastapi import APIRouter, File, Form, Request, UploadFile
from fastapi.responses import RedirectResponse, Response

from ..auth.csrf import Csrf
from ..auth.current import CurrentActor, CurrentProject, CurrentServer
from ..datasets.comparing import compared
from ..datasets.difference import MOST_SHOWN
from ..datasets.example import Example
from ..datasets.importing import edited
from ..datasets.splits import read_shares
from ..datasets.taking import take_file
from ..errors import NotFound, SpanwiseError
from ..labelling.answer import plain
from ..prompts.diff import words_changed
from ..store.datasets import Datasets
from .datasets import dataset_for, row_of, version_for
from .label import annotator_of
from .render import render
from .urls import url

router = APIRouter(include_in_schema=False)

#: Fields of the form that are texts of an output.
_OUTPUTS: Final = ("expected_output", "rejected_output")
#: What an example that is written by hand begins as.
_EMPTY: Final = Example(id="", input={"content": ""}, expected_output=None, actual_output=None)


@router.post("/datasets/import", dependencies=[Csrf])
def import_file(
    request: Request,
    server: CurrentServer,
    actor: CurrentActor,
    project: CurrentProject,
    file: Annotated[UploadFile, File()],
    name: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """Take a file into a dataset, which is made where there is none of the name, and say what came of it."""
    called = (file.filename or "a file").rpartition("/")[2][:200]
    body = file.file.read()
    datasets = Datasets(server.store)
    existed = {dataset.name for dataset in datasets.all(project)}
    wanted = name.strip() or called.partition(".")[0] or "imported"
    dataset = datasets.named(project, wanted)
    try:
        taken = take_file(datasets, dataset, body, name=called, by=annotator_of(actor).id)
    except SpanwiseError:
        if dataset.name not in existed:
            datasets.delete(dataset.id)
        raise
    if not taken.problems:
        return RedirectResponse(url(f"/datasets/{dataset.id}", dataset.project), status_code=303)
    return render(request, "pages/dataset_imported.html", dataset=dataset, taken=taken, called=called)


@router.get("/datasets/{dataset_id}/diff")
def diff_page(
    request: Request, server: CurrentServer, actor: CurrentActor, dataset_id: int, before: str = "", after: str = ""
) -> Response:
    """Show what one version adds to another, changes in it and removes from it; the last step where none is named."""
    datasets = Datasets(server.store)
    dataset = dataset_for(datasets, actor, dataset_id)
    new = version_for(datasets, dataset, after)
    versions = datasets.versions(dataset.id)
    old = version_for(datasets, dataset, before or str(max(new.number - 1, versions[-1].number)))
    found = compared(datasets, old, new)
    return render(
        request,
        "pages/dataset_diff.html",
        dataset=dataset,
        versions=versions,
        found=found,
        added=[row_of(example) for example in found.added],
        removed=[row_of(example) for example in found.removed],
        changed=[(row_of(change.after), change.relabelled, _changes(change)) for change in found.changed],
        most=MOST_SHOWN,
    )


@router.get("/datasets/{dataset_id}/examples/new")
def new_example_page(request: Request, server: CurrentServer, actor: CurrentActor, dataset_id: int) -> Response:
    """Show an empty form."""
    dataset = dataset_for(Datasets(server.store), actor, dataset_id)
    return render(
        request, "pages/dataset_example.html", dataset=dataset, example=None, newest=True, fields=_form(_EMPTY)
    )


@router.post("/datasets/{dataset_id}/examples/new", dependencies=[Csrf])
async def new_example(request: Request, server: CurrentServer, actor: CurrentActor, dataset_id: int) -> Response:
    """Add an example that was written by hand."""
    form = await request.form()
    asked = _text(form, "input")
    if not asked.strip():
        raise SpanwiseError("An example needs an input.", "Write what is asked.")
    empty = replace(_EMPTY, input={"content": asked})
    made = edited(empty, _fields(form, empty))
    example = replace(made, id=f"ex_{made.content_hash[3:23]}")
    return _keep(server, actor, dataset_id, example, note="Written by hand")


@router.get("/datasets/{dataset_id}/examples/{example_id}")
def example_page(
    request: Request, server: CurrentServer, actor: CurrentActor, dataset_id: int, example_id: str, version: str = ""
) -> Response:
    """Show one example whole, with a form that edits it where the version is the newest."""
    datasets = Datasets(server.store)
    dataset = dataset_for(datasets, actor, dataset_id)
    shown = version_for(datasets, dataset, version)
    example = _example(datasets, shown.id, example_id)
    newest = shown.number == version_for(datasets, dataset, "").number
    return render(
        request,
        "pages/dataset_example.html",
        dataset=dataset,
        shown=shown,
        newest=newest,
        example=example,
        row=row_of(example),
        fields=_form(example),
    )


@router.post("/datasets/{dataset_id}/examples/{example_id}", dependencies=[Csrf])
async def edit_example(
    request: Request, server: CurrentServer, actor: CurrentActor, dataset_id: int, example_id: str
) -> Response:
    """Change an example and freeze a version; the version before keeps it as it was."""
    datasets = Datasets(server.store)
    dataset = dataset_for(datasets, actor, dataset_id)
    example = _example(datasets, version_for(datasets, dataset, "").id, example_id)
    fields = _fields(await request.form(), example)
    return _keep(server, actor, dataset_id, edited(example, fields), note="Edited")


@router.post("/datasets/{dataset_id}/split", dependencies=[Csrf])
def split_dataset(
    server: CurrentServer, actor: CurrentActor, dataset_id: int, shares: Annotated[str, Form(max_length=200)]
) -> Response:
    """Have examples fall into splits, those that are there at once."""
    datasets = Datasets(server.store)
    dataset = dataset_for(datasets, actor, dataset_id)
    datasets.split(dataset.id, read_shares(shares), by=annotator_of(actor).id)
    return RedirectResponse(url(f"/datasets/{dataset.id}", dataset.project), status_code=303)


@router.post("/datasets/{dataset_id}/tag", dependencies=[Csrf])
def tag_version(
    server: CurrentServer,
    actor: CurrentActor,
    dataset_id: int,
    version: Annotated[str, Form()],
    tag: Annotated[str, Form(max_length=40)] = "",
    remove: Annotated[str, Form(max_length=40)] = "",
) -> Response:
    """Put a tag on a version, or take one off."""
    datasets = Datasets(server.store)
    dataset = dataset_for(datasets, actor, dataset_id)
    shown = version_for(datasets, dataset, version)
    if remove:
        datasets.untag(dataset.id, remove)
    else:
        datasets.tag(dataset.id, tag.strip(), shown, by=annotator_of(actor).id)
    return RedirectResponse(url(f"/datasets/{dataset.id}", dataset.project, {"version": shown.number}), status_code=303)


def _example(datasets: Datasets, version_id: int, example_id: str) -> Example:
    found = datasets.example(version_id, example_id)
    if found is None:
        raise NotFound(f"There is no example {example_id!r} in this version.", "It may be in another version.")
    return found


def _keep(server: Any, actor: Any, dataset_id: int, example: Example, *, note: str) -> Response:
    datasets = Datasets(server.store)
    dataset = dataset_for(datasets, actor, dataset_id)
    datasets.add(dataset.id, [example], note=note, by=annotator_of(actor).id)
    return RedirectResponse(url(f"/datasets/{dataset.id}/examples/{example.id}", dataset.project), status_code=303)


def _form(example: Example) -> dict[str, str]:
    """Return what stands in the form."""
    label = example.label or {}
    return {
        **{name: plain((getattr(example, name) or {}).get("content")) for name in _OUTPUTS},
        "assertions": "\n".join(example.assertions),
        "tags": ", ".join(example.tags),
        "split": example.split or "",
        "verdict": label.get("verdict") or "",
        "critique": label.get("critique") or "",
    }


def _fields(form: Any, example: Example) -> dict[str, Any]:
    """Return the fields that the form changes: what stands there as it stood is left as it is."""
    given = {name: _text(form, name).replace("\r\n", "\n") for name in _form(example) if name in form}
    said = {name: text for name, text in given.items() if text.strip() != _form(example)[name].strip()}
    found: dict[str, Any] = {
        name: {"content": said[name]} if said[name].strip() else None for name in _OUTPUTS if name in said
    }
    if "assertions" in said:
        found["assertions"] = [line.strip() for line in said["assertions"].splitlines() if line.strip()]
    if "tags" in said:
        found["tags"] = [tag.strip() for tag in said["tags"].split(",") if tag.strip()]
    if "split" in said:
        found["split"] = said["split"].strip() or None
    judged = {name: said[name].strip() or None for name in ("verdict", "critique") if name in said}
    return {**found, "label": {**(example.label or {}), **judged}} if judged else found


def _text(form: Any, name: str) -> str:
    value = form.get(name)
    return value if isinstance(value, str) else ""


def _changes(change: Any) -> list[tuple[str, Any]]:
    """Return each changed field with its words that came and went."""
    return [
        (name.replace("_", " "), words_changed(_said(getattr(change.before, name)), _said(getattr(change.after, name))))
        for name in change.fields
    ]


def _said(value: Any) -> str:
    if isinstance(value, dict) and set(value) <= {"content", "messages"} and "content" in value:
        return plain(value["content"])
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return "\n".join(value)
    return plain(value)
