"""What ran below a span as a graph of its steps: which led to which, how often, for how long and for how much. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Final, TypeVar

from ..outline import Outline
from ..record import Record
from .waterfall import Row

#: Steps that are drawn; the rest is named only by its number.
MOST_NODES: Final = 60
#: Kinds whose spans have a graph of what they did.
GRAPHED: Final = frozenset({"agent", "chain"})

T = TypeVar("T")
Step = tuple[str, str]
_Way = tuple[Step, Step, bool]


@dataclass(frozen=True, slots=True)
class Node:
    """One step: all its runs together."""

    number: int
    kind: str
    name: str
    runs: int
    errors: int
    ms: float
    cost_nusd: int | None
    span_id: str
    """Of its first run."""


@dataclass(frozen=True, slots=True)
class Edge:
    """How often one step led to another, and what came of it there."""

    source: int
    target: int
    times: int
    within: bool
    """Whether the target began inside the source, rather than after it."""
    share: float
    """Of all that its source led to in this way."""
    again: int
    """How often it went back to a step that had run before: the turns of a loop."""
    ms: float
    cost_nusd: int | None


@dataclass(frozen=True, slots=True)
class StepGraph:
    """The steps below one span; the first node is the span itself."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    left_out: int

    @property
    def turns(self) -> int:
        """How many turns of loops there were."""
        return sum(edge.again for edge in self.edges)

    def after(self, node: Node) -> tuple[Edge, ...]:
        """Return what a step led to."""
        return tuple(edge for edge in self.edges if edge.source == node.number)


class _Counted:
    """Runs that are being added up."""

    def __init__(self) -> None:
        self.times = self.errors = self.again = 0
        self.ms = 0.0
        self.cost_nusd: int | None = None
        self.first: Row | None = None

    def add(self, row: Row, *, again: bool = False) -> None:
        self.first = self.first or row
        self.times += 1
        self.errors += row.failed
        self.again += again
        self.ms += row.record.duration_ms
        if row.cost_nusd is not None:
            self.cost_nusd = (self.cost_nusd or 0) + row.cost_nusd


def has_graph(record: Record, records: Sequence[Record]) -> bool:
    """Return whether a span has steps below it that are worth a graph."""
    return record.kind in GRAPHED and record.span.span_id in Outline.of(records).parents


def step_graph(rows: Sequence[Row], span_id: str) -> StepGraph:
    """Return the graph of the steps below a span of a laid-out trace.

    A step follows the sibling that ended last before it began; steps side by side follow the same one, and the first
    ones follow their parent.
    """
    below = _below(rows, span_id)
    if not below:
        return StepGraph((), (), 0)
    nodes: dict[Step, _Counted] = {}
    edges: defaultdict[_Way, _Counted] = defaultdict(_Counted)
    root = below[0]
    nodes.setdefault(_start(root), _Counted()).add(root)
    for parent, children in families(below):
        at = _start(root) if parent is root else step_of(parent)
        for child, before, again in sequence(children):
            nodes.setdefault(step_of(child), _Counted()).add(child)
            edges[at if before is None else step_of(before), step_of(child), before is None].add(child, again=again)
    return _graph(nodes, edges)


def _below(rows: Sequence[Row], span_id: str) -> Sequence[Row]:
    """Return a span's row and all rows below it."""
    first = next((n for n, row in enumerate(rows) if row.id == span_id), None)
    if first is None:
        return ()
    level = rows[first].level
    end = next((n for n in range(first + 1, len(rows)) if rows[n].level <= level), len(rows))
    return rows[first:end]


def families(below: Sequence[Row]) -> list[tuple[Row, list[Row]]]:
    """Return each parent with its children in the order they began."""
    families: dict[str, tuple[Row, list[Row]]] = {}
    above: list[Row] = []
    for row in below:
        while above and above[-1].level >= row.level:
            above.pop()
        if above:
            families.setdefault(above[-1].id, (above[-1], []))[1].append(row)
        above.append(row)
    return list(families.values())


def sequence(children: Sequence[Row]) -> Iterable[tuple[Row, Row | None, bool]]:
    """Yield each child with the sibling it followed, and whether its step had run before."""
    seen: set[Step] = set()
    for child, before in followed(children, lambda row: row.record.span.start_ns, lambda row: row.record.span.end_ns):
        yield child, before, step_of(child) in seen
        seen.add(step_of(child))


def followed(children: Iterable[T], start: Callable[[T], int], end: Callable[[T], int]) -> Iterator[tuple[T, T | None]]:
    """Yield each of some siblings in the order they began with the one that had ended last before it began."""
    running: list[tuple[int, int, T]] = []
    last: tuple[int, T] | None = None
    for n, child in enumerate(children):
        began, done = start(child), None
        while running and running[0][0] <= began:
            ended = heappop(running)
            if done is None or ended[0] > done[0]:
                done = ended[0], ended[2]
        last = done or last
        yield child, None if last is None else last[1]
        heappush(running, (end(child), n, child))


def step_of(row: Row) -> Step:
    """Return which step a row is a run of."""
    return row.record.kind, row.record.name


def _start(root: Row) -> Step:
    """Return the step of the span whose graph it is: apart from steps of the same name below it."""
    return f"{root.record.kind} ", root.record.name


def _graph(nodes: dict[Step, _Counted], edges: dict[_Way, _Counted]) -> StepGraph:
    shown = list(nodes)[:MOST_NODES]
    numbers = {step: n for n, step in enumerate(shown)}
    led: defaultdict[tuple[Step, bool], int] = defaultdict(int)
    for (source, _, within), counted in edges.items():
        led[source, within] += counted.times
    return StepGraph(
        tuple(_node(numbers[step], step, nodes[step]) for step in shown),
        tuple(
            Edge(
                numbers[source], numbers[target], c.times, within, c.times / led[source, within], c.again, c.ms,
                c.cost_nusd,
            )
            for (source, target, within), c in edges.items() if source in numbers and target in numbers
        ),
        len(nodes) - len(shown),
    )  # fmt: skip


def _node(number: int, step: Step, counted: _Counted) -> Node:
    first = "" if counted.first is None else counted.first.id
    return Node(number, step[0].strip(), step[1], counted.times, counted.errors, counted.ms, counted.cost_nusd, first)
