"""Measures of all spans that a filter finds in ClickHouse, by any of several keys: exact, from the spans themselves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from ..query.filters import Query
from ..query.measures import Key, Percentiles, Sums, Tallied
from . import tally as tallying
from .clickhouse_compile import STATUS, VALUE_OF_SPAN
from .clickhouse_find import Finder
from .conditions import Sql
from .gathered import percentiles
from .measures import BUCKETS
from .rollups import HOUR_NS, HOURS_A_DAY
from .rows import ERROR
from .tally import too_many_series, usage_of_sums

_SAYS: Final = {
    **VALUE_OF_SPAN, "kind": "s.kind", "name": "s.name", "status": STATUS,
    "session": "coalesce(s.session_id, o.session_id)",
    "hour": f"intDiv(s.start_ns, {HOUR_NS})", "day": f"intDiv(s.start_ns, {HOUR_NS * HOURS_A_DAY})",
}  # fmt: skip
#: Keys that a span's trace says where it does not.
_OF_TRACES: Final = frozenset({"user", "session"})
_SUMMED: Final = ", ".join((
    "count()", f"countIf(s.status = {ERROR})", "sumIf(s.cost_nusd, s.counted = 1)",
    "countIf(s.counted = 1 AND s.cost_nusd IS NOT NULL)", "countIf(s.counted = 1 AND s.unpriced = 1)",
    *(f"sumIf(s.{name}, s.counted = 1)" for name in BUCKETS),
))  # fmt: skip


def tally(
    finder: Finder, query: Query, by: Sequence[str], *, traces: bool, percentiles_too: bool
) -> tuple[Tallied, ...]:
    """Return what the spans that *query* finds come to, by the keys *by*; without keys it is one series."""
    where = finder.compiler(replace(query, cursor=None)).spans()
    source = Sql("FROM spans AS s")
    if _OF_TRACES & set(by):
        of_traces = "SELECT trace_id, user_id, session_id FROM traces WHERE project_id = ?"
        source = Sql(f"FROM spans AS s LEFT JOIN ({of_traces}) AS o ON o.trace_id = s.trace_id", (finder.project_id,))
    keys = [f"k{n}" for n in range(len(by))]
    select = "".join(f"{_SAYS[key]} AS {name}, " for key, name in zip(by, keys, strict=True))
    matching = Sql(f"{source.text} WHERE {where.text}", (*source.values, *where.values))
    group = f"GROUP BY {', '.join(keys)}" if keys else ""
    counted = "uniqExact(s.trace_id)" if traces else "0"
    rows = finder.server.rows(
        Sql(
            f"SELECT {select}{counted}, {_SUMMED} {matching.text} {group} LIMIT {tallying.MOST_SERIES + 1}",
            matching.values,
        )
    )
    if len(rows) > tallying.MOST_SERIES:
        raise too_many_series()
    times = _times(finder, select, keys, matching) if percentiles_too else {}
    found = []
    for row in rows:
        key, (of_traces_n, spans, errors, cost, priced, unpriced, *buckets) = row[: len(by)], row[len(by) :]
        if by and not spans:
            continue
        sums = Sums(spans, errors, cost or 0, priced, unpriced, usage_of_sums(buckets))
        latency, ttft = times.get(key, (Percentiles(), Percentiles()))
        found.append(Tallied(key, sums, of_traces_n if traces else None, latency, ttft))
    return tuple(found)


def _times(
    finder: Finder, select: str, keys: Sequence[str], matching: Sql
) -> dict[Key, tuple[Percentiles, Percentiles]]:
    """Return the percentiles of latency and of time to first token, by key."""
    found: list[dict[Key, Counter[int]]] = []
    for column in ("latency_bucket", "ttft_bucket"):
        counts: dict[Key, Counter[int]] = {}
        group = ", ".join([*keys, "bucket"])
        rows = finder.server.rows(
            Sql(
                f"SELECT {select}assumeNotNull(s.{column}) AS bucket, count() {matching.text} "
                f"AND s.{column} IS NOT NULL GROUP BY {group}",
                matching.values,
            )
        )
        for row in rows:
            counts.setdefault(row[: len(keys)], Counter())[row[-2]] += row[-1]
        found.append(counts)
    latency, ttft = found
    return {key: (percentiles(of), percentiles(ttft.get(key, Counter()))) for key, of in latency.items()}
