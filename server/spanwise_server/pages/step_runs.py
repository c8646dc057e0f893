"""Which spans of some traces a figure of a step is made of. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import nlargest
from operator import itemgetter
from typing import Final

from ..outline import Outline
from ..query.calls import Call
from ..record import Record
from .family import Family
from .step_graph import Step
from .step_mix import is_step

#: What a figure of a step can be of, and what that is called.
PICKS: Final[Mapping[str, str]] = {
    "runs": "runs",
    "outer": "runs that are in no other run of it",
    "failed": "runs that failed",
    "priced": "runs with a cost of their own",
    "within": "calls that cost something within it",
    "after": "runs with this step after them",
    "around": "runs within this step",
    "loops": "runs in traces with so many",
}


@dataclass(frozen=True, slots=True)
class Pick:
    """Some spans of a step: all its runs, or those that one figure counts."""

    name: str
    kind: str = ""
    of: str = "runs"
    """A key of ``PICKS``."""
    other: Step | None = None
    """The step that follows or surrounds the runs, ``None`` for nothing."""
    times: int = 0
    """How many runs a trace has."""


@dataclass(frozen=True, slots=True)
class Picked:
    """The spans of a figure: how many, what they cost and took together, and those of one page."""

    count: int
    cost_nusd: int | None
    ms: float
    failed: int
    calls: tuple[Call, ...]


class _Sum:
    def __init__(self) -> None:
        self.count = self.failed = self.ns = 0
        self.cost_nusd: int | None = None

    def add(self, family: Family, n: int) -> None:
        spans, spent = family.spans, family.spent[n]
        self.count += 1
        self.failed += spans.failed[n]
        self.ns += spans.ends[n] - spans.starts[n]
        if spent is not None:
            self.cost_nusd = (self.cost_nusd or 0) + spent


def picked(traces: Iterable[Outline], pick: Pick, sort: str, start: int, most: int) -> Picked:
    """Return the spans of *pick*, of which the page from *start* on in the order of *sort* is made."""
    total, found = _Sum(), list[tuple[float, Call]]()
    backwards = -1 if not sort.startswith("-") else 1
    for outline in traces:
        family = Family(outline)
        mine = list(places(family, pick))
        for n in mine:
            total.add(family, n)
        rank = _RANKS[sort.removeprefix("-")](family)
        first = nlargest(start + most, ((backwards * rank(n), n) for n in mine))
        found += [(key, _call(family, n)) for key, n in first]
        found = nlargest(start + most, found, key=lambda one: one[0])
    return Picked(total.count, total.cost_nusd, total.ns / 1e6, total.failed, tuple(call for _, call in found[start:]))


def addresses(traces: Iterable[Outline], pick: Pick, sort: str) -> list[tuple[str, str]]:
    """Return the trace and the id of every span of *pick*, in the order of *sort*."""
    backwards = -1 if not sort.startswith("-") else 1
    found: list[tuple[float, str, str]] = []
    for outline in traces:
        family = Family(outline)
        rank = _RANKS[sort.removeprefix("-")](family)
        for n in places(family, pick):
            span = family.spans[n].span
            found.append((backwards * rank(n), span.trace_id, span.span_id))
    found.sort(key=itemgetter(0), reverse=True)
    return [(trace_id, span_id) for _, trace_id, span_id in found]


def places(family: Family, pick: Pick) -> Iterator[int]:
    """Yield where the spans of *pick* stand among those of one trace."""
    if pick.of in ("within", "outer"):
        yield from _nested(family, pick)
        return
    mine = [n for n, step in enumerate(family.steps) if is_step(step, pick.name, pick.kind)]
    matches = _matches(family, pick, mine)
    yield from (n for n in mine if matches(n))


def _matches(family: Family, pick: Pick, mine: Sequence[int]) -> Callable[[int], bool]:
    if pick.of == "failed":
        return lambda n: family.spans.failed[n]
    if pick.of == "priced":
        return lambda n: family.spent[n] is not None
    if pick.of == "after":
        followers = family.followers()
        return lambda n: followers.get(n) == pick.other
    if pick.of == "around":
        return lambda n: family.around(n) == pick.other
    return lambda _: pick.of == "runs" or len(mine) == pick.times


def _nested(family: Family, pick: Pick) -> Iterator[int]:
    """Yield the outermost runs, or what has a cost among all runs and what lies within them."""
    running = 0
    for n in family.walk():
        mine = is_step(family.steps[n if n >= 0 else ~n], pick.name, pick.kind)
        if n < 0:
            running -= mine
            continue
        if mine and not running and pick.of == "outer":
            yield n
        running += mine
        if running and pick.of == "within" and family.spent[n] is not None:
            yield n


_RANKS: Final[Mapping[str, Callable[[Family], Callable[[int], float]]]] = {
    "time": lambda family: family.spans.starts.__getitem__,
    "cost": lambda family: lambda n: family.spent[n] or -1,
    "latency": lambda family: lambda n: family.spans.ends[n] - family.spans.starts[n],
    "tokens": lambda family: lambda n: _tokens(family.spans[n]),
}


def _tokens(record: Record) -> int:
    usage = record.reading.usage
    return -1 if usage is None else usage.total_tokens or 0


def _call(family: Family, n: int) -> Call:
    record = family.spans[n]
    reading = record.reading
    return Call(
        trace_id=record.span.trace_id, span_id=record.span.span_id, name=record.name, kind=record.kind,
        provider=reading.provider, model=reading.model, start_ns=record.span.start_ns,
        duration_ms=record.duration_ms, ttft_ms=reading.ttft_ms, status=record.span.status,
        error_type=reading.error_type, error_message=record.span.status_message, usage=reading.usage,
        cost_nusd=None if record.cost is None else record.cost.total_nusd, cost_source=None,
        counted=family.spans.counted[n], prompt=None, user_id=reading.user_id, input_preview=None,
    )  # fmt: skip
