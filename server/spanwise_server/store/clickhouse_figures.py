"""Figures about what a query finds in ClickHouse: totals, bars over time, facets, completion, measures of calls."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final

from ..query.filters import Filter, OneSpan, Query, Term, Text
from ..query.measures import CallPoint, Measured, SessionCosts, Steps, Sums
from ..record import Usage
from . import measures as measuring
from .base import Bar, FacetValue, Totals
from .clickhouse_compile import VALUE_OF_SPAN, text_is
from .clickhouse_find import Finder
from .clickhouse_rows import OF_WORD
from .compile import conjuncts
from .conditions import Sql, combined
from .figures import MOST_COUNTED, MOST_FACETED, MOST_TRACES_PER_VALUE, ok_together, totals_of, without
from .gathered import Gathered
from .measures import (
    BUCKETS,
    KINDS,
    OF_SERIES,
    VALUE_OF_SERIES,
    rollups_tell,
)
from .rollups import HOUR_NS, HOURS_A_DAY
from .rows import ERROR
from .settled import measured
from .tables import SUMS
from .words import WORD_FIELDS

_DAY_NS: Final = HOUR_NS * HOURS_A_DAY
#: As it stands within a text of SQL.
_OF_WORD: Final = "\\x1F"


#: Stands in what is asked of traces where it is asked of their spans.
_OF_ALL_SPANS: Final = " FROM spans AS s "

LabelsOf = Callable[[Callable[[], Sequence[bytes]]], Counter[str]]
"""Counts labels of the traces that it is told when it asks: it need not where no label was ever given."""


def totals(finder: Finder, query: Query) -> Totals:
    """Return the figures above the list, of the newest 10,000 traces where there are more."""
    most = MOST_COUNTED + 1
    found: list[tuple[Any, ...]] = []
    for some in _newest_first(finder, query, found, most):
        where = finder.compiler(some).traces()
        order = f"ORDER BY t.start_ns DESC LIMIT {most - len(found)}"
        text = f"SELECT t.status, t.cost_nusd, t.duration_ns FROM traces AS t WHERE {where.text} {order}"
        found += finder.server.rows(Sql(text, where.values))
        if len(found) >= most:
            break
    return totals_of(found)


def _newest_first(finder: Finder, query: Query, found: Sequence[object], wanted: int) -> Iterator[Query]:
    """Yield *query* over one stretch of time after another, the newest first: what is asked of it is often said soon.

    Each stretch must be read before the next is asked for, since what was *found* tells how long that one is. A filter
    that leaves few, or that asks all spans, is asked once: it would be of every stretch.
    """
    if len(conjuncts(query.filter)) > 1 or _OF_ALL_SPANS in finder.compiler(query).traces().text:
        return iter((query,))
    return finder.stretches(replace(query, cursor=None, sort="-time"), "t", found, wanted)


def histogram(finder: Finder, query: Query, bars: int) -> tuple[Bar, ...]:
    """Return traces over time in equal steps; an open side of the range ends where the project's traces do."""
    first, last = query.from_ns, query.to_ns
    if first is None or last is None:
        span = finder.times()
        if span is None:
            return ()
        first, last = span[0] if first is None else first, span[1] + 1 if last is None else last
    if last <= first or bars < 1:
        return ()
    step = -(-(last - first) // bars)
    where = finder.compiler(query).traces()  # with its open sides: nothing of the project lies beyond them
    ok, errors = [0] * bars, [0] * bars
    for at, failed, n in finder.server.rows(
        Sql(
            f"SELECT intDiv(t.start_ns - ?, ?) AS at, t.status = {ERROR} AS failed, count() FROM traces AS t "
            f"WHERE {where.text} GROUP BY at, failed",
            (first, step, *where.values),
        )
    ):
        if 0 <= at < bars:  # what came meanwhile is on the next page
            (errors if failed else ok)[at] += n
    edges = [min(last, first + step * at) for at in range(bars + 1)]
    return tuple(Bar(edges[at], edges[at + 1], ok[at], errors[at]) for at in range(bars))


def facets(
    finder: Finder, query: Query, fields: Sequence[str], limit: int, labels_of: LabelsOf
) -> Mapping[str, tuple[FacetValue, ...]]:
    """Return the commonest values of *fields* among the newest 5,000 traces found without the field's own terms."""
    asked = [field for field in fields if field in WORD_FIELDS]
    of_rest: defaultdict[Filter, list[str]] = defaultdict(list)
    for field in asked:
        of_rest[without(query.filter, field)].append(field)
    counts: dict[str, Counter[str]] = {}
    for rest, of_words in of_rest.items():
        narrowed = replace(query, filter=rest)
        if "label" in of_words:
            counts["label"] = labels_of(partial(_newest_ids, finder, narrowed))
        counts |= _word_counts(finder, narrowed, [field for field in of_words if field != "label"])
    found: dict[str, tuple[FacetValue, ...]] = {}
    for field in asked:
        ordered = sorted(counts.get(field, Counter()).items(), key=lambda one: (-one[1], one[0]))[:limit]
        values = tuple(FacetValue(value, n) for value, n in ordered)
        found[field] = ok_together(values) if field == "status" else values
    return found


def _newest(finder: Finder, query: Query, column: str, most: int) -> Sql:
    where = finder.compiler(query).traces()
    order = f"ORDER BY t.start_ns DESC LIMIT {most}"
    return Sql(f"SELECT t.{column} AS {column} FROM traces AS t WHERE {where.text} {order}", where.values)


def _newest_ids(finder: Finder, query: Query) -> list[bytes]:
    return [trace_id for (trace_id,) in finder.server.rows(_newest(finder, query, "trace_id", MOST_FACETED))]


def _word_counts(finder: Finder, query: Query, fields: Sequence[str]) -> dict[str, Counter[str]]:
    if not fields:
        return {}
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    traces: list[None] = []
    for some in _newest_first(finder, query, traces, MOST_FACETED):
        newest = _newest(finder, some, "words", MOST_FACETED - len(traces))
        for field, text, n in finder.server.rows(
            Sql(
                f"SELECT substring(w, 1, position(w, '{_OF_WORD}') - 1) AS field, w, count() AS n "
                f"FROM ({newest.text}) ARRAY JOIN arrayPushBack(words, '') AS w "
                f"WHERE field IN ('', {', '.join('?' * len(fields))}) GROUP BY w",
                (*newest.values, *fields),
            )
        ):
            if field:
                counts[field][text.partition(OF_WORD)[2]] += n
            else:  # stands in every trace once
                traces += [None] * n
        if len(traces) >= MOST_FACETED:
            break
    return dict(counts)


def values(finder: Finder, field: str, prefix: str, limit: int) -> tuple[FacetValue, ...]:
    """Return values of a field of words that begin with *prefix*, commonest first; counts stop at 1,000."""
    begins = f"{field}{OF_WORD}{prefix}"
    rows = finder.server.rows(
        Sql(
            "SELECT w, count() AS n FROM traces AS t ARRAY JOIN t.words AS w WHERE t.project_id = ? "
            f"AND startsWith(w, ?) GROUP BY w ORDER BY least(n, {MOST_TRACES_PER_VALUE}) DESC, w LIMIT {limit}",
            (finder.project_id, begins),
        )
    )
    return tuple(FacetValue(text.partition(OF_WORD)[2], min(n, MOST_TRACES_PER_VALUE)) for text, n in rows)


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
            f"AND kind IN ({KINDS}) GROUP BY hour HAVING sum(spans) > 0)",
            (finder.project_id,),
        )
    )[0]
    return (first * HOUR_NS, (last + 1) * HOUR_NS) if n else None


