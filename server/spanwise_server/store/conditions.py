"""Conditions of SQL and their values, and terms of text as such conditions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ..query.filters import And, Filter, Not, OneSpan, Or, Term, Text
from .address import MOST_PLACES, PLACE_BITS


@dataclass(frozen=True, slots=True)
class Sql:
    """A condition and the values of its question marks."""

    text: str
    values: tuple[Any, ...] = ()

    @classmethod
    def all(cls, parts: Sequence[Sql], word: str = "AND") -> Sql:
        """Return the parts joined by *word*, each in brackets."""
        return cls(f" {word} ".join(f"({p.text})" for p in parts), tuple(v for p in parts for v in p.values))


NOTHING: Final = Sql("FALSE")
EVERYTHING: Final = Sql("TRUE")
#: A term with at most this many traces drives; looking at each of them is then quicker than walking by time.
MOST_DRIVEN: Final = 5_000


def combined(part: And | Or | Not, compile_: Callable[[Filter], Sql]) -> Sql:
    """Return parts that are connected as SQL, each compiled by *compile_*."""
    if isinstance(part, Not):
        inner = compile_(part.of)
        return Sql(f"NOT ({inner.text})", inner.values)
    if isinstance(part, Or):
        return Sql.all([compile_(inner) for inner in part.any], "OR") if part.any else NOTHING
    return Sql.all([compile_(inner) for inner in part.all]) if part.all else EVERYTHING


def has_span(part: OneSpan, compile_: Callable[[Filter], Sql]) -> Sql:
    """Return that the trace ``t`` has a span that *part* asks for, compiled of spans ``s`` by *compile_*."""
    inner = compile_(part.of)
    root = " AND s.parent_id IS NULL" if part.which == "root" else ""
    inside = f"s.id BETWEEN t.id << {PLACE_BITS} AND (t.id << {PLACE_BITS}) + {MOST_PLACES - 1}"
    return Sql(f"EXISTS (SELECT 1 FROM spans s NOT INDEXED WHERE {inside}{root} AND ({inner.text}))", inner.values)


def asks_only(filter_: Filter, fields: Mapping[str, object]) -> bool:
    """Return whether a filter asks of some *fields* and of nothing else."""
    if isinstance(filter_, Term):
        return filter_.field in fields
    if isinstance(filter_, Not):
        return asks_only(filter_.of, fields)
    if isinstance(filter_, And):
        return all(asks_only(part, fields) for part in filter_.all)
    return isinstance(filter_, Or) and all(asks_only(part, fields) for part in filter_.any)


def conditions(filter_: Filter, columns: Mapping[str, Sequence[str]]) -> Sql:
    """Return a filter of terms of text as SQL, where each field stands in any of several *columns*."""
    if isinstance(filter_, Term):
        return Sql.all([text_is(column, filter_) for column in columns[filter_.field]], "OR")
    if isinstance(filter_, Text | OneSpan):
        raise TypeError("neither words nor spans are looked for in columns")
    return combined(filter_, lambda part: conditions(part, columns))


def text_is(column: str, term: Term) -> Sql:
    """Return that *column* is what a term of text asks for; what is unsaid is nothing of it."""
    if term.operator == "=":
        return one_of(column, list(term.values))
    parts = [Sql(f"{column} IS NOT NULL AND {column} GLOB ?", (glob_of(str(value)),)) for value in term.values]
    return Sql.all(parts, "OR")


def one_of(column: str, values: Sequence[Any]) -> Sql:
    """Return that *column* is one of *values*."""
    if not values:
        return NOTHING
    return Sql(f"{column} IS NOT NULL AND {column} IN ({', '.join('?' * len(values))})", tuple(values))


class Glob(str):
    """A pattern as SQLite's GLOB has it, which also knows itself as a LIKE."""

    __slots__ = ("like",)
    like: str


def glob_of(pattern: str) -> Glob:
    """Return a pattern of the language, in which only ``*`` is special."""
    return _glob(pattern, literal_star=False)


def begins_with(prefix: str) -> Glob:
    """Return the pattern of what begins with *prefix*, in which nothing is special."""
    return _glob(prefix, literal_star=True)


def _glob(text: str, *, literal_star: bool) -> Glob:
    like = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    text = text.replace("[", "[[]").replace("?", "[?]")
    made = Glob(text.replace("*", "[*]") + "*" if literal_star else text)
    made.like = f"{like}%" if literal_star else like.replace("*", "%")
    return made
