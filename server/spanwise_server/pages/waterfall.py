"""The tree and the waterfall of a trace as plain values: where each span stands, and what to draw of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, overload

from ..ingest.under_way import is_begun
from ..record import Record
from .format import duration
from .running import is_missing

#: Part of the drawing's width that the trace fills; the rest is room for the last label.
FILLED: Final = 0.915
#: Parents of these kinds only wait for their children: they are drawn pale.
_WAITING_KINDS: Final = frozenset({"agent", "chain", "span", "prompt"})
_STEPS: Final = (1, 2, 4, 5, 10)
_DEEPEST_DRAWN: Final = 12
#: A span of no length is still a line to be seen.
_THINNEST: Final = 0.4
_TICKS: Final = 5

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

    @property
    def id(self) -> str:
        """The span's id."""
        return self.record.span.span_id

    @property
    def depth(self) -> int:
        """How far the row is moved in, at most 12 steps: the level itself stands in the markup."""
        return min(self.level - 1, _DEEPEST_DRAWN)


@dataclass(frozen=True, slots=True)
class Tick:
    """One mark of the time axis."""

    x: float
    words: str


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
    records: Mapping[str, Record]

    def words_of(self, span_id: str) -> str:
        """Return what a span is found by within its trace, in lower case."""
        record = self.records[span_id]
        reading, span = record.reading, record.span
        said = (record.name, reading.model, reading.request_model, reading.error_type, span.status_message)
        return " ".join(filter(None, said)).lower()


class _Rows(Sequence[Row]):
    """The rows of a tree, each made when it is asked for."""

    def __init__(self, tree: _Tree, start: int, total: int, costs: Mapping[str, int]) -> None:
        self._tree = tree
        self._start, self._total = start, total
        self._costs = costs
        self._path = critical_path(tree.records, tree.children, tree.roots)
        self._dearest = _dearest(tree, costs)

    def __len__(self) -> int:
        return len(self._tree.order)

    @overload
    def __getitem__(self, at: int) -> Row: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[Row, ...]: ...
    def __getitem__(self, at: int | slice) -> Row | tuple[Row, ...]:
        if isinstance(at, slice):
            return tuple(map(self._row, self._tree.order[at]))
        return self._row(self._tree.order[at])

    def _row(self, place: tuple[str, int]) -> Row:
        return _row(self._tree, *place, self._start, self._total, self._path, self._costs, self._dearest)


class _Tree:
    """Children by parent, safe against missing parents, cycles and repeated ids."""

    def __init__(self, records: Iterable[Record]) -> None:
        self.records: dict[str, Record] = {}
        for record in sorted(records, key=lambda r: (r.span.start_ns, -r.span.end_ns, r.span.span_id)):
            self.records.setdefault(record.span.span_id, record)
        self.children: dict[str, list[str]] = defaultdict(list)
        self.roots: list[str] = []
        for span_id, record in self.records.items():
            parent = record.span.parent_span_id
            if parent is None or parent not in self.records or parent == span_id:
                self.roots.append(span_id)
            else:
                self.children[parent].append(span_id)
        self.order = self._walk()
        self._take_in_cycles()

    def _walk(self) -> list[tuple[str, int]]:
        order: list[tuple[str, int]] = []
        seen: set[str] = set()
        stack = [(root, 1) for root in reversed(self.roots)]
        while stack:
            span_id, level = stack.pop()
            if span_id in seen:
                continue
            seen.add(span_id)
            order.append((span_id, level))
            stack.extend((child, level + 1) for child in reversed(self.children[span_id]))
        return order

    def _take_in_cycles(self) -> None:
        """Spans that are one another's parents have no root: the earliest of each ring becomes one."""
        reached = {span_id for span_id, _ in self.order}
        while len(reached) < len(self.records):
            first = next(span_id for span_id in self.records if span_id not in reached)
            parent = self.records[first].span.parent_span_id
            if parent is not None:
                self.children[parent].remove(first)
            self.roots.append(first)
            self.order = self._walk()
            reached = {span_id for span_id, _ in self.order}


def lay_out(records: Sequence[Record]) -> Waterfall:
    """Return the tree of *records* as rows, with axis, critical path, subtotals and time by kind."""
    tree = _Tree(records)
    if not tree.records:
        return Waterfall((), (), (), (), {}, {})
    start = min(r.span.start_ns for r in tree.records.values())
    end = max(r.span.end_ns for r in tree.records.values())
    total = max(end - start, 1)
    rows = _Rows(tree, start, total, _subtotals(tree))
    failed = tuple(span_id for span_id, _ in tree.order if tree.records[span_id].span.status == "error")
    places = {span_id: n for n, (span_id, _) in enumerate(tree.order)}
    return Waterfall(rows, ticks(total / 1e6), _spent(tree), failed, places, tree.records)


