"""Pages of traces and of spans, by keyset: the thousandth page is as quick as the first, in both directions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Final, TypeVar

from ..query.filters import Query
from .address import PLACE_BITS
from .base import Page
from .change import SPAN_COLUMNS, TRACE_COLUMNS
from .compile import Compiler, Plan, asks_index
from .conditions import EVERYTHING, Sql
from .connection import Connection
from .cursor import Cursor, read_cursor
from .index_key import runs_of
from .newest import near_end
from .orders import SPAN_ORDERS, TRACE_ORDERS, Order, in_turn, order_of

T = TypeVar("T")
#: The columns of traces and of spans, in the order in which they are selected.
_COLUMNS: Final = {"t": TRACE_COLUMNS, "s": SPAN_COLUMNS}
#: The largest page there is.
MOST_ITEMS: Final = 1_000
#: In a time range with at most this many traces, sorting them beats walking an index of all times.
_MOST_SORTED: Final = 10_000


@dataclass(frozen=True, slots=True)
class _Walk:
    """One way through the rows: what to select from, ending in a condition, and what is asked of each."""

    source: Sql
    where: Sql
    driven: int | None
    """How many traces of a driver are looked at, ``None`` where it is all of them."""
    times: str
    """The table that is walked, and its index of times."""
    near: Sql | None = None
    """What to select from where only the newest are looked at, which are likely to be enough."""


_TRACE_TIMES: Final = "traces ix_traces_time"
_SPAN_TIMES: Final = "spans ix_spans_time"
#: What is read of each row; what it is sorted by stands behind it.
_READ: Final = {"t": "t.*", "s": "s.*, t.trace_id AS of_trace"}
#: So many rows are asked one by one whether the text index has their words, before it is asked once for all.
_WALKED_FIRST: Final = 400
_DRIVEN_ONE_BY_ONE: Final = 50
#: Traces among which spans are that are looked through one after the other, and groups of them to ask the index for.
_MOST_AMONG, _MOST_RUNS = 2_000, 40
#: Traces looked through for spans at once: few at first, later more.
_NEAR_FIRST, _NEAR_MOST = 50, 400
#: The order in which the longest traces are looked through first, and how many, before all spans are sorted.
_LONGEST, MOST_LONGEST = "-latency", 2_000
#: Of an order that spans have an index of so many are looked at first, and then so many, before all are sorted.
_FIRST_OF_ALL: Final = (200, 2_000)
#: In a time range with at most this many spans, sorting them beats both.
_MOST_SPANS_SORTED: Final = 5_000

Rows = list[tuple[Any, ...]]


def trace_page(
    connection: Connection,
    project_id: int,
    query: Query,
    make: Callable[[tuple[Any, ...]], T],
    among: Sequence[int] | None = None,
) -> Page[T]:
    """Return one page of traces, each made by *make* from its row; *among* rows in which it lies and that all match."""
    order = order_of(query.sort, TRACE_ORDERS)

    def walk(*, at_once: bool) -> _Walk:
        if among is not None:
            marks = ", ".join("?" * len(among)) or "NULL"
            return _Walk(Sql(f"FROM traces t WHERE t.id IN ({marks})", tuple(among)), EVERYTHING, 0, "")
        plan = Compiler(connection, project_id, query, of_all=at_once).traces()
        return _Walk(_trace_source(connection, project_id, query, plan, order), plan.where, plan.driven, _TRACE_TIMES)

    return _page(connection, project_id, query, order, walk, make)


def span_page(
    connection: Connection,
    project_id: int,
    query: Query,
    make: Callable[[tuple[Any, ...]], T],
    among: Sequence[int] | None = None,
    nearest: Iterable[tuple[float, int]] | None = None,
) -> Page[T]:
    """Return one page of spans, each made by *make* from its row and, last in it, its trace's id.

    Spans that match are *among* those of some traces, given by their rows in order, where that is known; or of the
    *nearest*, as ``candidates.py`` gives them.
    """
    order = order_of(query.sort, SPAN_ORDERS)
    runs = tuple(runs_of(among)) if among and len(among) <= _MOST_AMONG else ()

    def walk(*, at_once: bool) -> _Walk:
        plan = Compiler(
            connection, project_id, query, of_all=at_once or bool(runs), runs=runs if len(runs) <= _MOST_RUNS else ()
        ).spans()
        if runs and (plan.driven is None or plan.driven > len(among or ())):
            rows = f"SELECT id AS row FROM traces WHERE id IN ({', '.join('?' * len(among or ()))})"
            plan = Plan(plan.where, Sql(rows, tuple(among or ())), 0)
        source = plan.from_spans(project_id)
        return _Walk(source, plan.where, plan.driven, _SPAN_TIMES, _near(connection, project_id, query, plan))

    def near(most: int, cursor: Cursor | None) -> Rows | None:
        if nearest is not None and query.sort.endswith("time"):
            return _found_near(connection, project_id, query, order, most, cursor, nearest)
        foremost = nearest is not None and (cursor is None or cursor.value is not None)
        longest = query.sort == _LONGEST and (cursor is None or not cursor.backwards)
        indexed = order.index is not None and not query.sort.endswith("time")
        if among is not None or not (foremost or longest or indexed) or asks_index(query.filter):
            return None
        plan = Compiler(connection, project_id, query).spans()
        if plan.driven is not None or _is_short(connection, project_id, query, plan):
            return None
        if foremost:
            return _of_the_foremost(connection, project_id, query, order, most, cursor, nearest or ())
        if longest:
            return _of_the_longest(connection, project_id, query, order, most, cursor)
        return _of_the_first(connection, project_id, query, plan.where, order, most, cursor)

    if among == []:
        return Page(())
    return _page(connection, project_id, query, order, walk, make, near)


def limit_of(query: Query) -> int:
    """Return how many items a page has."""
    return max(1, min(query.limit, MOST_ITEMS))


def _trace_source(connection: Connection, project_id: int, query: Query, plan: Plan, order: Order) -> Sql:
    """Return what to select from, ending in a condition: the driver's traces, else an index in a fitting order."""
    index = order.index or "ix_traces_time"
    if plan.driver is None and index != "ix_traces_time" and (query.from_ns is not None or query.to_ns is not None):
        few = (
            "SELECT count(*) FROM (SELECT 1 FROM traces t INDEXED BY ix_traces_time "
            f"WHERE t.project_id = ? AND t.start_ns >= ? AND t.start_ns < ? LIMIT {_MOST_SORTED + 1}) AS few"
        )
        range_ = (project_id, query.from_ns or 0, 2**63 - 1 if query.to_ns is None else query.to_ns)
        if connection.execute(few, range_).fetchone()[0] <= _MOST_SORTED:
            index = "ix_traces_time"
    return plan.from_traces(project_id, index)


