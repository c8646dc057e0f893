"""Rows of a dataset in the playground: to fill a prompt's variables from one, and to run it over all of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from ..auth.current import CurrentProject, CurrentServer, Server
from ..datasets.example import Example
from ..datasets.version import Dataset, Version
from ..errors import NotFound
from ..playground.rows import columns_of
from ..store.dataset_rows import Shown
from ..store.datasets import Datasets
from .datasets import Row, row_of
from .render import render

router = APIRouter(include_in_schema=False)

ROWS: Final = 8
#: Rows whose columns are offered for variables.
_LOOKED_AT: Final = 20


@dataclass(frozen=True, slots=True)
class Picker:
    """The rows that are offered of one dataset."""

    dataset: Dataset
    version: Version
    versions: list[Version]
    splits: tuple[str, ...]
    split: str
    columns: tuple[str, ...]
    rows: list[Row]
    of: int
    q: str
    page: int

    @property
    def more(self) -> bool:
        """Whether there are rows after these."""
        return self.page * ROWS < self.of


def picker(
    server: Server, project: str, dataset_id: int, *, version: str = "", split: str = "", q: str = "", page: int = 1
) -> Picker | None:
    """Return the rows that are offered of a dataset, ``None`` where it has none."""
    datasets = Datasets(server.store)
    dataset = _dataset(datasets, project, dataset_id)
    frozen = datasets.version_named(dataset.id, version)
    if frozen is None:
        return None
    at = max(1, page)
    first = list(datasets.examples(frozen.id, limit=_LOOKED_AT))
    splits = tuple(sorted({*(dataset.splits or {}), *(one.split for one in first if one.split)}))
    shown = Shown(q, split if split in splits else "")
    examples = datasets.examples(frozen.id, offset=(at - 1) * ROWS, limit=ROWS, shown=shown)
    return Picker(
        dataset,
        frozen,
        datasets.versions(dataset.id),
        splits,
        shown.split,
        _columns(first),
        [row_of(example) for example in examples],
        datasets.count(frozen.id, shown),
        q,
        at,
    )


@router.get("/playground/rows")
def rows_fragment(
    request: Request,
    server: CurrentServer,
    project: CurrentProject,
    *,
    dataset: int,
    version: str = "",
    split: str = "",
    q: str = "",
    page: int = 1,
) -> Response:
    """Show the rows of a dataset that variables can be filled from."""
    found = picker(server, project, dataset, version=version, split=split, q=q, page=page)
    return render(request, "parts/play_rows.html", picker=found)


@router.get("/playground/row")
def one_row(
    server: CurrentServer, project: CurrentProject, *, dataset: int, version: str = "", example: str
) -> Response:
    """Return what one row gives for variables, by column."""
    datasets = Datasets(server.store)
    frozen = datasets.version_named(_dataset(datasets, project, dataset).id, version)
    found = None if frozen is None else datasets.example(frozen.id, example)
    if found is None:
        raise NotFound(f"There is no example {example} in this version.", "Choose another row.")
    said: dict[str, Any] = {"columns": columns_of(found)}
    return JSONResponse(said, headers={"Cache-Control": "private, no-store"})


def _dataset(datasets: Datasets, project: str, dataset_id: int) -> Dataset:
    found = datasets.find(dataset_id)
    if found is None or found.project != project:
        raise NotFound(f"There is no dataset {dataset_id} here.", "/datasets lists those there are.")
    return found


def _columns(examples: Iterable[Example]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for example in examples for name in columns_of(example)))
