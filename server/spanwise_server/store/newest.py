"""The newest spans that a filter finds, and of each only what is asked: by reading about as many as are wanted.

A database reads by itself no more than it must where it knows how many spans have what is asked. Of words it does not:
fewer calls are of a model, priced and answered by chance than really are. So the sets in memory say of words which
traces can have such spans: where these are few, the spans of few after another are read, the newest first; where they
are not, enough spans have it for walking all in order of time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from typing import Any, Final

from ..query.filters import Filter, Query, Term
from .compile import NUMBERS, Compiler, Plan, conjuncts
from .conditions import EVERYTHING, Sql
from .connection import Connection
from .words import WORD_FIELDS

#: With more than one in so many traces, walking all spans in order of time gets as far.
FEW_OF_ALL: Final = 16
#: Traces looked through at once: few at first, later more.
_TRACES_FIRST, _TRACES_MOST = 100, 400
#: Words that a trace has for other reasons than that a span says them, or that spans have an index of.
_NOT_OF_SPANS: Final = frozenset({"label", "status"})


def is_told_by_words(filter_: Filter) -> bool:
    """Return whether spans have to have words for *filter_*, and beside them nothing but numbers."""
    fields = {part.field if isinstance(part, Term) else "" for part in conjuncts(filter_)}
    words = WORD_FIELDS - _NOT_OF_SPANS
    return not fields.isdisjoint(words) and fields <= words | NUMBERS.keys()


def newest_spans(
    connection: Connection,
    project_id: int,
    query: Query,
    of_each: str,
    asked: str,
    most: int,
    nearest: Iterable[tuple[float, int]] | None = None,
    index: str = "ix_spans_time",
) -> list[tuple[Any, ...]]:
    """Return what *of_each* says of the newest spans for which *asked* holds, too, *most* of them.

    Spans are ``s``, their traces ``t``. They are among those of the traces *nearest*, as ``candidates.py`` gives them,
    where that is known. *index* has all spans for which *asked* holds, in order of time.
    """
    query = replace(query, cursor=None, own_environment=True)
    plan = Compiler(connection, project_id, query).spans()
    if plan.driven == 0:
        return []
    walked = is_told_by_words(query.filter)

    def found(plan: Plan, newer: Sql = EVERYTHING) -> list[tuple[Any, ...]]:
        source = plan.from_spans(project_id, index, walked=walked)
        return connection.execute(
            f"SELECT s.start_ns, {of_each} {source.text} AND {plan.where.text} AND {asked} AND {newer.text} "
            "ORDER BY s.start_ns DESC LIMIT ?",
            (*source.values, *plan.where.values, *newer.values, most),
        ).fetchall()

    rows: list[tuple[Any, ...]] = []
    if nearest is None:
        near = near_end(connection, project_id, query, plan)
        rows = found(*near) if near is not None else []
        if len(rows) < most:
            rows = found(plan)
    for driver, bound in _traces_after_another(nearest or ()):
        if len(rows) == most and rows[-1][0] > bound:
            break
        rows = sorted(rows + found(replace(plan, driver=driver)), key=lambda row: -row[0])[:most]
    return [row[1:] for row in rows]


def near_end(connection: Connection, project_id: int, query: Query, plan: Plan) -> tuple[Plan, Sql] | None:
    """Return how to look among the newest spans of all that *query* is asked of, and the condition that they meet.

    ``None`` where looking among all is as quick.
    """
    if plan.driver is not None:
        return None
    begin = connection.newest_from(project_id, 2**63 - 1 if query.to_ns is None else query.to_ns)
    if begin is None or begin <= (query.from_ns or 0):
        return None
    return replace(plan, first=connection.first_span(project_id, begin)), Sql("s.start_ns >= ?", (begin,))


def _traces_after_another(nearest: Iterable[tuple[float, int]]) -> Iterator[tuple[Sql, float]]:
    """Yield queries for the rows of few traces, and when the last span of any of them, or later ones, can begin."""
    size, left = _TRACES_FIRST, iter(nearest)
    while some := list(islice(left, size)):
        marks = ", ".join("?" * len(some))
        yield Sql(f"SELECT id AS row FROM traces WHERE id IN ({marks})", tuple(row for _, row in some)), some[0][0]
        size = min(size * 2, _TRACES_MOST)
