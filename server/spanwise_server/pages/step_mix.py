"""How steps are used in some traces: how often in each, what they run within, what follows them and what they cost.

A trace is read once, in time and room for its spans; what it says of its steps is small, and is put together with
what others say. Pure.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ..record import Record
from .family import Family
from .step_graph import Step


@dataclass(slots=True)
class Told:
    """What one trace says of one step."""

    runs: int = 0
    errors: int = 0
    ns: int = 0
    own_nusd: int | None = None
    """What its runs cost themselves."""
    outer: int = 0
    """Runs that are not within another run of the step."""
    spent_nusd: int = 0
    """What they cost with all that ran within them."""
    after: Counter[Step | None] = field(default_factory=Counter)
    within: Counter[Step | None] = field(default_factory=Counter)

    @property
    def weight(self) -> int:
        """How much room it takes."""
        return 1 + len(self.after) + len(self.within)


Digest = Mapping[Step, Told]


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


def digest(records: Sequence[Record]) -> Digest:
    """Return what the spans of one trace say of each of its steps."""
    family = Family(records)
    told: defaultdict[Step, Told] = defaultdict(Told)
    _count_runs(family, told)
    _count_costs(family, told)
    followers = family.followers()
    for n, step in enumerate(family.steps):
        told[step].after[followers.get(n)] += 1
        told[step].within[family.around(n)] += 1
    return dict(told)


def told_of(records: Sequence[Record], name: str, kind: str = "") -> Digest:
    """Return of one step alone how often it ran, within what, and what followed: ``step_mix`` asks no more."""
    family = Family(records)
    mine = [n for n, step in enumerate(family.steps) if is_step(step, name, kind)]
    told: defaultdict[Step, Told] = defaultdict(Told)
    followers = family.followers(mine)
    for n in mine:
        one = told[family.steps[n]]
        one.runs += 1
        one.after[followers.get(n)] += 1
        one.within[family.around(n)] += 1
    return dict(told)


def _count_runs(family: Family, told: Mapping[Step, Told]) -> None:
    spans = family.spans
    for step, failed, start, end, cost in zip(
        family.steps, spans.failed, spans.starts, spans.ends, family.spent, strict=True
    ):
        one = told[step]
        one.runs += 1
        one.errors += failed
        one.ns += end - start
        if cost is not None:
            one.own_nusd = (one.own_nusd or 0) + cost


def _count_costs(family: Family, told: Mapping[Step, Told]) -> None:
    running: Counter[Step] = Counter()
    sums: list[int] = []
    for n in family.walk():
        if n >= 0:
            step = family.steps[n]
            told[step].outer += not running[step]
            running[step] += 1
            sums.append(family.spent[n] or 0)
            continue
        step, spent = family.steps[~n], sums.pop()
        running[step] -= 1
        if not running[step]:
            told[step].spent_nusd += spent
        if sums:
            sums[-1] += spent


def dearest_steps(traces: Iterable[Digest], most: int) -> tuple[DearStep, ...]:
    """Return the steps that cost most with what ran within them; of a step within itself the outer run counts."""
    costs: Counter[Step] = Counter()
    runs: Counter[Step] = Counter()
    total = 0
    for trace in traces:
        for step, told in trace.items():
            costs[step] += told.spent_nusd
            runs[step] += told.outer
            total += told.own_nusd or 0
    first = sorted(costs, key=lambda step: (-costs[step], runs[step]))[:most]
    return tuple(DearStep(*step, runs[step], costs[step], costs[step] / total) for step in first if costs[step])


def step_mix(traces: Iterable[Digest], name: str, kind: str = "") -> StepMix:
    """Return how the step is used in *traces*."""
    loops: Counter[int] = Counter()
    after: Counter[Step | None] = Counter()
    within: Counter[Step | None] = Counter()
    for trace in traces:
        mine = [told for step, told in trace.items() if is_step(step, name, kind)]
        if not mine:
            continue
        loops[sum(told.runs for told in mine)] += 1
        for told in mine:
            within.update(told.within)
            after.update(told.after)
    return StepMix(
        sum(loops.values()), sum(runs * n for runs, n in loops.items()), tuple(sorted(loops.items())), _shares(after),
        _shares(within),
    )  # fmt: skip


def is_step(step: Step, name: str, kind: str) -> bool:
    """Return whether *step* is the one of this name, and of this kind where one is asked for."""
    return step[1] == name and (not kind or step[0] == kind)


def steps_in(traces: Iterable[Digest]) -> tuple[StepUse, ...]:
    """Return every step of *traces*, those with the most runs first."""
    found: dict[Step, Told] = {}
    seen: Counter[Step] = Counter()
    for trace in traces:
        seen.update(trace.keys())
        for step, told in trace.items():
            one = found.setdefault(step, Told())
            one.runs += told.runs
            one.errors += told.errors
            one.ns += told.ns
            if told.own_nusd is not None:
                one.own_nusd = (one.own_nusd or 0) + told.own_nusd
    first = sorted(found, key=lambda step: -found[step].runs)
    return tuple(
        StepUse(*step, one.runs, one.errors, seen[step], one.ns / 1e6 / one.runs, one.own_nusd)
        for step in first
        for one in (found[step],)
    )


def _shares(counted: Counter[Step | None]) -> tuple[Share, ...]:
    total = sum(counted.values())
    return tuple(Share(step, times, times / total) for step, times in counted.most_common())
