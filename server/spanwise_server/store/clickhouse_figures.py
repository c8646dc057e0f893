"""Figures about what a query finds in ClickHouse: totals, bars over time, facets, completion, measures of calls."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any, Final, TypeVar

from ..query.filters import Filter, OneSpan, Query, Term, Text
from ..query.measures import CallPoint, Measured, SessionCosts, Steps, Sums
from ..record import Usage
from . import measures as measuring
from .base import Bar, Totals
from .clickhouse_compile import VALUE_OF_SPAN, ids_in, text_is
from .clickhouse_days import DAY_NS
from .clickhouse_find import Finder
from .compile import conjuncts
from .conditions import Sql, combined
from .day_block import DayBlock
from .figures import (
    MOST_COUNTED,
    edges_between,
    totals_of,
)
from .gathered import Gathered
from .kept_days import Stretch
from .measures import (
    BUCKETS,
    KINDS,
    OF_SERIES,
    VALUE_OF_SERIES,
    rollups_tell,
)
from .rollups import HOUR_NS
from .rows import ERROR
from .settled import measured
from .tables import SUMS

T = TypeVar("T")

#: Rows of rollups are summed here, so that they need not be before.
_AS_THEY_LIE: Final = "SETTINGS final = 0"


#: Stands in what is asked of traces where it is asked of their spans.
_OF_ALL_SPANS: Final = " FROM spans AS s "


def totals(finder: Finder, query: Query) -> Totals:
    """Return the figures above the list, of the newest 10,000 traces where there are more."""
    most = MOST_COUNTED + 1
    found: list[tuple[Any, ...]] = []
    for some in newest_first(finder, query, found, most):
        if isinstance(some, Stretch):
            found += of_block(some, most - len(found), DayBlock.figures)
        else:
            where = finder.compiler(some).traces()
            order = f"ORDER BY t.start_ns DESC LIMIT {most - len(found)}"
            text = f"SELECT t.status, t.cost_nusd, t.duration_ns FROM traces AS t WHERE {where.text} {order}"
            found += finder.server.rows(Sql(text, where.values))
        if len(found) >= most:
            break
    return totals_of(found)


def of_block(stretch: Stretch, most: int, ask: Callable[[DayBlock, int, int], Sequence[T]]) -> Sequence[T]:
    """Return what a day that is kept says of its newest traces, *most* of them."""
    first, last = stretch.rows
    return [] if stretch.block is None else ask(stretch.block, max(first, last - most), last)


def newest_first(
    finder: Finder, query: Query, found: Sequence[object], wanted: int, *, at_once: bool = False
) -> Iterator[Query | Stretch]:
    """Yield *query* over one stretch of time after another, the newest first: what is asked of it is often said soon.

    Each stretch must be read before the next is asked for, since what was *found* tells how long that one is. A filter
    that leaves few, or that asks all spans, is asked once: it would be of every stretch.
    """
    query = replace(query, cursor=None, sort="-time")
    once = at_once or len(conjuncts(query.filter)) > 1 or _OF_ALL_SPANS in finder.compiler(query).traces().text
    for stretch in finder.kept_days.stretches(finder, query, at_once=once):
        if stretch.block is not None:
            yield stretch
        elif once:
            yield stretch.query
        else:
            yield from finder.stretches(stretch.query, "t", found, wanted)


def histogram(finder: Finder, query: Query, bars: int) -> tuple[Bar, ...]:
    """Return traces over time in equal steps; an open side of the range ends where the project's traces do."""
    edges = edges_between(*_ends(finder, query), bars)
    if not edges:
        return ()
    first, step = edges[0], edges[1] - edges[0]
    counts, errors = [0] * bars, [0] * bars
    for some in newest_first(finder, replace(query, from_ns=first, to_ns=edges[-1]), (), 0, at_once=True):
        if isinstance(some, Stretch):
            _count_in(some, edges, counts, errors)
            continue
        where = finder.compiler(some).traces()
        for at, failed, n in finder.server.rows(
            Sql(
                f"SELECT intDiv(t.start_ns - ?, ?) AS at, t.status = {ERROR} AS failed, count() FROM traces AS t "
                f"WHERE {where.text} GROUP BY at, failed",
                (first, step, *where.values),
            )
        ):
            counts[at] += n
            errors[at] += n if failed else 0
    return tuple(
        Bar(*edge, n - failed, failed) for edge, n, failed in zip(pairwise(edges), counts, errors, strict=True)
    )