def _page(
    connection: Connection,
    project_id: int,
    query: Query,
    order: Order,
    walk: Callable[..., _Walk],
    make: Callable[[tuple[Any, ...]], T],
    near: Callable[[int, Cursor | None], Rows | None] = lambda _most, _cursor: None,
) -> Page[T]:
    limit = limit_of(query)
    cursor = None if query.cursor is None else read_cursor(query.cursor, query.sort)
    backwards = cursor is not None and cursor.backwards
    rows = near(limit + 1, cursor)
    if rows is None:
        rows = _found(connection, project_id, query, order, walk, limit + 1, cursor)
    more = len(rows) > limit
    rows = rows[:limit]
    if backwards:
        rows.reverse()
    if not rows:
        return Page(())
    start_at = _COLUMNS[order.table].index("start_ns")

    def beside(row: tuple[Any, ...], *, before: bool) -> str:
        return Cursor.at(query.sort, row[-1], row[0], row[start_at], backwards=before).text()

    return Page(
        tuple(make(row[:-1]) for row in rows),
        next_cursor=beside(rows[-1], before=False) if more or backwards else None,
        previous_cursor=beside(rows[0], before=True) if (more if backwards else cursor is not None) else None,
    )


def _found(
    connection: Connection,
    project_id: int,
    query: Query,
    order: Order,
    walk: Callable[..., _Walk],
    most: int,
    cursor: Cursor | None,
) -> list[tuple[Any, ...]]:
    """Return the rows of a page.

    The text index is asked row by row where a page fills soon; where it does not, once for everything.
    """
    if not asks_index(query.filter):
        way = walk(at_once=False)
        if way.near is not None:
            rows = _rows(connection, query, order, replace(way, source=way.near), most, cursor)
            if len(rows) >= most:
                return rows
        return _rows(connection, query, order, way, most, cursor)
    way = walk(at_once=False)
    if way.driven is not None and way.driven <= _DRIVEN_ONE_BY_ONE:
        return _rows(connection, query, order, way, most, cursor)
    if way.driven is None and order.key.endswith(".start_ns"):
        edge = _edge(connection, project_id, query, way.times, cursor)
        rows = _rows(connection, query, order, way, most, cursor, edge)
        if edge is None or len(rows) >= most:
            return rows
    way = walk(at_once=True)
    return _rows(connection, query, order, way, most, cursor)