def measure(finder: Finder, query: Query, by: str, steps: Steps, *, times: bool) -> Measured:
    """Return what the calls that *query* finds come to in each of *steps*, split *by* a key of ``SPLITS``."""
    if rollups_tell(query.filter, by, steps):
        return measured(_from_rollups(finder, query.filter, by, steps, times=times), steps)
    return measured(_from_calls(finder, query, by, steps), steps)


def _from_rollups(finder: Finder, filter_: Filter, by: str, steps: Steps, *, times: bool) -> Gathered:
    asked = _of_series(filter_)
    first, step = steps.first_ns // HOUR_NS, steps.step_ns // HOUR_NS
    found = Gathered()
    rows = finder.server.rows(
        Sql(
            f"SELECT {VALUE_OF_SERIES[by]} AS value, nullIf(r.provider, '') AS of, r.kind IN ({KINDS}) AS is_call, "
            "intDiv(r.hour - ?, ?) AS at, sumIf(r.latency_ns, r.kind = 'llm'), "
            f"{', '.join(f'sum(r.{name})' for name in SUMS)} FROM r_hour AS r "
            f"WHERE r.project_id = ? AND r.hour >= ? AND r.hour < ? AND ({asked.text}) "
            "GROUP BY value, of, is_call, at HAVING sum(r.spans) != 0",
            (first, step, finder.project_id, first, first + step * steps.count, *asked.values),
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
        _percentiles(finder, found, asked, VALUE_OF_SERIES[by], steps)
    return found


def _of_series(filter_: Filter) -> Sql:
    if isinstance(filter_, Term):
        return Sql.all([text_is(column, filter_) for column in OF_SERIES[filter_.field]], "OR")
    if isinstance(filter_, Text | OneSpan):
        raise TypeError("neither words nor spans are looked for in rollups")
    return combined(filter_, _of_series)


def _percentiles(finder: Finder, found: Gathered, asked: Sql, value: str, steps: Steps) -> None:
    by_day = steps.first_ns % _DAY_NS == 0 and steps.step_ns % _DAY_NS == 0
    table, column, unit = ("h_day", "day", _DAY_NS) if by_day else ("h_hour", "hour", HOUR_NS)
    first, step = steps.first_ns // unit, steps.step_ns // unit
    rows = finder.server.rows(
        Sql(
            f"SELECT {value} AS value, intDiv(r.{column} - ?, ?) AS at, r.measure, r.bucket, sum(r.n) AS n "
            f"FROM {table} AS r WHERE r.project_id = ? AND r.kind IN ({KINDS}) AND r.{column} >= ? "
            f"AND r.{column} < ? AND ({asked.text}) GROUP BY value, at, r.measure, r.bucket HAVING n != 0",
            (first, step, finder.project_id, first, first + step * steps.count, *asked.values),
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
    select = Sql(
        f"SELECT coalesce(s.session_id, o.session_id), s.cost_nusd FROM spans AS s {_JOINED}", (finder.project_id,)
    )
    asked = "s.counted = 1 AND s.cost_nusd IS NOT NULL"
    return measuring.session_costs_of(_newest_spans(finder, query, select, asked, measuring.MOST_OF_SESSIONS + 1))


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
