"""How a step is used in some traces: how often in each, what it runs within, and what follows it. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..record import Record
from .running import with_missing
from .step_graph import Step, families, sequence, step_of
from .waterfall import Row, lay_out


@dataclass(frozen=True, slots=True)
class Share:
    """One thing that was counted, with its share of all of its kind."""

    step: Step | None
    """``None`` stands for nothing: the step was the last, or nothing was around it."""
    times: int
    share: float


@dataclass(frozen=True, slots=True)
class StepMix:
    """What some traces say of one step."""

    traces: int
    runs: int
    loops: tuple[tuple[int, int], ...]
    """Runs in one trace -> how many traces have so many, in order of the runs."""
    after: tuple[Share, ...]
    within: tuple[Share, ...]

    @property
    def most(self) -> int:
        """The most runs that one trace has."""
        return max((runs for runs, _ in self.loops), default=0)

    @property
    def again(self) -> int:
        """In how many traces it ran more than once."""
        return sum(traces for runs, traces in self.loops if runs > 1)


@dataclass(frozen=True, slots=True)
class StepUse:
    """One step in the list of steps of some traces."""

    kind: str
    name: str
    runs: int
    errors: int
    traces: int
    ms: float
    cost_nusd: int | None


@dataclass(frozen=True, slots=True)
class DearStep:
    """What one step cost with all that ran within it."""

    kind: str
    name: str
    runs: int
    cost_nusd: int
    share: float
    """Of the cost of all these traces; steps lie within each other, so that shares do not add up to one."""


def dearest_steps(traces: Iterable[Sequence[Record]], most: int) -> tuple[DearStep, ...]:
    """Return the steps that cost most with what ran within them; of a step within itself the outer run counts."""
    costs: Counter[Step] = Counter()
    runs: Counter[Step] = Counter()
    total = 0
    for records in traces:
        above = {record.span.span_id: record for record in records}
        for record in records:
            step = record.kind, record.name
            around = list(_ancestors(record, above))
            runs[step] += all((outer.kind, outer.name) != step for outer in around)
            if record.cost is None:
                continue
            total += record.cost.total_nusd
            for paying in {(one.kind, one.name) for one in (record, *around)}:
                costs[paying] += record.cost.total_nusd
    first = sorted(costs, key=lambda step: (-costs[step], runs[step]))[:most]
    return tuple(DearStep(*step, runs[step], costs[step], costs[step] / total) for step in first if costs[step])


def _ancestors(record: Record, above: Mapping[str, Record]) -> Iterator[Record]:
    seen = {record.span.span_id}
    parent = record.span.parent_span_id
    while parent is not None and parent in above and parent not in seen:
        seen.add(parent)
        yield above[parent]
        parent = above[parent].span.parent_span_id


def step_mix(traces: Iterable[Sequence[Record]], name: str, kind: str = "") -> StepMix:
    """Return how the step is used in *traces*, each given by its spans."""
    loops: Counter[int] = Counter()
    after: Counter[Step | None] = Counter()
    within: Counter[Step | None] = Counter()
    for records in traces:
        rows = lay_out(with_missing(records)).rows
        mine = [row for row in rows if _is(row, name, kind)]
        if not mine:
            continue
        loops[len(mine)] += 1
        parents = _parents(rows)
        followers = _followers(rows)
        for row in mine:
            within[parents.get(row.id)] += 1
            after[followers.get(row.id)] += 1
    return StepMix(
        sum(loops.values()), sum(runs * n for runs, n in loops.items()), tuple(sorted(loops.items())), _shares(after),
        _shares(within),
    )  # fmt: skip


def steps_in(traces: Iterable[Sequence[Record]]) -> tuple[StepUse, ...]:
    """Return every step of *traces*, those with the most runs first."""
    runs: Counter[Step] = Counter()
    errors: Counter[Step] = Counter()
    seen: Counter[Step] = Counter()
    ms: Counter[Step] = Counter()
    costs: dict[Step, int] = {}
    for records in traces:
        for record in records:
            step = record.kind, record.name
            runs[step] += 1
            errors[step] += record.span.status == "error"
            ms[step] += round(record.duration_ms)
            if record.cost is not None:
                costs[step] = costs.get(step, 0) + record.cost.total_nusd
        seen.update({(record.kind, record.name) for record in records})
    return tuple(
        StepUse(*step, n, errors[step], seen[step], ms[step] / n, costs.get(step)) for step, n in runs.most_common()
    )


def _is(row: Row, name: str, kind: str) -> bool:
    return row.record.name == name and (not kind or row.record.kind == kind)


def _parents(rows: Sequence[Row]) -> dict[str, Step]:
    return {child.id: step_of(parent) for parent, children in families(rows) for child in children}


def _followers(rows: Sequence[Row]) -> dict[str, Step]:
    """Return the step that followed each span among its siblings; the first of several that did."""
    found: dict[str, Step] = {}
    for _, children in families(rows):
        for child, before, _ in sequence(children):
            if before is not None:
                found.setdefault(before.id, step_of(child))
    return found


def _shares(counted: Counter[Step | None]) -> tuple[Share, ...]:
    total = sum(counted.values())
    return tuple(Share(step, times, times / total) for step, times in counted.most_common())
