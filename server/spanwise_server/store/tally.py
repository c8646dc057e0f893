"""Measures of all spans that a filter finds, by any of several keys: exact, from the rollups as far as these can tell.

Spans, errors and durations are of every span that matches, tokens and money of those that their trace counts, so that
a sum over all keys is the sum over traces. Whole hours of a range come from the rollups where filter and keys allow
it, what is left at its ends from the spans. Percentiles are read from logarithmic buckets, at most 2 % off.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from ..errors import SpanwiseError
from ..query.filters import EVERYTHING, And, Filter, Not, Or, Query, Term
from ..query.measures import Key, Sums, Tallied
from ..record import MODEL_KINDS, Usage
from .address import PLACE_BITS
from .compile import Compiler
from .conditions import conditions
from .connection import Connection
from .gathered import percentiles
from .measures import OF_SERIES, VALUE_OF_SERIES, VALUE_OF_SPAN
from .rollups import HOUR_NS, HOURS_A_DAY, LATENCY, bucket
from .rows import ERROR
from .tables import SUMS

#: More series than this are refused: nobody reads them, and they would have to be held at once.
MOST_SERIES: Final = 10_000
_DAY_NS: Final = HOUR_NS * HOURS_A_DAY
_KINDS: Final = ", ".join(f"'{kind}'" for kind in sorted(MODEL_KINDS))
_BUCKETS: Final = tuple(Usage.__dataclass_fields__)
#: Key -> what a span says of it; times as whole hours or days since 1970.
_SPAN_SAYS: Final = {
    **VALUE_OF_SPAN,
    "kind": "s.kind",
    "name": "s.name",
    "status": "CASE s.status WHEN 1 THEN 'ok' WHEN 2 THEN 'error' ELSE 'unset' END",
    "session": "coalesce(s.session_id, t.session_id)",
    "hour": f"s.start_ns / {HOUR_NS}",
    "day": f"s.start_ns / {_DAY_NS}",
}
#: The same of a series in one hour; keys without one are looked for in the spans.
_SERIES_SAYS: Final = {
    **VALUE_OF_SERIES,
    "kind": "r.kind",
    "hour": "h.hour",
    "day": f"h.hour / {HOURS_A_DAY}",
}
#: What a filter may ask of series: an environment is asked of the trace too, which they do not know.
_ASKED_OF_SERIES: Final = {name: columns for name, columns in OF_SERIES.items() if name != "env"}
_UNPRICED: Final = f"s.cost_nusd IS NULL AND s.total_tokens IS NOT NULL AND s.kind IN ({_KINDS})"
_SUMMED: Final = ", ".join(
    (
        "count(*)",
        f"sum(CASE WHEN s.status = {ERROR} THEN 1 ELSE 0 END)",
        "sum(CASE WHEN s.counted = 1 THEN s.cost_nusd END)",
        "sum(CASE WHEN s.counted = 1 AND s.cost_nusd IS NOT NULL THEN 1 ELSE 0 END)",
        f"sum(CASE WHEN s.counted = 1 AND {_UNPRICED} THEN 1 ELSE 0 END)",
        *(f"sum(CASE WHEN s.counted = 1 THEN s.{name} END)" for name in _BUCKETS),
    )
)


@dataclass(slots=True)
class _Series:
    sums: Sums = field(default_factory=Sums)
    traces: int = 0
    latency: Counter[int] = field(default_factory=Counter)
    ttft: Counter[int] = field(default_factory=Counter)


class _Found(defaultdict[Key, _Series]):
    """Series by key, never too many."""

    def __init__(self) -> None:
        super().__init__(_Series)

    def of(self, row: Sequence[Any], keys: int) -> _Series:
        series = self[tuple(row[:keys])]
        if len(self) > MOST_SERIES:
            raise too_many_series()
        return series


def too_many_series() -> SpanwiseError:
    """Return why so many series are refused, and what to do."""
    return SpanwiseError(
        f"There are more than {MOST_SERIES:,} series.", "Ask for fewer keys, a shorter range, or by a filter."
    )


def tally(
    connection: Connection, project_id: int, query: Query, by: Sequence[str], *, traces: bool, percentiles_too: bool
) -> tuple[Tallied, ...]:
    """Return what the spans that *query* finds come to, by the keys *by*; without keys it is one series."""
    found = _Found()
    if not by:
        found[()]
    for piece, whole_hours in _pieces(query, by):
        if whole_hours:
            _add_rollups(connection, project_id, piece, by, found, percentiles_too=percentiles_too)
        else:
            _add_spans(connection, project_id, piece, by, found, percentiles_too=percentiles_too)
    if traces:
        _add_traces(connection, project_id, query, by, found)
    return tuple(
        Tallied(key, one.sums, one.traces if traces else None, percentiles(one.latency), percentiles(one.ttft))
        for key, one in found.items()
    )


def _pieces(query: Query, by: Sequence[str]) -> Iterator[tuple[Query, bool]]:
    """Yield the parts of the range, each with whether the rollups tell it."""
    if not set(by) <= _SERIES_SAYS.keys() or not _of_series_only(query.filter):
        yield query, False
        return
    first = None if query.from_ns is None else -(-query.from_ns // HOUR_NS) * HOUR_NS
    last = None if query.to_ns is None else query.to_ns // HOUR_NS * HOUR_NS
    if first is not None and last is not None and first >= last:
        yield query, False
        return
    if first != query.from_ns:
        yield replace(query, to_ns=first), False
    yield replace(query, from_ns=first, to_ns=last), True
    if last != query.to_ns:
        yield replace(query, from_ns=last), False


def _of_series_only(filter_: Filter) -> bool:
    if isinstance(filter_, Term):
        return filter_.field in _ASKED_OF_SERIES
    if isinstance(filter_, Not):
        return _of_series_only(filter_.of)
    if isinstance(filter_, And):
        return all(map(_of_series_only, filter_.all))
    return isinstance(filter_, Or) and all(map(_of_series_only, filter_.any))


def _grouped(keys: Iterable[str]) -> tuple[str, str]:
    """Return what a statement selects for its keys, and how it groups by them."""
    columns = list(keys)
    numbers = ", ".join(str(n) for n in range(1, len(columns) + 1))
    return "".join(f"{column}, " for column in columns), f"GROUP BY {numbers}" if columns else ""


def _add_rollups(
    connection: Connection, project_id: int, query: Query, by: Sequence[str], found: _Found, *, percentiles_too: bool
) -> None:
    where = conditions(query.filter, _ASKED_OF_SERIES)
    first = 0 if query.from_ns is None else query.from_ns // HOUR_NS
    end = 2**40 if query.to_ns is None else query.to_ns // HOUR_NS
    select, group = _grouped(_SERIES_SAYS[key] for key in by)
    rows = connection.execute(
        f"SELECT {select}{', '.join(f'sum(h.{name})' for name in SUMS)} FROM series r "
        f"CROSS JOIN r_hour h ON h.series_id = r.id WHERE r.project_id = ? AND h.hour >= ? AND h.hour < ? "
        f"AND ({where.text}) {group}",
        (project_id, first, end, *where.values),
    )
    for row in rows:
        spans, errors, _, *rest = row[len(by) :]
        if not spans:
            continue
        *buckets, cost, priced, unpriced = rest
        found.of(row, len(by)).sums += Sums(spans, errors, cost, priced, unpriced, usage_of_sums(buckets))
    if not percentiles_too:
        return
    days = "hour" not in by and first % HOURS_A_DAY == 0 and (end % HOURS_A_DAY == 0 or query.to_ns is None)
    table, step, unit = ("h_day", "day", HOURS_A_DAY) if days else ("h_hour", "hour", 1)
    says = {**_SERIES_SAYS, "day": "h.day"} if days else _SERIES_SAYS
    select, group = _grouped([*(says[key] for key in by), "h.measure", "h.bucket"])
    rows = connection.execute(
        f"SELECT {select}sum(h.n) FROM series r CROSS JOIN {table} h ON h.series_id = r.id "
        f"WHERE r.project_id = ? AND h.{step} >= ? AND h.{step} < ? AND ({where.text}) {group}",
        (project_id, first // unit, end // unit, *where.values),
    )
    for row in rows:
        measure, number, n = row[len(by) :]
        series = found.of(row, len(by))
        (series.latency if measure == LATENCY else series.ttft)[number] += n


def _add_spans(
    connection: Connection, project_id: int, query: Query, by: Sequence[str], found: _Found, *, percentiles_too: bool
) -> None:
    plan = Compiler(connection, project_id, replace(query, cursor=None)).spans()
    source = plan.from_spans(project_id)
    matching, values = f"{source.text} AND {plan.where.text}", (*source.values, *plan.where.values)
    select, group = _grouped(_SPAN_SAYS[key] for key in by)
    for row in connection.execute(f"SELECT {select}{_SUMMED} {matching} {group}", values):
        spans, errors, cost, priced, unpriced, *buckets = row[len(by) :]
        if spans:
            found.of(row, len(by)).sums += Sums(spans, errors, cost or 0, priced, unpriced, usage_of_sums(buckets))
    if not percentiles_too:
        return
    for row in connection.execute(f"SELECT {select}s.duration_ns, s.ttft_ms {matching}", values):
        duration_ns, ttft_ms = row[len(by) :]
        series = found.of(row, len(by))
        series.latency[bucket(duration_ns)] += 1
        if ttft_ms is not None:
            series.ttft[bucket(ttft_ms * 1e6)] += 1


def _add_traces(connection: Connection, project_id: int, query: Query, by: Sequence[str], found: _Found) -> None:
    """Count the traces that the spans of each series are of."""
    if not by and query.filter == EVERYTHING and query.from_ns is None and query.to_ns is None:
        counted = connection.execute("SELECT count(*) FROM traces WHERE project_id = ?", (project_id,)).fetchone()
        found[()].traces = counted[0]
        return
    plan = Compiler(connection, project_id, replace(query, cursor=None)).spans()
    source = plan.from_spans(project_id)
    select, group = _grouped(_SPAN_SAYS[key] for key in by)
    rows = connection.execute(
        f"SELECT {select}count(DISTINCT s.id >> {PLACE_BITS}) {source.text} AND {plan.where.text} {group}",
        (*source.values, *plan.where.values),
    )
    for row in rows:
        if row[-1]:
            found.of(row, len(by)).traces = row[-1]


def usage_of_sums(buckets: Iterable[int | None]) -> Usage:
    """Return the usage in sums of buckets."""
    # The rollups cannot tell nothing said from a 0 said, so here neither does.
    return Usage(*(tokens or None for tokens in buckets))
