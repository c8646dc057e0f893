"""How many traces have spans of a step in a range, from its rollups and from the spans at the ends of the range."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from ..query.filters import Query
from ..query.measures import Key
from .address import PLACE_BITS, span_range
from .compile import Compiler
from .connection import Connection
from .rollups import HOURS_A_DAY
from .tally_source import SPAN_SAYS, Source, grouped

_ASKED_AT_ONCE: Final = 400

Piece = tuple[Query, bool]
"""A part of the range, with whether rollups tell it."""


def traces_of_step(
    connection: Connection, project_id: int, source: Source, pieces: Sequence[Piece], by: Sequence[str]
) -> Counter[Key] | None:
    """Return how many traces have spans that are asked for, by key; ``None`` where rollups do not tell it."""
    step = source.step
    whole = [piece for piece, whole_hours in pieces if whole_hours]
    # Traces with spans of two names or kinds are counted of both.
    if step is None or not whole or (len(step.names) != 1 and "name" not in by):
        return None
    kinds = step.kinds
    if "kind" not in by and kinds is not None and len(kinds) != 1:
        return None
    found = _from_rollups(connection, project_id, source, whole[0], by)
    ends = {
        one
        for piece, whole_hours in pieces if not whole_hours
        for one in _pairs(connection, project_id, piece, by)
    }  # fmt: skip
    inner = set(_pairs_within(connection, project_id, whole[0], by, {row for _, row in ends}))
    found.update(key for key, _ in ends - inner)
    return found


def _from_rollups(
    connection: Connection, project_id: int, source: Source, query: Query, by: Sequence[str]
) -> Counter[Key]:
    """Count of each hour the traces that have no such spans in an hour before it that counts to the same key."""
    first, end = source.hours(query)
    select, group = grouped(source.says[key] for key in by)
    asked, values = "h.previous < ?", [first]
    if "hour" in by:
        asked, values = "TRUE", []
    elif "day" in by:
        asked += f" OR h.previous < h.hour / {HOURS_A_DAY} * {HOURS_A_DAY}"
    of_kind = "kind" in by or (source.step is not None and source.step.kinds is not None)
    rows = connection.execute(
        f"SELECT {select}sum(h.n) FROM steps r CROSS JOIN t_step h ON h.step_id = r.id "
        f"WHERE r.project_id = ? AND h.hour >= ? AND h.hour < ? AND ({source.where.text}) "
        f"AND r.kind {'!=' if of_kind else '='} '' AND ({asked}) {group}",
        (project_id, first, end, *source.where.values, *values),
    )
    return Counter({tuple(row[:-1]): int(row[-1]) for row in rows if row[-1]})


def _pairs(connection: Connection, project_id: int, query: Query, by: Sequence[str]) -> Iterator[tuple[Key, int]]:
    """Yield each key with each trace that has spans of it."""
    plan = Compiler(connection, project_id, replace(query, cursor=None)).spans()
    source = plan.from_spans(project_id)
    select, _ = grouped(SPAN_SAYS[key] for key in by)
    rows = connection.execute(
        f"SELECT DISTINCT {select}s.id >> {PLACE_BITS} {source.text} AND {plan.where.text}",
        (*source.values, *plan.where.values),
    )
    yield from ((tuple(row[:-1]), row[-1]) for row in rows)


def _pairs_within(
    connection: Connection, project_id: int, query: Query, by: Sequence[str], rows: Iterable[int]
) -> Iterator[tuple[Key, int]]:
    """Yield the same of some traces, of which most are over before the range begins, or begin behind it."""
    first, end = 0 if query.from_ns is None else query.from_ns, 2**63 - 1 if query.to_ns is None else query.to_ns
    where = Compiler(connection, project_id, replace(query, cursor=None)).spans().where
    select, _ = grouped(SPAN_SAYS[key] for key in by)
    wanted = sorted(rows)
    for at in range(0, len(wanted), _ASKED_AT_ONCE):
        some = wanted[at : at + _ASKED_AT_ONCE]
        reaching = connection.execute(
            f"SELECT id FROM traces WHERE id IN ({', '.join('?' * len(some))}) "
            "AND start_ns < ? AND start_ns + duration_ns >= ?",
            (*some, end, first),
        ).fetchall()
        for (row,) in reaching:
            told = connection.execute(
                f"SELECT DISTINCT {select}s.id >> {PLACE_BITS} FROM traces t CROSS JOIN spans s NOT INDEXED "
                f"ON s.id BETWEEN ? AND ? WHERE t.id = ? AND {where.text}",
                (*span_range(row), row, *where.values),
            )
            yield from ((tuple(one[:-1]), one[-1]) for one in told)
