"""What a version of a prompt is known to fail on: calls that somebody labelled so, and rows of datasets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Final

from ..datasets.example import Example
from ..datasets.version import Dataset
from ..experiments.experiment import Experiment
from ..query.filters import And, Term
from ..query.measures import Steps
from ..record import Annotation, Record
from ..store.base import SpanStore
from ..store.datasets import Datasets
from ..store.experiments import Experiments
from .figures import FAILED, FiguresStore, query_of
from .version import Prompt, Version

#: So many newest labelled calls, runs, and rows of each dataset are looked at.
_MOST_CALLS: Final = 50
_MOST_RUNS: Final = 20
_MOST_ROWS: Final = 20_000


@dataclass(frozen=True, slots=True)
class FailedCall:
    """A call that was labelled a failure."""

    record: Record
    label: Annotation


@dataclass(frozen=True, slots=True)
class FailedRow:
    """A row of a dataset that a version failed on."""

    dataset: Dataset
    example: Example
    why: str
    trace_id: str | None
    span_id: str | None = None
    run: Experiment | None = None
    """The run that it failed in; ``None`` where it was made from a call that was labelled a failure."""


def failed_calls(store: SpanStore, prompt: Prompt, version: Version, steps: Steps) -> list[FailedCall]:
    """Return the newest calls with a version that were labelled failures, the newest first."""
    traffic = query_of(prompt, version, steps)
    failed = replace(
        traffic, filter=And((traffic.filter, Term("label", "=", (FAILED,)))), limit=_MOST_CALLS, sort="-time"
    )
    records = store.find_spans(failed).items
    labels = store.annotations(prompt.project, sorted({record.span.trace_id for record in records}))
    found = []
    for record in records:
        said = [
            label
            for label in labels.get(record.span.trace_id, ())
            if label.label == FAILED and label.span_id in (None, record.span.span_id)
        ]
        if said:
            found.append(FailedCall(record, said[-1]))
    return found


def failed_rows(store: FiguresStore, prompt: Prompt, version: Version, most: int = 50) -> list[FailedRow]:
    """Return the rows of datasets that a version failed on: in a run over them, or before they became rows."""
    rows = {(row.dataset.id, row.example.id): row for row in _of_calls(store, prompt, version, most)}
    rows |= {(row.dataset.id, row.example.id): row for row in islice(_of_runs(store, prompt, version), most)}
    return list(rows.values())[:most]


def _of_calls(store: FiguresStore, prompt: Prompt, version: Version, most: int) -> Iterator[FailedRow]:
    datasets = Datasets(store)
    left = most
    for dataset in datasets.all(prompt.project):
        if dataset.newest is None:
            continue
        for example in islice(datasets.examples(dataset.newest.id), _MOST_ROWS):
            source, label = example.source or {}, example.label or {}
            used = source.get("prompt") or {}
            made = used.get("name") == prompt.name and used.get("version") == version.said_as
            if made and label.get("verdict") == FAILED:
                yield FailedRow(
                    dataset, example, str(label.get("critique") or ""), source.get("trace_id"), source.get("span_id")
                )
                left -= 1
            if not left:
                return


def _of_runs(store: FiguresStore, prompt: Prompt, version: Version) -> Iterator[FailedRow]:
    datasets, experiments = Datasets(store), Experiments(store)
    runs = [run for run in experiments.all(prompt.project) if _is_of(run.plan or {}, prompt, version)]
    for run in runs[:_MOST_RUNS]:
        dataset, held = datasets.find(run.dataset_id), datasets.version(run.dataset_id, run.version)
        if dataset is None or held is None:
            continue
        failed = [result for result in experiments.results(run.id) if result.passed is False]
        examples = datasets.chosen(held.id, [result.example_id for result in failed])
        for result in failed:
            if result.example_id in examples:
                why = result.error or result.message
                yield FailedRow(dataset, examples[result.example_id], why, result.trace_id, run=run)


def _is_of(plan: Mapping[str, Any], prompt: Prompt, version: Version) -> bool:
    """Return whether a run asked the version as it is, and not what somebody made of it in the playground."""
    if plan.get("prompt") != prompt.name or plan.get("version") != version.number:
        return False
    said = [(message.get("role"), message.get("content")) for message in version.content.messages]
    asked = [(message.get("role"), message.get("content")) for message in plan.get("messages") or ()]
    return asked[: len(said)] == said
