"""Datasets made from judgements: of a queue, of what a filter finds, of one span."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final, Literal, Protocol, TypeVar

from ..errors import NotFound, SpanwiseError
from ..labelling.judgement import LABELS
from ..labelling.picking import each_trace_id
from ..labelling.queue import Item, Queue, Target
from ..query.filters import And, Query, Term
from ..query.numbers import whole
from ..record import Annotation, Record
from ..store.base import SpanStore
from ..store.queues import Queues
from ..store.sessions import Sessions
from .example import Example, assertions_of, example_of

T = TypeVar("T")
Which = Literal["all", "expected", "passed", "failed"]
#: Choice -> what it takes, in words.
CHOICES: Final[Mapping[Which, str]] = {
    "all": "everything labelled",
    "expected": "what has an expected answer: passed or corrected",
    "passed": "what passed",
    "failed": "what failed",
}
MOST_EXAMPLES: Final = 20_000
_AT_ONCE: Final = 200


class MakerStore(SpanStore, Sessions, Protocol):
    """A store with judged spans, and the queues they were judged in."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Which judgements become examples."""

    annotation_name: str
    which: Which = "all"

    def takes(self, judged: Annotation) -> bool:
        """Return whether a judgement by a person, of this name, is one of those chosen."""
        if judged.name != self.annotation_name or judged.annotator.kind != "human":
            return False
        wanted = judged.correction is not None or bool(assertions_of(judged))
        if self.which == "all":
            return wanted or judged.label is not None or judged.score is not None
        if self.which == "expected":
            return wanted or judged.label == "pass"
        return judged.label == {"passed": "pass", "failed": "fail"}[self.which]


class Maker:
    """Makes examples from the judged spans of one store."""

    def __init__(self, store: MakerStore) -> None:
        self._store = store

    def of_queue(self, queue: Queue, which: Which = "all") -> list[Example]:
        """Return an example of each labelled item of a queue, in its order."""
        done = [item for item in Queues(self._store).items(queue.id) if item.state == "done"]
        return _some(list(self._of_items(queue, done, Choice(queue.annotation_name, which))))

    def of_filter(self, query: Query, choice: Choice) -> list[Example]:
        """Return an example of each labelled span of the traces that *query* finds, the newest trace first."""
        labelled = replace(query, filter=And((query.filter, Term("label", "=", LABELS))), limit=_AT_ONCE, sort="-time")
        examples: list[Example] = []
        for trace_ids in _batches(each_trace_id(self._store, labelled)):
            judged = self._store.annotations(query.project, trace_ids)
            for trace_id in trace_ids:
                examples += self._of_trace(query.project, trace_id, judged.get(trace_id, ()), choice)
            if len(examples) > MOST_EXAMPLES:
                raise SpanwiseError(f"That is more than {MOST_EXAMPLES:,} examples.", "Narrow the filter.")
        return _some(examples)

    def of_span(self, project: str, target: Target, annotation_name: str) -> list[Example]:
        """Return the example of one span, labelled or not."""
        judged = self._store.annotations(project, [target.trace_id]).get(target.trace_id, ())
        latest = _latest(judged, Choice(annotation_name)).get(target.span_id)
        step = _bad_steps(judged).get(target.span_id)
        trace = self._store.trace(project, target.trace_id)
        record = None if trace is None else _record(trace.records, target.span_id)
        if trace is None or record is None:
            raise NotFound(f"There is no span {target.span_id}.", "Its trace may have been deleted.")
        return [example_of(record, latest, around=trace.records, blind=self._blind(latest), first_bad_step=step)]

    def _of_items(self, queue: Queue, items: Iterable[Item], choice: Choice) -> Iterator[Example]:
        for batch in _batches(items):
            judged = self._store.annotations(queue.project, list({item.target.trace_id for item in batch}))
            for item in batch:
                of_item = judged.get(item.target.trace_id, ())
                yield from self._of_trace(queue.project, item.target.trace_id, of_item, choice, item.target.span_id)

    def _of_trace(
        self, project: str, trace_id: str, judged: Sequence[Annotation], choice: Choice, only: str | None = None
    ) -> Iterator[Example]:
        """Yield the examples of one trace; *only* of one span, of the whole trace where that is empty."""
        latest, bad_steps = _latest(judged, choice), _bad_steps(judged)
        trace = self._store.trace(project, trace_id) if latest else None
        if trace is None:
            return
        for span_id, annotation in latest.items():
            record = _record(trace.records, span_id) if only in {None, span_id} else None
            if record is None:
                continue
            example = example_of(
                record,
                annotation,
                around=trace.records,
                blind=self._blind(annotation),
                first_bad_step=bad_steps.get(span_id),
            )
            if choice.which != "expected" or example.expected_output is not None or example.assertions:
                yield example

    def _blind(self, judged: Annotation | None) -> bool | None:
        """Return whether a judgement was given blind; ``None`` where nobody can tell."""
        kind, _, number = ("", "", "") if judged is None else judged.source.partition(":")
        if kind != "queue":
            return None if judged is None else False
        of = whole(number)
        queue = None if of is None else Queues(self._store).find(of)
        return None if queue is None else queue.blind


def _latest(judged: Iterable[Annotation], choice: Choice) -> dict[str, Annotation]:
    """Return the judgement that counts of each span, empty for the whole trace, where it is one of those chosen.

    It is the newest, but what a disagreement was settled with comes before any other.
    """
    anything = replace(choice, which="all")
    in_order = sorted(judged, key=lambda a: ("settled" in (a.metadata or {}), a.updated_ns))
    newest = {a.span_id or "": a for a in in_order if anything.takes(a)}
    return {span_id: a for span_id, a in newest.items() if choice.takes(a)}


def _bad_steps(judged: Iterable[Annotation]) -> dict[str, str]:
    """Return the span that was called the first bad step, by the span it was judged of."""
    found = {}
    for annotation in sorted(judged, key=lambda a: a.updated_ns):
        step = (annotation.metadata or {}).get("step")
        if annotation.annotator.kind == "human" and isinstance(step, Mapping) and isinstance(step.get("span_id"), str):
            found[annotation.span_id or ""] = step["span_id"]
    return found


def _record(records: Iterable[Record], span_id: str) -> Record | None:
    """Return the span of this id; where it is empty the root, else the first there is."""
    if span_id:
        return next((record for record in records if record.span.span_id == span_id), None)
    spans = list(records)
    return next((record for record in spans if record.span.parent_span_id is None), next(iter(spans), None))


def _some(examples: list[Example]) -> list[Example]:
    if not examples:
        raise SpanwiseError("Nothing there is labelled yet.", "Label some spans first, or choose other labels.")
    return examples


def _batches(things: Iterable[T]) -> Iterator[list[T]]:
    rest = iter(things)
    while batch := list(islice(rest, _AT_ONCE)):
        yield batch
