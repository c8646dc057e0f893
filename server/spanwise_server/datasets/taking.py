"""A file taken into a dataset: read, compared with what is there, and frozen as a version."""

from __future__ import annotations

from dataclasses import dataclass

from ..exports.xlsx import cell_forms
from ..store.datasets import Datasets
from .files import read_rows
from .importing import imported
from .version import Dataset, Version


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of a file."""

    version: Version | None
    """``None`` where it says nothing that is not there already."""
    taken: int
    unchanged: int
    problems: tuple[str, ...]

    @property
    def words(self) -> str:
        """What came of it, in a sentence."""
        said = [f"{self.taken:,} taken"]
        said += [f"{self.unchanged:,} there already"] if self.unchanged else []
        said += [f"{len(self.problems):,} left out"] if self.problems else []
        return ", ".join(said)


def take_file(datasets: Datasets, dataset: Dataset, body: bytes, *, name: str, by: str) -> Taken:
    """Add the rows of a file to a dataset, each in place of the example that it has the id of."""
    rows = read_rows(body)
    newest = datasets.version(dataset.id)
    held = {} if newest is None else {example.id: example for example in datasets.examples(newest.id)}
    found = imported(rows, held, cell_forms)
    version = datasets.add(dataset.id, found.examples, note=f"From {name}", by=by)
    return Taken(version, len(found.examples), found.unchanged, found.problems)
