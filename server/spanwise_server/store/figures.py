"""Figures about the traces that a query finds: totals, bars over time, facets, completion. Work is bounded."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Final

from ..query.filters import EVERYTHING, And, Filter, Not, Or, Query, Term
from .base import Bar, Count, FacetValue, Totals
from .compile import Compiler, Plan
from .conditions import Sql, begins_with
from .connection import Connection
from .judged import asks_of_judgements, judged_values
from .rows import ERROR
from .words import WORD_FIELDS

#: Counting, and everything that needs each trace, stops here.
MOST_COUNTED: Final = 10_000
#: Facets look at so many of the newest traces that match.
MOST_FACETED: Final = 5_000
#: Of a field's values, so many are looked at for completion.
_MOST_COMPLETED: Final = 200
MOST_TRACES_PER_VALUE: Final = 1_000
_WORDS_AT_ONCE: Final = 500


def totals(connection: Connection, project_id: int, query: Query) -> Totals:
    """Return the figures above the list, of the newest 10,000 traces where there are more."""
    plan = Compiler(connection, project_id, query, of_all=True, limited=True).traces()
    chosen = _newest(project_id, plan, "t.status, t.cost_nusd, t.duration_ns", MOST_COUNTED + 1)
    return totals_of(connection.execute(chosen.text, chosen.values).fetchall())


def totals_of(rows: Sequence[tuple[int, int | None, int]]) -> Totals:
    """Return the figures of the newest traces, each a status, a cost and a duration: at most one over 10,000."""
    exact = len(rows) <= MOST_COUNTED
    rows = rows[:MOST_COUNTED]
    errors = sum(status == ERROR for status, _, _ in rows)
    costs = [cost for _, cost, _ in rows if cost is not None]
    durations = sorted([duration for _, _, duration in rows])
    return totals_from(Count(len(rows), exact), errors, sum(costs) if costs else None, durations)


def totals_from(traces: Count, errors: int, cost_nusd: int | None, durations: Sequence[int]) -> Totals:
    """Return the figures of traces that cost so much together, and took so long each, the shortest first."""
    return Totals(
        traces=traces,
        errors=errors,
        cost_nusd=cost_nusd,
        latency_p95_ms=durations[math.ceil(0.95 * len(durations)) - 1] / 1e6 if durations else None,
    )


def histogram(connection: Connection, project_id: int, query: Query, bars: int) -> tuple[Bar, ...]:
    """Return traces over time in equal steps; an open side of the range ends where the project's traces do."""
    first, last = _range(connection, project_id, query)
    edges = edges_between(first, last, bars)
    if not edges:
        return ()
    step = edges[1] - edges[0]
    if query.filter == EVERYTHING:
        return _bars_of_all(connection, project_id, edges)
    plan = Compiler(
        connection, project_id, replace(query, from_ns=edges[0], to_ns=edges[-1]), of_all=True, limited=True
    ).traces()
    source = plan.from_traces(project_id)
    ok, errors = [0] * bars, [0] * bars
    counted = connection.execute(
        f"SELECT (t.start_ns - ?) / ?, t.status = {ERROR}, count(*) {source.text} AND {plan.where.text} GROUP BY 1, 2",
        (edges[0], step, *source.values, *plan.where.values),
    )
    for at, failed, n in counted:
        (errors if failed else ok)[at] += n
    return tuple(Bar(edges[at], edges[at + 1], ok[at], errors[at]) for at in range(bars))


