"""Pages of traces, spans and sessions from ClickHouse, by keyset in every order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from operator import itemgetter
from typing import Any, Final, TypeVar

import orjson

from ..outline import Outline
from ..query.filters import Query
from ..record import TraceSummary
from .base import Extent, Page, Trace
from .clickhouse_compile import LAST_NS, Compiler, Judged, ids_in
from .clickhouse_days import DAY_NS, Changes
from .clickhouse_orders import SPAN_ORDERS, TRACE_ORDERS, beside_in
from .clickhouse_rows import SPAN_COLUMNS, TRACE_COLUMNS, Kept, read_kept
from .clickhouse_server import Server
from .conditions import Sql
from .cursor import Cursor, read_cursor
from .find import MOST_ITEMS
from .kept_days import KeptDays, Stretch
from .kept_measures import KeptMeasures
from .orders import order_of
from .outline import OUTLINE_COLUMNS, outline_of
from .rows import STATUSES, usage_of

T = TypeVar("T")
_ORDERS: Final = {"s": SPAN_ORDERS, "t": TRACE_ORDERS}
#: What a page in order of time looks through at first, and how much longer each next stretch is.
_FIRST_STRETCH_NS: Final = DAY_NS
_LONGER: Final = 8
#: What only searching needs, and who reads a span does not; it is half of it.
_UNREAD: Final = {
    "body": "''", "said_keys": "CAST([], 'Array(String)')", "said_texts": "CAST([], 'Array(String)')",
    "said_numbers": "CAST([], 'Array(Float64)')",
}  # fmt: skip
#: What a list of calls does not show either.
_UNPACKED: Final = _UNREAD | {"payload": "''", "origin": "''"}
#: The same of a trace.
_UNSUMMED: Final = {"words": "CAST([], 'Array(String)')", "version": "toUInt64(0)", "gone": "toUInt8(0)"}
_AT: Final = {name: n for n, name in enumerate(TRACE_COLUMNS)}


@dataclass(frozen=True, slots=True)
class Finder:
    """Finds what is in one project."""

    server: Server
    project: str
    project_id: int
    judged: Judged
    labels: Callable[[], Mapping[bytes, str]]
    """Returns the first of the labels of each trace that has one."""
    kept_days: KeptDays
    measures: KeptMeasures
    changes: Callable[[], Changes]
    """Returns when each day of the project changed last."""

    def compiler(self, query: Query) -> Compiler:
        """Return what makes conditions of *query*."""
        return Compiler(self.project_id, query, self.judged)

    def traces(self, query: Query) -> Page[TraceSummary]:
        """Return one page of traces."""
        page = self.placed_traces(query)
        return Page(tuple(summary for summary, _, _ in page.items), page.next_cursor, page.previous_cursor)

    def placed_traces(self, query: Query) -> Page[tuple[TraceSummary, int, int]]:
        """Return the same, each with when it began and what decides between those that began at once."""
        listed = f"SELECT t.trace_id, {order_of(query.sort, TRACE_ORDERS).key}, t.tie, t.start_ns FROM traces AS t"
        page, rows = self._page(query, "t", lambda some: (listed, self.compiler(some).traces()), (1, 2))
        starts = [row[3] for row in rows] or [0]
        summed = self._summed([row[0] for row in rows], min(starts), max(starts))
        whole = {row[_AT["trace_id"]]: row for row in summed}
        found = ((summary_of(self.project, whole[row[0]]), row[3], row[2]) for row in rows if row[0] in whole)
        return replace(page, items=tuple(found))

    def _summed(self, trace_ids: Sequence[bytes], first: int = 0, last: int = LAST_NS) -> list[tuple[Any, ...]]:
        """Return the rows of traces, whole: of those on a page, since all columns of all would be dear to sort."""
        if not trace_ids:
            return []
        which = ids_in("t.trace_id", trace_ids)
        columns = ", ".join(_UNSUMMED.get(name, f"t.{name}") for name in TRACE_COLUMNS)
        text = f"SELECT {columns} FROM traces AS t PREWHERE t.project_id = ? AND {which.text}"
        between = "WHERE t.start_ns >= ? AND t.start_ns <= ?"
        return self.server.rows(Sql(f"{text} {between}", (self.project_id, *which.values, first, last)))

    def spans(self, query: Query, *, whole: bool = True) -> Page[Kept]:
        """Return one page of spans; where they need not be *whole*, of each what its row knows."""
        sorted_by = order_of(query.sort, SPAN_ORDERS).key
        listed = f"SELECT s.trace_id, s.span_id, {sorted_by}, s.tie, s.start_ns FROM spans AS s"
        page, rows = self._page(query, "s", lambda some: (listed, self.compiler(some).spans()), (2, 3))
        there = {(kept.trace_id, kept.row.span_id): kept for kept in self._there(rows, whole=whole)}
        return replace(page, items=tuple(there[key] for row in rows if (key := (row[0], row[1])) in there))

    def _there(self, rows: Sequence[Sequence[Any]], *, whole: bool) -> list[Kept]:
        """Return the spans of a page, of which no other days are read."""
        if not rows:
            return []
        listed = ", ".join("(?, ?)" for _ in rows)
        traces = ids_in("s.trace_id", list(dict.fromkeys(row[0] for row in rows)))
        ids = Sql(f"(s.trace_id, s.span_id) IN ({listed})", tuple(id_ for row in rows for id_ in row[:2]))
        starts = [int(row[4]) for row in rows]
        return self.kept(
            Sql.all([traces, ids]),
            f"WHERE s.start_ns >= {min(starts)} AND s.start_ns <= {max(starts)}",
            _UNREAD if whole else _UNPACKED,
        )

    def kept(self, asked: Sql, after: str = "", unread: Mapping[str, str] = _UNREAD) -> list[Kept]:
        """Return the spans ``s`` whose ids are what is *asked*, without what only searching needs."""
        columns = ", ".join(f"{unread.get(name, f's.{name}')} AS {name}" for name in SPAN_COLUMNS)
        text = f"SELECT {columns} FROM spans AS s PREWHERE s.project_id = ? AND ({asked.text}) {after}"
        return list(read_kept(*self.server.table(Sql(text, (self.project_id, *asked.values)))))

    def _page(
        self, query: Query, table: str, listing: Callable[[Query], tuple[str, Sql]], at: tuple[int, int]
    ) -> tuple[Page[Any], list[tuple[Any, ...]]]:
        limit = max(1, min(query.limit, MOST_ITEMS))
        cursor = None if query.cursor is None else read_cursor(query.cursor, query.sort)
        backwards = cursor is not None and cursor.backwards
        descending = query.sort.startswith("-")
        after, order = beside_in(order_of(query.sort, _ORDERS[table]), query.sort, cursor)
        rows: list[tuple[Any, ...]] = []
        for some in self._parts(query, table, rows, limit + 1, cursor, newest_first=descending != backwards):
            most = limit + 1 - len(rows)
            if isinstance(some, Stretch):
                rows += _rows_of(some, cursor, most, newest_first=descending != backwards)
            else:
                listed, where = listing(some)
                asked = Sql.all([where, after])
                rows += self.server.rows(
                    Sql(f"{listed} WHERE {asked.text} ORDER BY {order} LIMIT {most}", asked.values)
                )
            if len(rows) > limit:
                break
        more, rows = len(rows) > limit, rows[:limit]
        if backwards:
            rows.reverse()
        if not rows:
            return Page(()), []

        def beside(row: tuple[Any, ...], *, before: bool) -> str:
            return Cursor.at(query.sort, row[at[0]], row[at[1]], row[-1], backwards=before).text()

        next_cursor = beside(rows[-1], before=False) if more or backwards else None
        previous = beside(rows[0], before=True) if (more if backwards else cursor is not None) else None
        return Page((), next_cursor, previous), rows

    def _parts(
        self,
        query: Query,
        table: str,
        found: Sequence[object],
        wanted: int,
        cursor: Cursor | None,
        *,
        newest_first: bool,
    ) -> Iterator[Query | Stretch]:
        """Yield what to ask for a page one after another, and the days of it that are kept."""
        if table == "s" or query.sort.removeprefix("-") != "time":
            yield from self.stretches(query, table, found, wanted, cursor, newest_first=newest_first)
            return
        for stretch in self.kept_days.stretches(self, _behind(query, cursor, newest_first), newest_first=newest_first):
            if stretch.block is not None:
                yield stretch
            else:
                yield from self.stretches(stretch.query, table, found, wanted, newest_first=newest_first)

    def stretches(
        self,
        query: Query,
        table: str,
        found: Sequence[object],
        wanted: int,
        cursor: Cursor | None = None,
        *,
        newest_first: bool = True,
    ) -> Iterator[Query]:
        """Yield *query* over one stretch of time after another, each longer, where its order is that of time.

        A page is most often full after the first, and only its days are read. How long the next one is follows from
        how much of what is *wanted* was *found* so far.
        """
        if order_of(query.sort, _ORDERS[table]) is not _ORDERS[table]["time"]:
            yield query
            return
        days = self.changes().days
        if not days:
            return
        query = _behind(query, cursor, newest_first)
        first = max(min(days) * DAY_NS, query.from_ns or 0)
        last = (max(days) + 1) * DAY_NS
        last = last if query.to_ns is None else min(last, query.to_ns)
        step = _FIRST_STRETCH_NS
        while first < last:
            if newest_first:
                begin = max(first, last - step)
                yield replace(query, from_ns=begin, to_ns=last)
                last = begin
            else:
                end = min(last, first + step)
                yield replace(query, from_ns=first, to_ns=end)
                first = end
            step *= max(_LONGER, 2 * wanted // max(1, len(found)))

    def trace_of(self, trace_id: bytes) -> list[Kept]:
        """Return the spans of a trace in the order they started, as they were at one moment."""
        return self.kept(Sql("s.trace_id = ?", (trace_id,)), "ORDER BY start_ns, span_id")

    def spans_of(self, trace_id: bytes, span_ids: Sequence[bytes]) -> list[Kept]:
        """Return some spans of a trace in the order they started."""
        if not span_ids:
            return []
        asked = Sql.all([Sql("s.trace_id = ?", (trace_id,)), ids_in("s.span_id", span_ids)])
        return self.kept(asked, "ORDER BY start_ns, span_id")

    def extent(self, trace_id: bytes) -> Extent | None:
        """Return how many spans a trace has, and its newest version."""
        asked = Sql(
            "SELECT count(), max(version) FROM spans PREWHERE project_id = ? AND trace_id = ?",
            (self.project_id, trace_id),
        )
        ((spans, version),) = self.server.rows(asked)
        return Extent(spans, str(version)) if spans else None

    def outline(self, trace_id: bytes) -> Trace | None:
        """Return a trace as its tree shows it."""
        summed = self._summed([trace_id])
        if not summed:
            return None
        gone = outline_of(self.project, trace_id.hex(), ())
        return Trace(summary_of(self.project, summed[0]), self.outlines([trace_id]).get(trace_id, gone))

    def outlines(self, trace_ids: Sequence[bytes]) -> dict[bytes, Outline]:
        """Return the spans of some traces as their trees show them."""
        which, columns = ids_in("t.trace_id", trace_ids), ", ".join(f"t.{name}" for name in OUTLINE_COLUMNS)
        text = f"SELECT t.trace_id, {columns} FROM spans AS t PREWHERE t.project_id = ? AND {which.text}"
        order = "ORDER BY t.trace_id, t.start_ns, t.span_id"
        rows = self.server.rows(Sql(f"{text} {order}", (self.project_id, *which.values)))
        return {
            trace_id: outline_of(self.project, trace_id.hex(), [row[1:] for row in of_trace])
            for trace_id, of_trace in groupby(rows, itemgetter(0))
        }

    def roots(self, trace_ids: Sequence[bytes]) -> dict[bytes, Kept]:
        """Return the root span of each trace: the earliest without a parent, else the earliest."""
        if not trace_ids:
            return {}
        order = "ORDER BY parent_id IS NOT NULL, start_ns, span_id LIMIT 1 BY trace_id"
        return {kept.trace_id: kept for kept in self.kept(ids_in("s.trace_id", trace_ids), order)}


def _behind(query: Query, cursor: Cursor | None, newest_first: bool) -> Query:  # noqa: FBT001  # the direction
    """Return *query* of no more time than what lies behind the cursor."""
    if cursor is None or cursor.value is None:
        return query
    at = int(cursor.value)
    if newest_first:
        return replace(query, to_ns=at + 1 if query.to_ns is None else min(query.to_ns, at + 1))
    return replace(query, from_ns=at if query.from_ns is None else max(query.from_ns, at))


def _rows_of(stretch: Stretch, cursor: Cursor | None, most: int, *, newest_first: bool) -> list[tuple[Any, ...]]:
    """Return as a list has them the first *most* traces of a day that is kept, behind the cursor."""
    block, (first, last) = stretch.block, stretch.rows
    if block is None:
        return []
    if cursor is not None and cursor.value is not None:
        at = block.row_at(int(cursor.value), cursor.row)
        same = at < len(block) and (block.starts[at], block.ties[at]) == (cursor.value, cursor.row)
        first, last = (first, min(last, at)) if newest_first else (max(first, at + same), last)
    rows = range(last - 1, first - 1, -1)[:most] if newest_first else range(first, last)[:most]
    return [(block.id_of(row), block.starts[row], block.ties[row], block.starts[row]) for row in rows]


def summary_of(project: str, row: Sequence[Any]) -> TraceSummary:
    """Return the summary in a row of ``TRACE_COLUMNS``."""
    said: Callable[[str], Any] = lambda name: row[_AT[name]]  # noqa: E731  # a name for an index
    first = _AT["input_uncached"]
    start_ns = said("start_ns")
    return TraceSummary(
        project=project, trace_id=said("trace_id").hex(), name=said("name"), root_kind=said("root_kind"),
        start_ns=start_ns, end_ns=start_ns + said("duration_ns"), status=STATUSES[said("status")],
        span_count=said("span_count"), error_count=said("error_count"), llm_count=said("llm_count"),
        models=strings(said("models")), usage=usage_of(tuple(row[first : first + 10])), cost_nusd=said("cost_nusd"),
        unpriced_count=said("unpriced_count"), ttft_ms=said("ttft_ms"), session_id=said("session_id"),
        user_id=said("user_id"), tags=strings(said("tags")), environment=said("environment"),
        input_preview=said("input_preview"), output_preview=said("output_preview"), prompts=strings(said("prompts")),
        has_root=bool(said("has_root")),
    )  # fmt: skip


def strings(text: str | None) -> tuple[str, ...]:
    """Return the strings in a column that has several as JSON."""
    return () if text is None else tuple(orjson.loads(text))
