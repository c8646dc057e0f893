"""Measures of model calls over time: from the rollups where these can tell, else from the calls themselves.

Both ways count the same calls (spans of the kinds that call a model), sum tokens and cost over what the traces count,
and read percentiles from the same logarithmic buckets. Rollups know whole hours, and of a filter only terms of the
fields that their series have; everything else looks at the calls, the newest ones where there are too many.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any, Final

import orjson

from ..query.filters import Filter, Query
from ..query.measures import SPLITS, CallPoint, Measured, SessionCosts, Steps, Sums
from ..record import MODEL_KINDS, Usage
from .compile import Compiler
from .conditions import Sql, asks_only, conditions
from .connection import Connection
from .gathered import Gathered, Value
from .newest import newest_spans
from .rollups import HOUR_NS, HOURS_A_DAY, bucket
from .rows import ERROR
from .settled import measured
from .tables import SUMS

#: Where calls are looked at one by one, at most so many of the newest are.
MOST_CALLS: Final = 5_000
KINDS: Final = ", ".join(f"'{kind}'" for kind in sorted(MODEL_KINDS))
BUCKETS: Final = tuple(f.name for f in fields(Usage))
_DAY_NS: Final = HOUR_NS * HOURS_A_DAY
#: Field of the language -> what a series says of it, in the order in which a prompt is asked for.
OF_SERIES: Final = {
    "kind": ("r.kind",),
    "provider": ("nullif(r.provider, '')",),
    "model": ("nullif(r.model, '')",),
    "env": ("nullif(r.environment, '')",),
    "prompt": (
        "nullif(r.prompt_name, '')",
        "CASE WHEN r.prompt_name != '' AND r.prompt_version != '' THEN r.prompt_name || '@' || r.prompt_version END",
    ),
}
VALUE_OF_SERIES: Final = {
    "provider": "nullif(r.provider, '')",
    "model": "nullif(r.model, '')",
    "env": "nullif(r.environment, '')",
    "prompt": (
        "CASE WHEN r.prompt_version = '' THEN nullif(r.prompt_name, '') "
        "ELSE r.prompt_name || '@' || r.prompt_version END"
    ),
}
VALUE_OF_SPAN: Final = {
    "provider": "s.provider",
    "model": "s.model",
    "env": "s.environment",
    "prompt": "CASE WHEN s.prompt_version IS NULL THEN s.prompt_name ELSE s.prompt_name || '@' || s.prompt_version END",
    "user": "coalesce(s.user_id, t.user_id)",
    "tag": "t.tags",
}
#: So many of the newest priced calls are looked at for what sessions cost.
MOST_OF_SESSIONS: Final = 1_000


def range_of_calls(connection: Connection, project_id: int) -> tuple[int, int] | None:
    """Return the first and the last nanosecond of the whole hours in which the project has calls."""
    found = connection.execute(
        f"SELECT min(h.hour), max(h.hour) FROM series r CROSS JOIN r_hour h ON h.series_id = r.id "
        f"WHERE r.project_id = ? AND r.kind IN ({KINDS})",
        (project_id,),
    ).fetchone()
    return None if found[0] is None else (found[0] * HOUR_NS, (found[1] + 1) * HOUR_NS)


def measure(connection: Connection, project_id: int, query: Query, by: str, steps: Steps) -> Measured:
    """Return what the calls that *query* finds come to in each of *steps*, split *by* a key of ``SPLITS``.

    The range of the query itself is not looked at: the steps say it. What rollups tell is asked of them by
    ``kept_measures.py``.
    """
    return measured(_from_calls(connection, project_id, query, by, steps), steps)


def rollups_tell(filter_: Filter, by: str, steps: Steps) -> bool:
    """Return whether the rollups know enough to answer."""
    aligned = steps.first_ns % HOUR_NS == 0 and steps.step_ns % HOUR_NS == 0
    return aligned and by in VALUE_OF_SERIES and asks_only(filter_, OF_SERIES)


def call_points(
    connection: Connection,
    project_id: int,
    query: Query,
    most: int,
    nearest: Iterable[tuple[float, int]] | None = None,
) -> tuple[CallPoint, ...]:
    """Return the newest answered calls that say how many tokens they gave, for drawing latency against output."""
    of_each = (
        "t.trace_id, s.span_id, s.model, coalesce(s.output_visible, 0) + coalesce(s.reasoning, 0) + "
        "coalesce(s.output_audio, 0) + coalesce(s.output_image, 0), s.duration_ns"
    )
    asked = (
        "s.kind = 'llm' AND s.counted = 1 AND s.model IS NOT NULL AND s.output_visible IS NOT NULL "
        f"AND s.status != {ERROR}"
    )
    rows = newest_spans(connection, project_id, query, of_each, asked, most, nearest)
    return tuple(
        CallPoint(trace_id.hex(), span_id.hex(), model, output, duration_ns / 1e6)
        for trace_id, span_id, model, output, duration_ns in rows
    )


def add_rollups(
    found: Gathered,
    connection: Connection,
    project_id: int,
    filter_: Filter,
    by: str,
    steps: Steps,
    among: range,
    *,
    times: bool,
) -> None:
    """Add what the rollups say of the steps *among* all; without *times* no percentiles."""
    where = conditions(filter_, OF_SERIES)
    value = VALUE_OF_SERIES[by]
    first, step = steps.first_ns // HOUR_NS, steps.step_ns // HOUR_NS
    begin, end = first + step * among.start, first + step * among.stop
    of_them, asked = f"r.project_id = ? AND ({where.text})", (project_id, *where.values)
    told = connection.execute(
        f"SELECT r.id, {value}, nullif(r.provider, ''), r.kind IN ({KINDS}), r.kind = 'llm' "
        f"FROM series r WHERE {of_them}",
        asked,
    )
    series = {number: says for number, *says in told}
    # By series, in the order of the table's key: grouped by what series say it takes half as long again.
    rows = connection.execute(
        f"SELECT h.series_id, (h.hour - ?) / ?, {', '.join(f'sum(h.{name})' for name in SUMS)} FROM r_hour h "
        f"WHERE h.series_id IN (SELECT r.id FROM series r WHERE {of_them}) AND h.hour >= ? AND h.hour < ? "
        "GROUP BY 1, 2",
        (first, step, *asked, begin, end),
    )
    for number, at, *figures in rows:
        of, provider, is_call, is_llm = series[number]
        spans, errors, latency_ns, *rest = map(int, figures)
        *buckets, cost, priced, unpriced = rest
        calls = spans if is_call else 0
        usage = Usage(*(tokens or None for tokens in buckets))
        writing_ns = latency_ns if is_llm else 0
        found.sums[of, at] += Sums(calls, errors if is_call else 0, cost, priced, unpriced, usage, writing_ns)
        if provider is not None:
            found.providers[of][provider] += calls
    if times:
        _percentiles_from_rollups(connection, found, project_id, where, value, steps, among)


def _percentiles_from_rollups(
    connection: Connection, found: Gathered, project_id: int, where: Sql, value: str, steps: Steps, among: range
) -> None:
    by_day = steps.first_ns % _DAY_NS == 0 and steps.step_ns % _DAY_NS == 0
    table, column, unit = ("h_day", "day", _DAY_NS) if by_day else ("h_hour", "hour", HOUR_NS)
    first, step = steps.first_ns // unit, steps.step_ns // unit
    of_calls = f"r.project_id = ? AND r.kind IN ({KINDS}) AND ({where.text})"
    asked = (project_id, *where.values)
    values = dict(connection.execute(f"SELECT r.id, {value} FROM series r WHERE {of_calls}", asked).fetchall())
    # All buckets of an hour or a day come as one row, in the order of the table's key: nothing is sorted for it, and a
    # row for each bucket takes four times as long.
    rows = connection.execute(
        f"SELECT h.series_id, h.{column}, h.measure, group_concat(h.bucket), group_concat(h.n) FROM {table} h "
        f"WHERE h.series_id IN (SELECT r.id FROM series r WHERE {of_calls}) AND h.{column} >= ? AND h.{column} < ? "
        f"GROUP BY h.series_id, h.{column}, h.measure",
        (*asked, first + step * among.start, first + step * among.stop),
    )
    found.count_lists(
        (values[series], (at - first) // step, kept, numbers, counts) for series, at, kept, numbers, counts in rows
    )


def _from_calls(connection: Connection, project_id: int, query: Query, by: str, steps: Steps) -> Gathered:
    narrowed = replace(query, from_ns=steps.first_ns, to_ns=steps.end_ns, cursor=None, own_environment=True)
    plan = Compiler(connection, project_id, narrowed).spans()
    if plan.driven == 0:
        return gather((), by)
    source = plan.from_spans(project_id)
    rows = connection.execute(
        f"SELECT {VALUE_OF_SPAN[by]}, s.provider, (s.start_ns - ?) / ?, s.kind IN ({KINDS}), s.kind = 'llm', "
        f"s.status = {ERROR}, s.duration_ns, s.ttft_ms, s.counted, s.cost_nusd, s.total_tokens, "
        f"{', '.join('s.' + b for b in BUCKETS)} {source.text} AND {plan.where.text} "
        f"AND (s.kind IN ({KINDS}) OR s.counted = 1) ORDER BY s.start_ns DESC LIMIT {MOST_CALLS + 1}",
        (steps.first_ns, steps.step_ns, *source.values, *plan.where.values),
    )
    return gather(rows, by)


def gather(rows: Iterable[Sequence[Any]], by: str) -> Gathered:
    """Return what calls come to: the value of the split, and what ``count_call`` reads, of each; the newest first."""
    shared = SPLITS[by].shared
    found, whole = Gathered(), Gathered() if shared else None
    figures, together = _figures(), _figures()
    for n, row in enumerate(rows):
        if n == MOST_CALLS:
            found.newest_only = True
            break
        if whole is None:
            count_call(found, figures[row[0], row[2]], row)
            continue
        count_call(whole, together[None, row[2]], row)
        for value in orjson.loads(row[0]) if row[0] else (None,):
            count_call(found, figures[value, row[2]], (value, *row[1:]))
    _sum_up(found, figures)
    if whole is not None:
        _sum_up(whole, together)
        found.whole = whole
    return found


def _figures() -> defaultdict[tuple[Value, int], list[int]]:
    return defaultdict(lambda: [0] * (6 + len(BUCKETS)))


def _sum_up(found: Gathered, figures: Mapping[tuple[Value, int], Sequence[int]]) -> None:
    for key, sums in figures.items():
        # As in the rollups: nothing said and a 0 said are the same to a sum.
        found.sums[key] = sums_of(sums)


def session_costs(
    connection: Connection, project_id: int, query: Query, nearest: Iterable[tuple[float, int]] | None = None
) -> SessionCosts:
    """Return what the newest priced calls that *query* finds cost by session."""
    of_each, asked = "coalesce(s.session_id, t.session_id), s.cost_nusd", "s.counted = 1 AND s.cost_nusd IS NOT NULL"
    rows = newest_spans(
        connection, project_id, query, of_each, asked, MOST_OF_SESSIONS + 1, nearest, index="ix_spans_priced"
    )
    return session_costs_of(rows)


def session_costs_of(rows: Sequence[Sequence[Any]]) -> SessionCosts:
    """Return what calls, each a session or ``None`` and a cost, come to; one more than are looked at says so."""
    said = [(session, cost) for session, cost in rows[:MOST_OF_SESSIONS] if session is not None]
    return SessionCosts(
        len({session for session, _ in said}), sum(cost for _, cost in said), len(rows) > MOST_OF_SESSIONS
    )


def sums_of(counted: Sequence[int]) -> Sums:
    """Return what ``count_call`` counted."""
    calls, errors, cost, priced, unpriced, writing_ns, *buckets = counted
    return Sums(calls, errors, cost, priced, unpriced, Usage(*(tokens or None for tokens in buckets)), writing_ns)


def count_call(found: Gathered, sums: list[int], row: Sequence[Any]) -> None:
    """Count one call into what is gathered, and into the fields of ``Sums`` with the buckets of usage after them."""
    of, provider, at, is_call, is_llm, failed, duration_ns, ttft_ms, counted, cost, total, *buckets = row
    if is_call:
        sums[0] += 1
        sums[1] += failed
        sums[5] += duration_ns if is_llm else 0
        number = bucket(duration_ns)
        found.latency[at][number] += 1
        found.latency_of[of][number] += 1
        if ttft_ms is not None:
            found.ttft[at][bucket(ttft_ms * 1e6)] += 1
        if provider is not None:
            found.providers[of][provider] += 1
    if not counted:
        return
    for n, tokens in enumerate(buckets, 6):
        if tokens:
            sums[n] += tokens
    if cost is not None:
        sums[2] += cost
        sums[3] += 1
    elif is_call and total is not None:
        sums[4] += 1
