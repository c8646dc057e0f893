"""The tree and the waterfall of a trace as plain values: where each span stands, and what to draw of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, overload

from ..ingest.under_way import is_begun
from ..outline import Outline
from ..record import Record
from .axis import FILLED, Tick, ticks
from .format import duration, money, one_line, plural
from .running import is_missing

#: Parents of these kinds only wait for their children: they are drawn pale.
_WAITING_KINDS: Final = frozenset({"agent", "chain", "span", "prompt"})
_DEEPEST_DRAWN: Final = 12
#: Characters of an error that a row shows.
_ERROR_CUT: Final = 60
#: What the words of a duration take of the narrowest drawing, percent.
_LABEL: Final = 37
#: A span of no length is still a line to be seen.
_THINNEST: Final = 0.4
#: A level that no row is below of.
_NEVER: Final = 1 << 30

Side = Literal["after", "before", "inside"]
State = Literal["", "running", "missing"]


@dataclass(frozen=True, slots=True)
class Row:
    """One span in the tree: positions are percent of the drawing's width."""

    record: Record
    level: int
    children: int
    x: float
    width: float
    wait: float
    """How much of the width is pale: until the first token, or all of a parent that only waits."""
    failed: bool
    side: Side
    """Where its duration is written."""
    on_path: bool
    cost_nusd: int | None
    dear: float
    """Its share of the trace's cost where it is the dearest step of several, else 0."""
    unpriced: bool
    detail: str
    offset_ms: float
    state: State = ""
    """Whether it still runs, or only stands in for a parent that is not there."""
    shut: bool = False
    """Whether the rows below it are left out."""

    @property
    def id(self) -> str:
        """The span's id."""
        return self.record.span.span_id

    @property
    def depth(self) -> int:
        """How far the row is moved in where two trees are compared, at most 12 steps."""
        return min(self.level - 1, _DEEPEST_DRAWN)

    @property
    def price(self) -> str:
        """What it cost, empty where it cost nothing and should not have."""
        if self.unpriced:
            return "unpriced"
        return "" if self.cost_nusd is None else money(self.cost_nusd)

    @property
    def aside(self) -> str:
        """The few words after its name: what went wrong, that it runs, what is within it, its model or documents."""
        if self.failed:
            span, reading = self.record.span, self.record.reading
            return one_line(reading.error_type or span.status_message or "failed", _ERROR_CUT)
        if self.state == "missing":
            return f"{plural(self.children, 'span')} within it"
        return self.state or self.detail

    @property
    def said(self) -> str:
        """All that is drawn of it, in words."""
        price = f"dearest step {self.price}" if self.dear else self.price
        took = f"{duration(self.record.duration_ms)}, starts at {duration(self.offset_ms)}"
        aside, head = self.aside, f"{self.record.kind} {self.record.name}"
        failed = "failed" if self.failed and aside != "failed" else ""
        return ", ".join(words for words in (head, aside, failed, price, took) if words)


@dataclass(frozen=True, slots=True)
class Spent:
    """How long spans of one kind worked themselves, their children's time taken off."""

    kind: str
    ms: float
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Waterfall:
    """A whole trace laid out."""

    rows: Sequence[Row]
    """Made as they are asked for: of a large trace only a window is."""
    ticks: tuple[Tick, ...]
    spent: tuple[Spent, ...]
    errors: tuple[str, ...]
    """Ids of the spans that failed, in the order of the rows."""
    places: Mapping[str, int]
    """Where each span's row is."""

    def having(self, words: str) -> Iterator[int]:
        """Yield the places of the rows whose name, model or error has *words* in it."""
        return self.rows.having(words.strip().lower()) if isinstance(self.rows, _Rows) else iter(())

    def without(self, shut: Collection[str]) -> Waterfall:
        """Return it with nothing shown below the spans in *shut*."""
        if not isinstance(self.rows, _Rows) or self.places.keys().isdisjoint(shut):
            return self
        rows = self.rows.without({self.places[span_id] for span_id in shut if span_id in self.places})
        return replace(self, rows=rows, places=rows.places())


@dataclass(frozen=True, slots=True)
class _Drawn:
    """What is known of a tree before any of its rows is drawn."""

    tree: _Tree
    start: int
    total: int
    """Nanoseconds."""
    costs: Mapping[int, int]
    path: frozenset[int]
    dearest: Mapping[int, float]