def _count_in(stretch: Stretch, edges: Sequence[int], counts: list[int], errors: list[int]) -> None:
    """Count the traces of a day that is kept in the steps that begin at *edges*."""
    block, (first, last) = stretch.block, stretch.rows
    if block is None or first == last:
        return
    begin, step = edges[0], edges[1] - edges[0]
    for at in range((block.starts[first] - begin) // step, (block.starts[last - 1] - begin) // step + 1):
        for starts, into in ((block.starts, counts), (block.failed, errors)):
            into[at] += bisect_left(starts, edges[at + 1]) - bisect_left(starts, edges[at])


def _ends(finder: Finder, query: Query) -> tuple[int | None, int | None]:
    """Return the time that *query* asks for; an open side ends where the project's traces do."""
    first, last = query.from_ns, query.to_ns
    if first is None:
        first = _outermost(finder, newest=False)
    if last is None:
        newest = _outermost(finder, newest=True)
        last = None if newest is None else newest + 1
    return first, last


def _outermost(finder: Finder, *, newest: bool) -> int | None:
    """Return when the last or the first trace of the project began, ``None`` where there is none."""
    for stretch in finder.kept_days.stretches(finder, Query(finder.project), newest_first=newest):
        if stretch.block is not None:
            if len(stretch.block):
                return stretch.block.starts[-1 if newest else 0]
            continue
        where = finder.compiler(stretch.query).traces()
        text = f"SELECT {'max' if newest else 'min'}(t.start_ns), count() FROM traces AS t WHERE {where.text}"
        ((start_ns, n),) = finder.server.rows(Sql(text, where.values))
        if n:
            return int(start_ns)
    return None


#: Splits for which a call's trace is asked too.
_OF_TRACE: Final = frozenset({"user", "tag"})
_JOINED: Final = (
    "LEFT JOIN (SELECT trace_id, user_id, session_id, tags FROM traces WHERE project_id = ?) AS o "
    "ON o.trace_id = s.trace_id"
)

# --- calls -----------------------------------------------------------------------------------------------------------


def range_of_calls(finder: Finder) -> tuple[int, int] | None:
    """Return the first and the last nanosecond of the whole hours in which the project has calls."""
    first, last, n = finder.server.rows(
        Sql(
            "SELECT min(hour), max(hour), count() FROM (SELECT hour FROM r_hour WHERE project_id = ? "
            f"AND kind IN ({KINDS}) GROUP BY hour HAVING sum(spans) > 0) {_AS_THEY_LIE}",
            (finder.project_id,),
        )
    )[0]
    return (first * HOUR_NS, (last + 1) * HOUR_NS) if n else None


def measure(finder: Finder, query: Query, by: str, steps: Steps, *, times: bool) -> Measured:
    """Return what the calls that *query* finds come to in each of *steps*, split *by* a key of ``SPLITS``."""
    if not rollups_tell(query.filter, by, steps):
        return measured(_from_calls(finder, query, by, steps), steps)
    days = range(steps.first_ns // DAY_NS, (steps.end_ns - 1) // DAY_NS + 1)
    changes = {day: n for day, n in finder.kept_days.changes_told(finder).items() if day in days}

    def add(found: Gathered, among: range) -> None:
        _add_rollups(finder, found, query.filter, by, steps, among, times=times)

    return finder.measures.told((finder.project_id, query.filter, by, steps, times), changes, add)


def _add_rollups(
    finder: Finder, found: Gathered, filter_: Filter, by: str, steps: Steps, among: range, *, times: bool
) -> None:
    """Add what the rollups say of the steps *among* all; without *times* no percentiles."""
    asked = _of_series(filter_)
    first, step = steps.first_ns // HOUR_NS, steps.step_ns // HOUR_NS
    rows = finder.server.rows(
        Sql(
            f"SELECT {VALUE_OF_SERIES[by]} AS value, nullIf(r.provider, '') AS of, r.kind IN ({KINDS}) AS is_call, "
            "intDiv(r.hour - ?, ?) AS at, sumIf(r.latency_ns, r.kind = 'llm'), "
            f"{', '.join(f'sum(r.{name})' for name in SUMS)} FROM r_hour AS r "
            f"WHERE r.project_id = ? AND r.hour >= ? AND r.hour < ? AND ({asked.text}) "
            f"GROUP BY value, of, is_call, at HAVING sum(r.spans) != 0 {_AS_THEY_LIE}",
            (first, step, finder.project_id, first + step * among.start, first + step * among.stop, *asked.values),
        )
    )
    for of, provider, is_call, at, writing_ns, *figures in rows:
        spans, errors, _, *rest = figures
        *buckets, cost, priced, unpriced = rest
        calls = spans if is_call else 0
        usage = Usage(*(tokens or None for tokens in buckets))
        found.sums[of, at] += Sums(calls, errors if is_call else 0, cost, priced, unpriced, usage, writing_ns)
        if provider is not None:
            found.providers[of][provider] += calls
    if times:
        _percentiles(finder, found, asked, VALUE_OF_SERIES[by], steps, among)


def _of_series(filter_: Filter) -> Sql:
    if isinstance(filter_, Term):
        return Sql.all([text_is(column, filter_) for column in OF_SERIES[filter_.field]], "OR")
    if isinstance(filter_, Text | OneSpan):
        raise TypeError("neither words nor spans are looked for in rollups")
    return combined(filter_, _of_series)


def _percentiles(finder: Finder, found: Gathered, asked: Sql, value: str, steps: Steps, among: range) -> None:
    by_day = steps.first_ns % DAY_NS == 0 and steps.step_ns % DAY_NS == 0
    table, column, unit = ("h_day", "day", DAY_NS) if by_day else ("h_hour", "hour", HOUR_NS)
    first, step = steps.first_ns // unit, steps.step_ns // unit
    rows = finder.server.rows(
        Sql(
            f"SELECT {value} AS value, intDiv(r.{column} - ?, ?) AS at, r.measure, r.bucket, sum(r.n) AS n "
            f"FROM {table} AS r WHERE r.project_id = ? AND r.kind IN ({KINDS}) AND r.{column} >= ? "
            f"AND r.{column} < ? AND ({asked.text}) GROUP BY value, at, r.measure, r.bucket HAVING n != 0 "
            f"{_AS_THEY_LIE}",
            (first, step, finder.project_id, first + step * among.start, first + step * among.stop, *asked.values),
        )
    )
    found.count(rows)


def _from_calls(finder: Finder, query: Query, by: str, steps: Steps) -> Gathered:
    narrowed = replace(query, from_ns=steps.first_ns, to_ns=steps.end_ns, cursor=None, own_environment=True)
    where = finder.compiler(narrowed).spans()
    joined = ""
    values: tuple[Any, ...] = ()
    if by in _OF_TRACE:
        joined, values = _JOINED, (finder.project_id,)
    rows = finder.server.rows(
        Sql(
            f"SELECT {VALUE_OF_SPAN[by]}, s.provider, intDiv(s.start_ns - ?, ?), s.kind IN ({KINDS}), "
            f"s.kind = 'llm', s.status = {ERROR}, s.duration_ns, s.ttft_ms, s.counted, s.cost_nusd, s.total_tokens, "
            f"{', '.join('s.' + b for b in BUCKETS)} FROM spans AS s {joined} WHERE {where.text} "
            f"AND (s.kind IN ({KINDS}) OR s.counted = 1) ORDER BY s.start_ns DESC LIMIT {measuring.MOST_CALLS + 1}",
            (steps.first_ns, steps.step_ns, *values, *where.values),
        )
    )
    return measuring.gather(rows, by)


def session_costs(finder: Finder, query: Query) -> SessionCosts:
    """Return what the newest priced calls that *query* finds cost by session."""
    select = Sql("SELECT s.session_id, s.cost_nusd, s.trace_id FROM spans AS s")
    asked = "s.counted = 1 AND s.cost_nusd IS NOT NULL"
    rows = _newest_spans(finder, query, select, asked, measuring.MOST_OF_SESSIONS + 1)
    unsaid = ids_in("t.trace_id", list(dict.fromkeys(trace_id for session, _, trace_id in rows if session is None)))
    where = Sql.all([Sql("t.project_id = ?", (finder.project_id,)), unsaid])
    of_trace = {}
    if unsaid.values:  # asked for apart: joined, all traces would be read
        text = f"SELECT t.trace_id, t.session_id FROM traces AS t PREWHERE {where.text}"
        of_trace = dict(finder.server.rows(Sql(text, where.values)))
    return measuring.session_costs_of(
        [(of_trace.get(trace_id) if session is None else session, cost) for session, cost, trace_id in rows]
    )


def call_points(finder: Finder, query: Query, most: int) -> tuple[CallPoint, ...]:
    """Return the newest answered calls that say how many tokens they gave."""
    select = Sql(
        "SELECT s.trace_id, s.span_id, s.model, ifNull(s.output_visible, 0) + ifNull(s.reasoning, 0) + "
        "ifNull(s.output_audio, 0) + ifNull(s.output_image, 0), s.duration_ns FROM spans AS s"
    )
    asked = (
        "s.kind = 'llm' AND s.counted = 1 AND s.model IS NOT NULL AND s.output_visible IS NOT NULL "
        f"AND s.status != {ERROR}"
    )
    return tuple(
        CallPoint(trace.hex(), span.hex(), model, output, ns / 1e6)
        for trace, span, model, output, ns in _newest_spans(finder, query, select, asked, most)
    )


def _newest_spans(finder: Finder, query: Query, select: Sql, asked: str, most: int) -> list[tuple[Any, ...]]:
    """Return what *select* says of the newest spans that are *asked* for, reading no more days than that takes."""
    found: list[tuple[Any, ...]] = []
    newest_first = replace(query, cursor=None, own_environment=True, sort="-time")
    for some in finder.stretches(newest_first, "s", found, most):
        where = finder.compiler(some).spans()
        text = f"{select.text} WHERE {where.text} AND {asked} ORDER BY s.start_ns DESC LIMIT {most - len(found)}"
        found += finder.server.rows(Sql(text, (*select.values, *where.values)))
        if len(found) >= most:
            break
    return found