def _found_near(
    connection: Connection,
    project_id: int,
    query: Query,
    order: Order,
    most: int,
    cursor: Cursor | None,
    nearest: Iterable[tuple[float, int]],
) -> Rows:
    """Return the spans of a page: of few traces after another, the nearest first.

    No span of a trace comes before what stands beside it, a time or another number that is sorted by, so that the walk
    ends where the page is full.
    """
    where = Compiler(connection, project_id, query).spans().where
    if order.nullable:
        where, order = Sql.all([where, Sql(f"{order.key} IS NOT NULL")]), replace(order, nullable=False)
    descending = query.sort.startswith("-") != (cursor is not None and cursor.backwards)
    rows: Rows = []
    size, left = _NEAR_FIRST, iter(nearest)
    while some := list(islice(left, size)):
        bound = some[0][0]
        if len(rows) >= most and (rows[-1][-1] > bound if descending else rows[-1][-1] < bound):
            break
        source = spans_of_traces(project_id, [row for _, row in some])
        rows += _rows(connection, query, order, _Walk(source, where, 0, ""), most, cursor)
        rows.sort(key=lambda row: (row[-1], row[0]), reverse=descending)
        del rows[most:]
        size = min(size * 2, _NEAR_MOST)
    return rows


def _of_the_longest(
    connection: Connection, project_id: int, query: Query, order: Order, most: int, cursor: Cursor | None
) -> Rows | None:
    """Return the spans of a page by latency, as far as the longest traces tell them: else ``None``.

    No span takes longer than its trace, so that a page is full once its last span takes longer than the next trace.
    """
    longest = connection.execute(
        "SELECT t.duration_ns, t.id, t.start_ns FROM traces t INDEXED BY ix_traces_latency WHERE t.project_id = ? "
        "ORDER BY t.duration_ns DESC LIMIT ?",
        (project_id, MOST_LONGEST),
    ).fetchall()
    first, end = query.from_ns or 0, 2**63 - 1 if query.to_ns is None else query.to_ns
    within = [(took, row) for took, row, start in longest if start < end and start + took >= first]
    rows = _found_near(connection, project_id, query, order, most, cursor, within)
    if len(longest) < MOST_LONGEST or (len(rows) == most and rows[-1][-1] > longest[-1][0]):
        return rows
    return None


def _of_the_first(
    connection: Connection,
    project_id: int,
    query: Query,
    where: Sql,
    order: Order,
    most: int,
    cursor: Cursor | None,
) -> Rows | None:
    """Return the spans of a page, as far as the first of all in its order tell them: else ``None``.

    Only those are in the index that say what is sorted by. Going back, none of the others comes behind them.
    """
    if cursor is not None and cursor.value is None:
        return None
    (asked, by), *unsaid = in_turn(order, query.sort, cursor)
    first = Sql(
        f"FROM spans s INDEXED BY {order.index} WHERE s.project_id = ? AND {asked.text} ORDER BY {by}",
        (project_id, *asked.values),
    )
    for looked in _FIRST_OF_ALL:
        rows = connection.execute(
            f"SELECT {_READ['s']}, {order.key} AS sorted_by FROM (SELECT s.* {first.text} LIMIT {looked}) s "
            f"CROSS JOIN traces t ON t.id = s.id >> {PLACE_BITS} WHERE {where.text} ORDER BY {by} LIMIT ?",
            (*first.values, *where.values, most),
        ).fetchall()
        if len(rows) == most:
            return rows
    found = f"SELECT count(*) FROM (SELECT s.id {first.text} LIMIT {looked}) AS found"
    there = connection.execute(found, first.values).fetchone()[0]
    return rows if there < looked and not unsaid else None


def _is_short(connection: Connection, project_id: int, query: Query, plan: Plan) -> bool:
    """Return whether so few spans are in the range of *query* that they are sorted soonest."""
    if query.from_ns is None and query.to_ns is None:
        return False
    few = (
        "SELECT count(*) FROM (SELECT 1 FROM spans s INDEXED BY ix_spans_time WHERE s.project_id = ? AND s.id >= ? "
        f"AND s.start_ns >= ? AND s.start_ns < ? LIMIT {_MOST_SPANS_SORTED + 1}) AS few"
    )
    first, end = query.from_ns or 0, 2**63 - 1 if query.to_ns is None else query.to_ns
    return int(connection.execute(few, (project_id, plan.first or 0, first, end)).fetchone()[0]) <= _MOST_SPANS_SORTED