def edges_between(first: int | None, last: int | None, bars: int) -> list[int]:
    """Return where equal steps begin and the last one ends; none where there is nothing between."""
    if first is None or last is None or last <= first or bars < 1:
        return []
    step = -(-(last - first) // bars)
    return [min(last, first + step * at) for at in range(bars + 1)]


def _bars_of_all(connection: Connection, project_id: int, edges: Sequence[int]) -> tuple[Bar, ...]:
    """Return bars of all traces: each is a range of the index that is only counted, not grouped by what it gives."""
    inside = "FROM traces t WHERE t.project_id = ? AND t.start_ns >= e.first_ns AND t.start_ns < e.last_ns"
    values = ", ".join(["(?, ?)"] * (len(edges) - 1))
    counted = connection.execute(
        f"WITH e (first_ns, last_ns) AS (VALUES {values}) SELECT e.first_ns, e.last_ns, (SELECT count(*) {inside}), "
        f"(SELECT count(*) {inside} AND t.status = {ERROR}) FROM e ORDER BY 1",
        (*(edge for pair in pairwise(edges) for edge in pair), project_id, project_id),
    )
    return tuple(Bar(first, last, n - failed, failed) for first, last, n, failed in counted)


def facets(
    connection: Connection, project_id: int, query: Query, fields: Sequence[str], limit: int
) -> Mapping[str, tuple[FacetValue, ...]]:
    """Return the commonest values of *fields* among the newest 5,000 traces found without the field's own terms."""
    found: dict[str, tuple[FacetValue, ...]] = {}
    for rest, of_them in by_rest(query.filter, fields).items():
        counts = _word_counts(connection, project_id, replace(query, filter=rest))
        found |= commonest(connection, project_id, of_them, counts, limit)
    return in_order(found, fields)


def by_rest(filter_: Filter, fields: Sequence[str]) -> dict[Filter, list[str]]:
    """Return those of *fields* that traces have words for, by what is left of a filter without their own terms."""
    asked: dict[Filter, list[str]] = {}
    for field in fields:
        if field in WORD_FIELDS:
            asked.setdefault(without(filter_, field), []).append(field)
    return asked


def in_order(
    found: Mapping[str, tuple[FacetValue, ...]], fields: Sequence[str]
) -> Mapping[str, tuple[FacetValue, ...]]:
    """Return what was found of each field, in the order of *fields*, with the statuses as the language has them."""
    return {
        field: ok_together(found[field]) if field == "status" else found[field] for field in fields if field in found
    }


def ok_together(found: tuple[FacetValue, ...]) -> tuple[FacetValue, ...]:
    """Return statuses as the language asks for them: what was left unset ended well."""
    counts: Counter[str] = Counter()
    for one in found:
        counts["ok" if one.value == "unset" else one.value] += one.count
    return tuple(FacetValue(value, count) for value, count in counts.most_common())


def values(connection: Connection, project_id: int, field: str, prefix: str, limit: int) -> tuple[FacetValue, ...]:
    """Return values that exist and begin with *prefix*, commonest first; counts stop at 1,000."""
    if asks_of_judgements(field):
        return tuple(FacetValue(*one) for one in judged_values(connection, project_id, field, prefix, limit))
    some = f"{connection.words.rows_with('words.id')} LIMIT {MOST_TRACES_PER_VALUE}"
    found = connection.execute(
        f"SELECT value, (SELECT count(*) FROM ({some}) AS few) FROM words "
        f"WHERE project_id = ? AND field = ? AND value GLOB ? LIMIT {_MOST_COMPLETED}",
        (project_id, field, begins_with(prefix)),
    )
    ordered = sorted(((value, n) for value, n in found if n), key=lambda one: (-one[1], one[0]))
    return tuple(FacetValue(value, n) for value, n in ordered[:limit])


def _newest(project_id: int, plan: Plan, columns: str, most: int) -> Sql:
    source = plan.from_traces(project_id)
    return Sql(
        f"SELECT {columns} {source.text} AND {plan.where.text} ORDER BY t.start_ns DESC LIMIT {most}",
        (*source.values, *plan.where.values),
    )


def _range(connection: Connection, project_id: int, query: Query) -> tuple[int | None, int | None]:
    first, last = query.from_ns, query.to_ns
    if first is None:
        first = connection.execute("SELECT min(start_ns) FROM traces WHERE project_id = ?", (project_id,)).fetchone()[0]
    if last is None:
        newest = connection.execute("SELECT max(start_ns) FROM traces WHERE project_id = ?", (project_id,)).fetchone()
        last = None if newest[0] is None else newest[0] + 1
    return first, last


def _word_counts(connection: Connection, project_id: int, query: Query) -> Counter[int]:
    plan = Compiler(connection, project_id, query, of_all=True, limited=True).traces()
    chosen = _newest(project_id, plan, "t.words", MOST_FACETED)
    return connection.words.counted(connection, chosen)


def commonest(
    connection: Connection, project_id: int, fields: Sequence[str], counts: Counter[int], limit: int
) -> dict[str, tuple[FacetValue, ...]]:
    """Return the commonest values of *fields*, looked up from the commonest word on until there are enough of each."""
    found: dict[str, list[FacetValue]] = {field: [] for field in fields}
    ordered = counts.most_common()
    for at in range(0, len(ordered), _WORDS_AT_ONCE):
        lacking = [field for field in fields if len(found[field]) < limit]
        if not lacking:
            break
        some = dict(ordered[at : at + _WORDS_AT_ONCE])
        of, among = (", ".join("?" * len(values)) for values in (lacking, some))
        rows = connection.execute(
            f"SELECT id, field, value FROM words WHERE project_id = ? AND field IN ({of}) AND id IN ({among})",
            (project_id, *lacking, *some),
        )
        for word, field, value in rows:
            found[field].append(FacetValue(value, some[word]))
    return {
        field: tuple(sorted(values, key=lambda one: (-one.count, one.value))[:limit]) for field, values in found.items()
    }


def without(filter_: Filter, field: str) -> Filter:
    """Return *filter_* without the terms of *field* that must hold; an empty part asks for nothing."""
    if isinstance(filter_, Term):
        return And() if filter_.field == field else filter_
    if isinstance(filter_, Not):
        return And() if isinstance(filter_.of, Term) and filter_.of.field == field else filter_
    if isinstance(filter_, And):
        kept = tuple(part for inner in filter_.all if (part := without(inner, field)) != And())
        return And(kept)
    if isinstance(filter_, Or) and all(isinstance(part, Term) and part.field == field for part in filter_.any):
        return And()
    return filter_
