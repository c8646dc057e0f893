"""The tree of a trace of any size: laid out once for each state of the trace, and shown a window at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final

from ..auth.current import Server
from ..errors import NotFound
from ..outline import Outline
from ..record import Record
from ..store.base import Trace
from .running import with_begun, with_missing
from .waterfall import Row, Waterfall, lay_out

#: A tree of so many rows is sent whole; of a larger one so many come at a time, as they are scrolled to.
WINDOW: Final = 200
#: Rows of a larger tree that its page begins with: it is painted sooner, and asks for those beyond at once.
AT_FIRST: Final = 60
#: Rows that stand in one block: the browser lays them out by themselves, and they come and go together.
BLOCK: Final = 10
#: Blocks of which no window of ordinary height shows more before it is scrolled: others come with its second frame.
SEEN_AT_FIRST: Final = 4
#: Of a trace with more spans than this only the chosen one is read whole, and those around it where it shows messages.
WHOLE: Final = 2_000
#: So many of them, before and after it.
AROUND: Final = 120
#: Spans that may be folded at once in a tree of which only a window is shown: their ids stand in the URL.
MOST_SHUT: Final = 100


@dataclass(frozen=True, slots=True)
class Gap:
    """Rows that are not here, from the first to before the last."""

    start: int
    end: int

    @property
    def next_window(self) -> int:
        """Where the window below begins that comes first."""
        return self.start

    @property
    def window_before(self) -> int:
        """Where the last window begins that ends where the gap does."""
        return max(self.start, self.end - WINDOW)


@dataclass(frozen=True, slots=True)
class Window:
    """The rows of a tree that are shown, each with its place, and how many are not."""

    rows: tuple[tuple[int, Row], ...]
    total: int
    """Rows there are."""
    before: Gap | None = None
    after: Gap | None = None
    found: int | None = None
    """How many rows have what was looked for, ``None`` where nothing was."""

    @property
    def whole(self) -> bool:
        """Whether all rows of the tree are in a page at once, so that the page itself finds and folds in them."""
        return self.total <= WINDOW

    @property
    def blocks(self) -> tuple[tuple[tuple[int, Row], ...], ...]:
        """The rows, so many together as are laid out at once."""
        return tuple(self.rows[at : at + BLOCK] for at in range(0, len(self.rows), BLOCK))

    def blocks_at_first(self, selected: str) -> int:
        """Return how many blocks the first frame needs: all, unless the chosen row is seen without scrolling."""
        near = any(row.id == selected for _, row in self.rows[: BLOCK * SEEN_AT_FIRST // 2])
        return SEEN_AT_FIRST if near and self.before is None else len(self.blocks)

    @property
    def start(self) -> int:
        """The place of the first row."""
        return self.rows[0][0] if self.rows else 0

    @property
    def end(self) -> int:
        """The place after the last row."""
        return self.rows[-1][0] + 1 if self.rows else 0


@dataclass(frozen=True, slots=True)
class Tree:
    """A trace, all of it laid out."""

    trace: Trace
    fall: Waterfall

    @property
    def large(self) -> bool:
        """Whether its spans are known only as the tree shows them."""
        return self.trace.summary.span_count > WHOLE


def tree_of(server: Server, project: str, trace_id: str, now_ns: int) -> Tree:
    """Return a trace with what is under way in it, laid out; raises NotFound."""
    under_way = server.intake.under_way.of(project, trace_id)
    extent = server.store.extent(project, trace_id)
    stored: Trace | None = None
    if extent is not None and extent.spans > WHOLE:
        key = project, trace_id
        known: Tree | None = server.laid_out.of(key, extent.revision)
        if known is None:
            stored = server.store.outline(project, trace_id)
            if stored is not None:
                known = _laid_out(stored)
                server.laid_out.keep(key, extent.revision, known, extent.spans)
        if known is not None and not under_way:
            return known
        stored = None if known is None else known.trace
    elif extent is not None:
        stored = server.store.trace(project, trace_id)
    found = with_begun(stored, under_way, now_ns)
    if found is None or not found.records:
        raise NotFound(
            f"Project {project} has no trace {trace_id[:40]}.",
            "Choose its project at the top left, or look among all traces. One just sent appears within a second.",
        )
    return _laid_out(found)


def _laid_out(trace: Trace) -> Tree:
    return Tree(trace, lay_out(with_missing(trace.records)))


def whole_spans(server: Server, project: str, tree: Tree, span: str, around: int = 0) -> Sequence[Record]:
    """Return spans with all that they say: all of them, of a large trace the chosen one and those *around* it."""
    records = tree.trace.records
    if not tree.large:
        return records
    spans = Outline.of(records)
    at = spans.ids.index(span) if span in spans.ids else _root(spans)
    near = spans.ids[max(at - around, 0) : at + around + 1]
    return server.store.spans_of(project, tree.trace.summary.trace_id, near)


def selected(records: Sequence[Record], tree: Tree, span_id: str) -> Record:
    """Return the span asked for, else the one worth reading first: what failed, the root where it says anything."""
    if tree.large and span_id not in tree.fall.places:
        spans = Outline.of(tree.trace.records)
        span_id = spans.ids[_root(spans)]
    for record in records:
        if record.span.span_id == span_id:
            return record
    if tree.large:  # one that has only begun
        return next((one for one in tree.trace.records if one.span.span_id == span_id), records[0])
    root = next((r for r in records if r.span.parent_span_id is None), records[0])
    says = root.reading.output is not None or root.reading.input is not None or root.reading.output_messages
    return root if says else next((r for r in records if r.reading.output_messages), root)


def _root(spans: Outline) -> int:
    return next((n for n, parent in enumerate(spans.parents) if parent is None), 0)


def rows_alone(fall: Waterfall, start: int, end: int) -> Window:
    """Return the rows from *start* to before *end* for a tree that has the rest, or knows that it lacks it."""
    return replace(window(fall, start, end), before=None, after=None)


def window(fall: Waterfall, start: int, end: int) -> Window:
    """Return the rows from *start* to before *end*, and what lies beside them."""
    total = len(fall.rows)
    start, end = min(start, total), min(end, total)
    return Window(
        tuple(enumerate(fall.rows[start:end], start)),
        total,
        Gap(0, start) if start else None,
        Gap(end, total) if end < total else None,
    )


def window_around(fall: Waterfall, span_id: str) -> Window:
    """Return all rows of a small tree; of others the first ones, or where the span is further down, those around it."""
    if len(fall.rows) <= WINDOW:
        return window(fall, 0, WINDOW)
    first = max(0, fall.places.get(span_id, 0) - AT_FIRST // 2)
    return window(fall, first, first + AT_FIRST)


def matching(fall: Waterfall, words: str) -> Window:
    """Return the first rows whose name, model or error has *words* in it."""
    places = list(fall.having(words))
    rows = tuple((at, fall.rows[at]) for at in islice(places, WINDOW))
    return Window(rows, len(fall.rows), found=len(places))
