"""Measures of all spans that a filter finds, by any of several keys: exact, from the rollups as far as these can tell.

Spans, errors and durations are of every span that matches, tokens and money of those that their trace counts, so that
a sum over all keys is the sum over traces. Whole hours of a range come from the rollups where filter and keys allow
it, what is left at its ends from the spans. Percentiles are read from logarithmic buckets, at most 2 % off.
Of the spans of some names, of any kinds, the rollups of steps tell the same (``steps.py``), and of how many traces they
are too.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from orjson import loads

from ..errors import SpanwiseError
from ..query.filters import EVERYTHING, Query
from ..query.measures import Key, Sums, Tallied
from ..record import MODEL_KINDS, Usage
from .address import PLACE_BITS
from .compile import Compiler
from .connection import Connection
from .gathered import percentiles
from .rollups import HOUR_NS, HOURS_A_DAY, LATENCY, bucket
from .rows import ERROR
from .step_traces import traces_of_step
from .tables import SUMS
from .tally_source import SPAN_SAYS, TIMES, Source, grouped, source_of

#: More series than this are refused: nobody reads them, and they would have to be held at once.
MOST_SERIES: Final = 10_000
_KINDS: Final = ", ".join(f"'{kind}'" for kind in sorted(MODEL_KINDS))
_BY_DAY: Final = ("day",)
_BUCKETS: Final = tuple(Usage.__dataclass_fields__)
_UNPRICED: Final = f"s.cost_nusd IS NULL AND s.total_tokens IS NOT NULL AND s.kind IN ({_KINDS})"
_OF_COUNTED: Final = {name: f"CASE WHEN s.counted = 1 THEN s.{name} END" for name in ("cost_nusd", *_BUCKETS)}
#: What one span adds to sums of ``SUMS``, as they are kept of hours.
COUNTED_SUMS: Final = {
    "spans": "1",
    "errors": f"CASE WHEN s.status = {ERROR} THEN 1 ELSE 0 END",
    "priced": "CASE WHEN s.counted = 1 AND s.cost_nusd IS NOT NULL THEN 1 ELSE 0 END",
    "unpriced": f"CASE WHEN s.counted = 1 AND {_UNPRICED} THEN 1 ELSE 0 END",
    **_OF_COUNTED,
}
_SUMMED: Final = ", ".join(
    ("count(*)", *(f"sum({COUNTED_SUMS[n]})" for n in ("errors", "cost_nusd", "priced", "unpriced", *_BUCKETS)))
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
    source = source_of(connection, project_id, query.filter, by)
    found = _gathered(connection, project_id, query, by, source, percentiles_too=percentiles_too)
    if traces:
        _count_traces(connection, project_id, query, by, found, source)
    return _told(found, traces=traces)


def tally_of_days(connection: Connection, project_id: int, query: Query) -> tuple[Tallied, tuple[Tallied, ...]]:
    """Return what the spans that *query* finds come to, with how many traces they are of, and the same by the day."""
    source = source_of(connection, project_id, query.filter, _BY_DAY)
    of_days = _gathered(connection, project_id, query, _BY_DAY, source, percentiles_too=True)
    together = _Found()
    whole = together[()]
    for one in of_days.values():
        whole.sums += one.sums
        whole.latency.update(one.latency)
        whole.ttft.update(one.ttft)
    _count_traces(connection, project_id, query, (), together, source)
    (total,) = _told(together, traces=True)
    return total, _told(of_days, traces=False)


def _gathered(
    connection: Connection,
    project_id: int,
    query: Query,
    by: Sequence[str],
    source: Source | None,
    *,
    percentiles_too: bool,
) -> _Found:
    found = _Found()
    if not by:
        found[()]
    for piece, whole_hours in _pieces(query, whole_hours=source is not None):
        if source is not None and whole_hours:
            _add_rollups(connection, project_id, piece, by, found, source, percentiles_too=percentiles_too)
        else:
            _add_spans(connection, project_id, piece, by, found, percentiles_too=percentiles_too)
    return found


def _count_traces(
    connection: Connection, project_id: int, query: Query, by: Sequence[str], found: _Found, source: Source | None
) -> None:
    told = None
    if source is not None:
        told = traces_of_step(connection, project_id, source, _pieces(query, whole_hours=True), by)
    if told is None:
        _add_traces(connection, project_id, query, by, found)
        return
    for key, n in told.items():
        found.of(key, len(by)).traces = n


def _told(found: _Found, *, traces: bool) -> tuple[Tallied, ...]:
    return tuple(
        Tallied(key, one.sums, one.traces if traces else None, percentiles(one.latency), percentiles(one.ttft))
        for key, one in found.items()
    )


def _pieces(query: Query, *, whole_hours: bool) -> list[tuple[Query, bool]]:
    """Return the parts of the range, each with whether rollups tell it, which they do of *whole_hours* if at all."""
    if not whole_hours:
        return [(query, False)]
    first = None if query.from_ns is None else -(-query.from_ns // HOUR_NS) * HOUR_NS
    last = None if query.to_ns is None else query.to_ns // HOUR_NS * HOUR_NS
    if first is not None and last is not None and first >= last:
        return [(query, False)]
    pieces = [(replace(query, from_ns=first, to_ns=last), True)]
    if first != query.from_ns:
        pieces.append((replace(query, to_ns=first), False))
    if last != query.to_ns:
        pieces.append((replace(query, from_ns=last), False))
    return pieces


def _add_rollups(
    connection: Connection,
    project_id: int,
    query: Query,
    by: Sequence[str],
    found: _Found,
    source: Source,
    *,
    percentiles_too: bool,
) -> None:
    tables, where = source.tables, source.where
    first, end = source.hours(query)
    select, group = grouped(source.says[key] for key in by)
    rows = connection.execute(
        f"SELECT {select}{', '.join(f'sum(h.{name})' for name in SUMS)} FROM {source.name} r "
        f"CROSS JOIN {tables.sums} h ON h.{tables.key} = r.id WHERE r.project_id = ? AND h.hour >= ? AND h.hour < ? "
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
    of_series = [key for key in by if key not in TIMES]
    told = connection.execute(
        f"SELECT r.id, {', '.join((*(source.says[key] for key in of_series), '0'))} FROM {source.name} r "
        f"WHERE r.project_id = ? AND ({where.text})",
        (project_id, *where.values),
    )
    says = {number: dict(zip(of_series, values, strict=False)) for number, *values in told}
    for begin, until, days in _stretches(first, end, by_hour="hour" in by):
        table, step, unit = (tables.by_day, "day", HOURS_A_DAY) if days else (tables.by_hour, "hour", 1)
        # All buckets of an hour or a day come as one row, in the order of the table's key: as in ``measures.py``.
        rows = connection.execute(
            f"SELECT h.{tables.key}, h.{step}, h.measure, group_concat(h.bucket), group_concat(h.n) FROM {table} h "
            f"WHERE h.{tables.key} IN (SELECT r.id FROM {source.name} r WHERE r.project_id = ? AND ({where.text})) "
            f"AND h.{step} >= ? AND h.{step} < ? GROUP BY h.{tables.key}, h.{step}, h.measure",
            (project_id, *where.values, begin // unit, until // unit),
        )
        for number, at, measure, buckets, counts in rows:
            times = {"hour": at, "day": at if days else at // HOURS_A_DAY}
            series = found.of([says[number][key] if key in says[number] else times[key] for key in by], len(by))
            of_measure = series.latency if measure == LATENCY else series.ttft
            # One by one each new bucket would be looked for in vain before it is put in.
            of_measure.update(dict(zip(loads(f"[{buckets}]"), loads(f"[{counts}]"), strict=True)))


def _stretches(first: int, end: int, *, by_hour: bool) -> Iterator[tuple[int, int, bool]]:
    """Yield the parts of some hours, each with whether it is whole days."""
    begin, until = -(-first // HOURS_A_DAY) * HOURS_A_DAY, end // HOURS_A_DAY * HOURS_A_DAY
    if by_hour or begin >= until:
        yield first, end, False
        return
    yield begin, until, True
    for one, other in ((first, begin), (until, end)):
        if one < other:
            yield one, other, False


def _add_spans(
    connection: Connection, project_id: int, query: Query, by: Sequence[str], found: _Found, *, percentiles_too: bool
) -> None:
    plan = Compiler(connection, project_id, replace(query, cursor=None)).spans()
    source = plan.from_spans(project_id)
    matching, values = f"{source.text} AND {plan.where.text}", (*source.values, *plan.where.values)
    select, group = grouped(SPAN_SAYS[key] for key in by)
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
    select, group = grouped(SPAN_SAYS[key] for key in by)
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