class _Rows(Sequence[Row]):
    """The rows of a tree, each made when it is asked for."""

    def __init__(self, drawn: _Drawn, order: Sequence[int], shut: Collection[int] = ()) -> None:
        self._drawn = drawn
        self._order = order
        self._shut = shut

    def __len__(self) -> int:
        return len(self._order)

    @overload
    def __getitem__(self, at: int) -> Row: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[Row, ...]: ...
    def __getitem__(self, at: int | slice) -> Row | tuple[Row, ...]:
        if isinstance(at, slice):
            return tuple(map(self._row, self._order[at]))
        return self._row(self._order[at])

    def places(self) -> dict[str, int]:
        """Return where each span's row is."""
        ids = self._drawn.tree.spans.ids
        return {ids[n]: place for place, n in enumerate(self._order)}

    def having(self, words: str) -> Iterator[int]:
        """Yield the places of the rows that are found by *words*."""
        said = self._drawn.tree.spans.words
        return (place for place, n in enumerate(self._order) if words in said[n])

    def without(self, shut: Collection[int]) -> _Rows:
        """Return these rows but those below the ones at the places in *shut*."""
        levels, order, below = self._drawn.tree.levels, list[int](), _NEVER
        for place, n in enumerate(self._order):
            if levels[n] > below:
                continue
            order.append(n)
            below = levels[n] if place in shut else _NEVER
        return _Rows(self._drawn, order, frozenset(self._order[place] for place in shut))

    def _row(self, n: int) -> Row:
        drawn, tree, spans = self._drawn, self._drawn.tree, self._drawn.tree.spans
        record, start, end = spans[n], spans.starts[n], spans.ends[n]
        scale = FILLED * 100 / drawn.total
        x, width = (start - drawn.start) * scale, max(end - start, 0) * scale
        children = len(tree.children[n])
        return Row(
            record=record, level=tree.levels[n], children=children, x=round(x, 2),
            width=round(max(width, _THINNEST), 2), wait=round(_wait(record, width, scale, children), 2),
            failed=spans.failed[n], side=_side(x, width), on_path=n in drawn.path, cost_nusd=drawn.costs.get(n),
            dear=drawn.dearest.get(n, 0.0), unpriced=record.unpriced, detail=_detail(record),
            offset_ms=(start - drawn.start) / 1e6, state=_state(record), shut=n in self._shut,
        )  # fmt: skip


class _Tree:
    """Children by parent, safe against missing parents, cycles and repeated ids; spans are known by their number."""

    def __init__(self, spans: Outline) -> None:
        self.spans = spans
        numbers = sorted(range(len(spans)), key=spans.ids.__getitem__)
        numbers.sort(key=spans.ends.__getitem__, reverse=True)
        numbers.sort(key=spans.starts.__getitem__)
        at = {spans.ids[n]: n for n in reversed(numbers)}
        if len(at) < len(numbers):  # of those with one id the first stands
            numbers = [n for n in numbers if at[spans.ids[n]] == n]
        self.children: list[list[int]] = [[] for _ in range(len(spans))]
        self.levels = [0] * len(spans)
        """How deep each stands, from 1; 0 is none that is shown."""
        roots = []
        for n in numbers:
            parent = at.get(spans.parents[n] or "", n)
            if parent == n:
                roots.append(n)
            else:
                self.children[parent].append(n)
        self.order: list[int] = []
        for root in roots:
            self._walk(root)
        if len(self.order) < len(numbers):
            roots += self._rings(numbers)
        self.roots = roots

    def _walk(self, root: int) -> None:
        levels, children, order = self.levels, self.children, self.order
        stack = [root]
        levels[root] = 1
        while stack:
            n = stack.pop()
            order.append(n)
            below = children[n]
            if below:
                level = levels[n] + 1
                for child in below:
                    levels[child] = level
                stack.extend(reversed(below))

    def _rings(self, numbers: Sequence[int]) -> list[int]:
        """Spans that are one another's parents have no root: the earliest of each ring becomes one."""
        roots = []
        parent_of = {child: n for n, below in enumerate(self.children) for child in below}
        for first in numbers:
            if not self.levels[first]:
                self.children[parent_of[first]].remove(first)
                roots.append(first)
                self._walk(first)
        return roots