def _row(
    tree: _Tree,
    span_id: str,
    level: int,
    start: int,
    total: int,
    path: frozenset[str],
    costs: Mapping[str, int],
    dearest: Mapping[str, float],
) -> Row:
    record = tree.records[span_id]
    span = record.span
    scale = FILLED * 100 / total
    x, width = (span.start_ns - start) * scale, max(span.end_ns - span.start_ns, 0) * scale
    children = len(tree.children[span_id])
    failed = span.status == "error"
    return Row(
        record=record, level=level, children=children, x=round(x, 2), width=round(max(width, _THINNEST), 2),
        wait=round(_wait(record, width, scale, children), 2), failed=failed, side=_side(x, width),
        on_path=span_id in path, cost_nusd=costs.get(span_id), dear=dearest.get(span_id, 0.0), unpriced=record.unpriced,
        detail=_detail(record), offset_ms=(span.start_ns - start) / 1e6, state=_state(record),
    )  # fmt: skip


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
    if x + width <= 76:
        return "after"
    return "before" if x >= 22 else "inside"


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


def _subtotals(tree: _Tree) -> dict[str, int]:
    """Return what each span and those below it cost: the leaves' own, else its own."""
    costs: dict[str, int] = {}
    for span_id, _ in reversed(tree.order):
        below = [costs[child] for child in tree.children[span_id] if child in costs]
        cost = tree.records[span_id].cost
        if below:
            costs[span_id] = sum(below)
        elif cost is not None:
            costs[span_id] = cost.total_nusd
    return costs


def _dearest(tree: _Tree, costs: Mapping[str, int]) -> dict[str, float]:
    """Return the step that cost most itself and its share of all; nothing where no step cost more than another."""
    own = {span_id: cost for span_id, cost in costs.items() if costs.keys().isdisjoint(tree.children[span_id])}
    most = max(own.values(), default=0)
    if most == min(own.values(), default=0):
        return {}
    first = next(span_id for span_id, _ in tree.order if own.get(span_id) == most)
    return {first: most / sum(own.values())}


def critical_path(
    records: Mapping[str, Record], children: Mapping[str, Sequence[str]], roots: Sequence[str]
) -> frozenset[str]:
    """Return the spans that the trace's end waited for: from the end back, whichever child ended last."""
    if not roots:
        return frozenset()
    last = max(roots, key=lambda span_id: records[span_id].span.end_ns)
    path: set[str] = set()
    stack = [(last, records[last].span.end_ns)]
    while stack:
        span_id, until = stack.pop()
        path.add(span_id)
        cursor = until
        for child in sorted(children.get(span_id, ()), key=lambda c: records[c].span.end_ns, reverse=True):
            span = records[child].span
            ended = min(span.end_ns, until)
            if ended <= cursor and span.start_ns < cursor:
                stack.append((child, ended))
                cursor = span.start_ns
    return frozenset(path)


def _spent(tree: _Tree) -> tuple[Spent, ...]:
    by_kind: dict[str, float] = defaultdict(float)
    for span_id, record in tree.records.items():
        if not tree.children[span_id]:
            by_kind[record.kind] += max(record.span.end_ns - record.span.start_ns, 0) / 1e6
            continue
        below = [(tree.records[c].span.start_ns, tree.records[c].span.end_ns) for c in tree.children[span_id]]
        by_kind[record.kind] += self_ns(record.span.start_ns, record.span.end_ns, below) / 1e6
    total = sum(by_kind.values())
    if total <= 0:
        return ()
    found, x = [], 0.0
    for kind, ms in sorted(by_kind.items(), key=lambda item: -item[1]):
        width = ms / total * 100
        if width >= 0.5:
            found.append(Spent(kind, ms, round(x, 2), round(max(width - 0.3, 0.2), 2)))
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


def ticks(total_ms: float) -> tuple[Tick, ...]:
    """Return round marks of a time axis that ends at *total_ms*: at most five."""
    if total_ms <= 0:
        return (Tick(0.0, "0 s"),)
    unit = 10.0 ** _floor_power(total_ms / _TICKS)
    step = next(unit * factor for factor in (*_STEPS, 20) if total_ms / (unit * factor) < _TICKS)
    count = int(total_ms / step) + 1
    return tuple(Tick(round(n * step / total_ms * FILLED * 100, 2), _tick_words(n * step)) for n in range(count))


def _floor_power(value: float) -> int:
    power = 0
    while value >= 10:
        value, power = value / 10, power + 1
    while 0 < value < 1:
        value, power = value * 10, power - 1
    return power


def _tick_words(ms: float) -> str:
    if ms == 0:
        return "0 s"
    if ms < 1_000:
        return f"{ms:g} ms"
    return f"{ms / 1_000:g} s" if ms < 60_000 else duration(ms)