def _of_the_foremost(
    connection: Connection,
    project_id: int,
    query: Query,
    order: Order,
    most: int,
    cursor: Cursor | None,
    nearest: Iterable[tuple[float, int]],
) -> Rows | None:
    """Return the spans of a page, which say what is sorted by, as far as the *nearest* traces tell: else ``None``."""
    foremost = list(islice(nearest, MOST_LONGEST + 1))
    rows = _found_near(connection, project_id, query, order, most, cursor, foremost[:MOST_LONGEST])
    backwards = cursor is not None and cursor.backwards
    if len(foremost) <= MOST_LONGEST:
        return rows if len(rows) == most or backwards else None  # those that say none come next
    beyond, falls = foremost[-1][0], query.sort.startswith("-") != backwards
    return rows if len(rows) == most and (rows[-1][-1] > beyond if falls else rows[-1][-1] < beyond) else None


def spans_of_traces(project_id: int, traces: Sequence[int]) -> Sql:
    """Return what to select the spans of some traces from; ends in a condition."""
    driver = Sql(f"SELECT id AS row FROM traces WHERE id IN ({', '.join('?' * len(traces))})", tuple(traces))
    return Plan(EVERYTHING, driver, 0).from_spans(project_id)


def _near(connection: Connection, project_id: int, query: Query, plan: Plan) -> Sql | None:
    """Return what to select the newest spans from, where that is quicker than from all."""
    if query.sort != "-time" or asks_index(query.filter):
        return None
    if query.cursor is not None:
        cursor = read_cursor(query.cursor, query.sort)
        if cursor.backwards or cursor.value is None:
            return None
        query = replace(query, to_ns=int(cursor.value) + 1)
    near = near_end(connection, project_id, query, plan)
    if near is None:
        return None
    found, newer = near[0].from_spans(project_id), near[1]
    return Sql(f"{found.text} AND {newer.text}", (*found.values, *newer.values))


def _edge(
    connection: Connection, project_id: int, query: Query, times: str, cursor: Cursor | None
) -> tuple[str, int] | None:
    """Return a condition that leaves the first few rows of the walk and a value for it, ``None`` where all are few."""
    descending = query.sort.startswith("-") != (cursor is not None and cursor.backwards)
    begin = cursor.value if cursor is not None and cursor.value is not None else None
    table, _, index = times.partition(" ")
    beyond, direction, until = ("<=", "DESC", ">") if descending else (">=", "ASC", "<")
    low, high = 0 if query.from_ns is None else query.from_ns, 2**63 - 1 if query.to_ns is None else query.to_ns - 1
    if begin is None:
        begin = high if descending else low
    found = connection.execute(
        f"SELECT start_ns FROM {table} INDEXED BY {index} WHERE project_id = ? AND start_ns {beyond} ? "
        f"AND start_ns BETWEEN ? AND ? ORDER BY start_ns {direction} LIMIT 1 OFFSET {_WALKED_FIRST}",
        (project_id, begin, low, high),
    ).fetchone()
    return None if found is None else (f".start_ns {until} ?", found[0])


def _rows(
    connection: Connection,
    query: Query,
    order: Order,
    way: _Walk,
    most: int,
    cursor: Cursor | None,
    edge: tuple[str, int] | None = None,
) -> list[tuple[Any, ...]]:
    """Return up to *most* rows beside the cursor: those that say what is sorted by come before those that do not."""
    source, where, table = way.source, way.where, order.table
    if edge is not None:
        source = Sql(f"{source.text} AND {table}{edge[0]}", (*source.values, edge[1]))
    parts = in_turn(order, query.sort, cursor)
    rows: list[tuple[Any, ...]] = []
    for asked, order_by in parts:
        text = (
            f"SELECT {_READ[table]}, {order.key} AS sorted_by {source.text} AND {asked.text} AND {where.text} "
            f"ORDER BY {order_by} LIMIT ?"
        )
        values = (*source.values, *asked.values, *where.values, most - len(rows))
        rows += connection.execute(text, values)
        if len(rows) >= most:
            break
    return rows