def lay_out(records: Sequence[Record]) -> Waterfall:
    """Return the tree of *records* as rows, with axis, critical path, subtotals and time by kind."""
    spans = Outline.of(records)
    if not spans.ids:
        return Waterfall((), (), (), (), {})
    tree = _Tree(spans)
    start, end = min(spans.starts), max(spans.ends)
    total = max(end - start, 1)
    costs = _subtotals(tree)
    rows = _Rows(_Drawn(tree, start, total, costs, critical_path(tree), _dearest(tree, costs)), tree.order)
    failed = tuple(spans.ids[n] for n in tree.order if spans.failed[n])
    return Waterfall(rows, ticks(total / 1e6), _spent(tree), failed, rows.places())


def _state(record: Record) -> State:
    if is_begun(record):
        return "running"
    return "missing" if is_missing(record) else ""


def _wait(record: Record, width: float, scale: float, children: int) -> float:
    if children and record.kind in _WAITING_KINDS:
        return width
    first = record.reading.ttft_ms
    return 0.0 if first is None else min(first * 1e6 * scale, width)


def _side(x: float, width: float) -> Side:
    if x + width <= 100 - _LABEL:
        return "after"
    return "before" if x >= _LABEL else "inside"


def _detail(record: Record) -> str:
    """Return the few words after a span's name."""
    reading = record.reading
    model = reading.model or reading.request_model
    if model:
        return "" if model in record.name else model
    if reading.documents is not None:
        count = len(reading.documents)
        return f"{count} document{'' if count == 1 else 's'}"
    return ""


def _subtotals(tree: _Tree) -> dict[int, int]:
    """Return what each span and those below it cost: the leaves' own, else its own."""
    own, children = tree.spans.costs, tree.children
    costs: dict[int, int] = {}
    if own.count(None) == len(own):
        return costs
    for n in reversed(tree.order):
        below = [costs[child] for child in children[n] if child in costs]
        cost = own[n]
        if below:
            costs[n] = sum(below)
        elif cost is not None:
            costs[n] = cost
    return costs


def _dearest(tree: _Tree, costs: Mapping[int, int]) -> dict[int, float]:
    """Return the step that cost most itself and its share of all; nothing where no step cost more than another."""
    own = {n: cost for n, cost in costs.items() if not any(child in costs for child in tree.children[n])}
    most = max(own.values(), default=0)
    if most == min(own.values(), default=0):
        return {}
    first = next(n for n in tree.order if own.get(n) == most)
    return {first: most / sum(own.values())}


def critical_path(tree: _Tree) -> frozenset[int]:
    """Return the spans that the trace's end waited for: from the end back, whichever child ended last."""
    starts, ends = tree.spans.starts, tree.spans.ends
    last = max(tree.roots, key=ends.__getitem__)
    path: set[int] = set()
    stack = [(last, ends[last])]
    while stack:
        n, until = stack.pop()
        path.add(n)
        cursor = until
        for child in sorted(tree.children[n], key=ends.__getitem__, reverse=True):
            ended = min(ends[child], until)
            if ended <= cursor and starts[child] < cursor:
                stack.append((child, ended))
                cursor = starts[child]
    return frozenset(path)


def _spent(tree: _Tree) -> tuple[Spent, ...]:
    spans = tree.spans
    by_kind: dict[str, int] = defaultdict(int)
    for start, end, kind, children in zip(spans.starts, spans.ends, spans.kinds, tree.children, strict=True):
        if children:
            by_kind[kind] += self_ns(start, end, [(spans.starts[n], spans.ends[n]) for n in children])
        elif end > start:
            by_kind[kind] += end - start
    total = sum(by_kind.values())
    if total <= 0:
        return ()
    found, x = [], 0.0
    for kind, ns in sorted(by_kind.items(), key=lambda item: -item[1]):
        width = ns / total * 100
        if width >= 0.5:
            found.append(Spent(kind, ns / 1e6, round(x, 2), round(max(width - 0.3, 0.2), 2)))
        x += width
    return tuple(found)


def self_ns(start: int, end: int, below: Iterable[tuple[int, int]]) -> int:
    """Return the nanoseconds from *start* to *end* that none of the intervals *below* covers."""
    covered, cursor = 0, start
    for first, last in sorted(below):
        first, last = max(first, cursor), min(last, end)  # noqa: PLW2901 - the interval as far as it lies inside
        if last > first:
            covered += last - first
            cursor = last
    return max(end - start - covered, 0)
