"""Spans in the order of their names, their models or whether they failed, as far as rollups tell of these.

An index in such an order would cost every span as much as that of times does. But rollups have each span under its
model and, of steps, under its name, hour by hour: they tell which texts there are, and when.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final

from ..query.filters import And, Filter, Not, Query, Term
from .by_text import Texts
from .compile import Compiler, asks_index, conjuncts
from .conditions import Sql, asks_only, conditions
from .connection import Connection
from .measures import OF_SERIES
from .orders import FAILED, OTHERS, SPAN_TEXTS
from .rollups import HOUR_NS
from .steps import MOST_NAMES, are_told

_LAST_HOUR: Final = 2**30
_HOURS: Final = "(SELECT {edge}(h.hour) FROM {rollup} h WHERE h.{key} = r.id AND h.hour >= ? AND h.hour <= ?)"
_MODELS: Final = (
    f"SELECT r.model, {_HOURS.format(edge='min', rollup='r_hour', key='series_id')}, "
    f"{_HOURS.format(edge='max', rollup='r_hour', key='series_id')} FROM series r WHERE r.project_id = ? AND "
)
_NAMES: Final = (
    f"SELECT r.name, {_HOURS.format(edge='min', rollup='r_step', key='step_id')}, "
    f"{_HOURS.format(edge='max', rollup='r_step', key='step_id')} FROM steps r "
    "WHERE r.project_id = ? AND r.kind <> '' AND "
)
_FAILURES: Final = (
    "SELECT min(h.hour), max(h.hour) FROM series r JOIN r_hour h ON h.series_id = r.id "
    "WHERE h.hour >= ? AND h.hour <= ? AND h.errors > 0 AND r.project_id = ? AND "
)
_ALL_NAMES: Final = f"SELECT value FROM words WHERE project_id = ? AND field = 'name' LIMIT {MOST_NAMES + 1}"
_UNNAMED: Final = "SELECT 1 FROM words WHERE project_id = ? AND field = 'model' AND value = ''"
_OF_STEPS: Final = {"kind": ("r.kind",), "name": ("r.name",)}

Hours = dict[str | None, tuple[int, int] | None]
"""The first and the last hour of spans that say a text, or none; ``None`` where they may be of any."""


@dataclass(slots=True)
class _Asked:
    """A query, and what rollups may be asked of it: more than it finds, never less."""

    connection: Connection
    project_id: int
    query: Query
    hours: tuple[int, int] = field(init=False)

    def __post_init__(self) -> None:
        first, end = self.query.from_ns, self.query.to_ns
        self.hours = 0 if first is None else first // HOUR_NS, _LAST_HOUR if end is None else end // HOUR_NS

    def where(self, fields: Mapping[str, Sequence[str]]) -> Sql:
        """Return the parts of the filter that ask of *fields* alone."""
        known = [part for part in conjuncts(self.query.filter) if asks_only(part, fields)]
        return Sql.all([Sql("TRUE"), *(conditions(part, fields) for part in known)])

    def rows(self, text: str, *values: object, fields: Mapping[str, Sequence[str]]) -> list[tuple[Any, ...]]:
        """Return what a statement finds that ends in a condition."""
        where = self.where(fields)
        return self.connection.execute(f"{text} {where.text}", (*values, *where.values)).fetchall()


def span_texts(connection: Connection, project_id: int, query: Query) -> Texts | None:
    """Return the texts that the spans say which *query* finds, in its order of texts.

    ``None`` where rollups do not tell all of them, or where few traces have what it finds.
    """
    of = query.sort.removeprefix("-")
    if of not in SPAN_TEXTS or asks_index(query.filter):
        return None
    if Compiler(connection, project_id, query).spans().driven is not None:
        return None
    asked = _Asked(connection, project_id, query)
    hours = {"name": _names, "model": _models, "status": _statuses}[of](asked)
    if hours is None:
        return None
    said = sorted(text for text in hours if text is not None)
    return Texts(said, partial(_narrowed, query, of, hours), some_unsaid=None in hours)


def _names(asked: _Asked) -> Hours | None:
    names = [name for (name,) in asked.connection.execute(_ALL_NAMES, (asked.project_id,))]
    if len(names) > MOST_NAMES or not are_told(asked.connection, asked.project_id, names):
        return None
    return _together(asked.rows(_NAMES, *asked.hours, *asked.hours, asked.project_id, fields=_OF_STEPS))


def _models(asked: _Asked) -> Hours | None:
    if asked.connection.execute(_UNNAMED, (asked.project_id,)).fetchone() is not None:
        return None  # a series does not tell an empty name from none
    found = asked.rows(_MODELS, *asked.hours, *asked.hours, asked.project_id, fields=_of_series(asked.query))
    hours = _together(found)
    if "" in hours:
        hours[None] = hours.pop("")
    return hours


def _statuses(asked: _Asked) -> Hours:
    ((first, last),) = asked.rows(_FAILURES, *asked.hours, asked.project_id, fields=_of_series(asked.query))
    hours: Hours = {OTHERS: None}
    if first is not None:
        hours[FAILED] = first, last
    return hours


def _of_series(query: Query) -> Mapping[str, Sequence[str]]:
    """Return what series tell: an environment where that of the span itself is asked for."""
    return {name: columns for name, columns in OF_SERIES.items() if name != "env" or query.own_environment}


def _together(found: Iterable[tuple[str, int | None, int | None]]) -> Hours:
    hours: Hours = {}
    for text, first, last in found:
        if first is not None and last is not None:
            known = hours.get(text) or (first, last)
            hours[text] = min(known[0], first), max(known[1], last)
    return hours


def _narrowed(query: Query, of: str, hours: Hours, text: str | None) -> Query:
    """Return *query* for the spans that say one text, or none."""
    asked: Filter
    if of == "status":
        failed = Term("status", "=", ("error",))
        asked = failed if text == FAILED else Not(failed)
    else:
        asked = Not(Term(of, "like", ("*",))) if text is None else Term(of, "=", (text,))
    narrowed = replace(query, filter=And((query.filter, asked)))
    known = hours.get(text)
    if known is None:
        return narrowed
    first, end = known[0] * HOUR_NS, (known[1] + 1) * HOUR_NS
    return replace(
        narrowed,
        from_ns=first if query.from_ns is None else max(first, query.from_ns),
        to_ns=end if query.to_ns is None else min(end, query.to_ns),
    )
