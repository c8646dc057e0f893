"""Where traces first go wrong: which step follows which until the first bad one, and how often that is bad. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ..record import Record
from .answers import NO_STEP
from .outcome import Vote, current
from .picking import led_to
from .queue import Item
from .rates import Rates, Weighed, rates
from .rubric import Rubric

#: What stands before the first step of a trace.
START: Final = ""
#: Steps that the matrix has room for, the worst first.
MOST_STEPS: Final = 12


@dataclass(frozen=True, slots=True)
class FirstBad:
    """What people said of one item: the span of its first bad step, ``None`` where no step is bad."""

    item: Item
    span_id: str | None
    failed: bool | None
    """Whether the item failed as a whole; ``None`` where nobody said."""


@dataclass(frozen=True, slots=True)
class Walk:
    """The steps of one trace in the order they started, up to its first bad one."""

    steps: tuple[str, ...]
    bad: bool
    """Whether the last of them is bad."""
    trace_id: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """One step after another: how often, and how often it was the first bad one."""

    times: int = 0
    bad: int = 0


@dataclass(frozen=True, slots=True)
class Transitions:
    """The matrix: what a trace came from (rows) when a step (columns) first went wrong."""

    before: tuple[str, ...]
    """Rows, the one with the most first bad steps behind it first; ``""`` is the start of a trace."""
    steps: tuple[str, ...]
    """Columns, the one that is first bad most often first."""
    cells: Mapping[tuple[str, str], Cell]
    walks: int
    bad: int
    """Walks with a bad step."""
    left_out: int = 0
    """First bad steps that the matrix has no room for."""

    def cell(self, before: str, step: str) -> Cell:
        """Return one cell; it is empty where the one never followed the other."""
        return self.cells.get((before, step), Cell())

    def of_step(self, step: str) -> Cell:
        """Return how often a step was taken and was the first bad one, whatever was before it."""
        mine = [cell for (_, to), cell in self.cells.items() if to == step]
        return Cell(sum(cell.times for cell in mine), sum(cell.bad for cell in mine))


@dataclass(frozen=True, slots=True)
class Gap:
    """Answers that failed though every step was good: how many, of how many without a bad step."""

    failed: int
    good_steps: int


def first_bad(rubric: Rubric, items: Iterable[Item], votes: Sequence[Vote]) -> list[FirstBad]:
    """Return the first bad step of each item that somebody named one for, or said that there is none.

    What an item was settled as counts; else what most people said, of several said as often the first in order of name.
    """
    question = next((q for q in rubric.questions if q.kind == "first_bad_step"), None)
    if question is None:
        return []
    settled = {vote.item_id: vote for vote in votes if vote.settles}
    labels = current(votes)
    found = []
    for item in items:
        said = [settled[item.id]] if item.id in settled else list(labels.get(item.id, {}).values())
        steps = [step for vote in said if (step := _step(vote.answers.get(question.name))) is not None]
        if steps:
            step = min(Counter(steps).items(), key=lambda one: (-one[1], one[0]))[0]
            found.append(FirstBad(item, None if step == NO_STEP else step, _failed(rubric, said)))
    return found


def walk(root: Record, around: Sequence[Record], bad_span: str | None) -> Walk | None:
    """Return the steps below *root* up to the bad one; ``None`` where the bad one is no longer there."""
    steps: list[str] = []
    for record in led_to(root, around):
        steps.append(record.name)
        if record.span.span_id == bad_span:
            return Walk(tuple(steps), bad=True, trace_id=root.span.trace_id)
    return Walk(tuple(steps), bad=False, trace_id=root.span.trace_id) if bad_span is None else None


def transitions(walks: Sequence[Walk], most: int = MOST_STEPS) -> Transitions:
    """Return the matrix of some walks: only steps that are first bad somewhere, after whatever they followed."""
    times: Counter[tuple[str, str]] = Counter()
    bad: Counter[tuple[str, str]] = Counter()
    for one in walks:
        pairs = list(zip((START, *one.steps), one.steps, strict=False))
        times.update(pairs)
        if one.bad:
            bad[pairs[-1]] += 1
    ends: Counter[str] = Counter()
    begins: Counter[str] = Counter()
    for (before, step), n in bad.items():
        ends[step] += n
        begins[before] += n
    steps = sorted(ends, key=lambda step: (-ends[step], step))[:most]
    rows = sorted(begins, key=lambda before: (-begins[before], before))[:most]
    cells = {pair: Cell(n, bad[pair]) for pair, n in times.items() if pair[1] in steps}
    shown = sum(n for (before, step), n in bad.items() if before in rows and step in steps)
    return Transitions(tuple(rows), tuple(steps), cells, len(walks), bad.total(), bad.total() - shown)


def gap(found: Iterable[FirstBad]) -> Gap:
    """Return how many items failed though no step of theirs is bad."""
    good = [one for one in found if one.span_id is None and one.failed is not None]
    return Gap(sum(bool(one.failed) for one in good), len(good))


def step_rates(found: Sequence[FirstBad], names: Mapping[str, str]) -> Rates:
    """Return how common each step is as the first bad one among all that the queue was drawn from.

    *names* are those of spans; a span that is gone, and a trace without a bad step, go by no name.
    """
    return rates([Weighed({names.get(one.span_id or "", NO_STEP): 1.0}, one.item.p_incl) for one in found])


def _step(given: Mapping[str, Any] | None) -> str | None:
    value = (given or {}).get("value")
    if isinstance(value, Mapping):
        return str(value.get("span_id") or "") or None
    return NO_STEP if value == NO_STEP else None


def _failed(rubric: Rubric, said: Sequence[Vote]) -> bool | None:
    """Return whether most labels say that the item failed."""
    values = [(vote.answers.get(rubric.lead.name) or {}).get("value") for vote in said]
    verdicts = [value == "fail" for value in values if value in {"pass", "fail"}]
    return sum(verdicts) * 2 > len(verdicts) if verdicts and rubric.lead.kind == "binary" else None
