"""Phrases and attributes asked of SQLite's text index: by words, and where these prove nothing, of the span itself."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ..query.filters import Term, Text
from . import attribute_words as attributes
from .conditions import EVERYTHING, MOST_DRIVEN, Sql
from .connection import Asked, Connection
from .index_key import ADDRESS, FAR_IN_TRACE, IN_TRACE, IS_SPAN, MOST_ROWS, SMALL_PLACES, TRACE_ROW, keys_of
from .proof import packed_term
from .search_words import match_of, needs_proof


@dataclass(frozen=True, slots=True)
class _OfIndex:
    """A question to the text index: its words, and what proves that a span with these words is meant."""

    match: str
    unproven: bool
    """Whether the words alone prove nothing."""
    proof: Sql
    """Unpacks only the spans whose words prove nothing, or may be stale."""


_ANY_STALE: Final = "SELECT 1 FROM spans INDEXED BY ix_spans_rewritten WHERE rewritten = 1 LIMIT 1"
_STALE: Final = f"{ADDRESS} IN (SELECT id FROM spans INDEXED BY ix_spans_rewritten WHERE rewritten = 1)"


class FtsIndex:
    """The index in ``search.db``, which every reader has attached."""

    def few_traces(
        self,
        connection: Connection,
        asked: Asked,  # noqa: ARG002  # the protocol's
        part: Text | Term,
    ) -> tuple[int, Sql] | None:
        """Return how many traces *part* leaves and a query for their rows, named ``row``; ``None`` where many."""
        of = _asked_of_index(connection, part)
        if of is None:
            return None
        found = f"SELECT DISTINCT {TRACE_ROW} AS row FROM search.texts WHERE texts MATCH ?"
        few = f"SELECT count(*) FROM ({found} LIMIT {MOST_DRIVEN + 1})"
        count = connection.execute(few, (of.match,)).fetchone()[0]
        # Proving means unpacking spans: the walk by time does so only until its page is full.
        if count > (MOST_DRIVEN // 10 if of.unproven else MOST_DRIVEN):
            return None
        return count, Sql(f"{found} AND {of.proof.text}", (of.match, *of.proof.values))

    def trace_rows(
        self, connection: Connection, part: Text | Term, first: int = 0, last: int = MOST_ROWS
    ) -> Sequence[Sql] | None:
        """Return queries that together give the rows, *first* to *last*, of the traces that *part* leaves.

        They are of any project. ``None`` where words alone prove nothing.
        """
        of = _asked_of_index(connection, part)
        if of is None or of.unproven:
            return None
        found = f"FROM search.texts WHERE texts MATCH ? AND {of.proof.text} AND texts.rowid BETWEEN ? AND ?"
        return [
            Sql(f"SELECT DISTINCT {row} {found}", (of.match, *of.proof.values, *between))
            for row, between in keys_of(first, last)
        ]

    # A plus keeps SQLite from looking each of what is found up, where it should look whether it is among them.

    def of_trace(self, connection: Connection, asked: Asked, part: Text | Term) -> Sql:
        """Ask trace by trace, or where all are asked for, once for all traces."""
        of = _asked_of_index(connection, part)
        if of is None:
            return EVERYTHING
        if not asked.of_all or (of.unproven and not asked.limited):
            near, far = _exists(of, IN_TRACE), _exists(of, FAR_IN_TRACE)
            return Sql(f"({near.text} OR t.places > {SMALL_PLACES} AND {far.text})", (*near.values, *far.values))
        found = f"SELECT {TRACE_ROW} FROM search.texts WHERE texts MATCH ? AND {of.proof.text}"
        return Sql(f"+t.id IN ({found})", (of.match, *of.proof.values))

    def of_span(self, connection: Connection, asked: Asked, part: Text | Term) -> Sql:
        """Ask span by span, or where all are asked for, once for all spans."""
        of = _asked_of_index(connection, part)
        if of is None:
            return EVERYTHING
        if not asked.of_all or (of.unproven and not asked.limited):
            return _exists(of, IS_SPAN)
        found = f"SELECT {ADDRESS} FROM search.texts WHERE texts MATCH ? AND {of.proof.text}"
        if not asked.runs:
            return Sql(f"+s.id IN ({found})", (of.match, *of.proof.values))
        ranges = [between for run in asked.runs for _, between in keys_of(*run)]
        found = " UNION ALL ".join([f"{found} AND texts.rowid BETWEEN ? AND ?"] * len(ranges))
        values = [value for between in ranges for value in (of.match, *of.proof.values, *between)]
        return Sql(f"+s.id IN ({found})", tuple(values))


def spans_of(connection: Connection, part: Text | Term, first: int, last: int) -> Sequence[Sql] | None:
    """Return queries for how many spans of each trace *part* finds, by row, of the traces in a range of rows.

    ``None`` where words alone prove nothing.
    """
    of = _asked_of_index(connection, part)
    if of is None or of.unproven:
        return None
    found = f"FROM search.texts WHERE texts MATCH ? AND {of.proof.text} AND texts.rowid BETWEEN ? AND ?"
    return [
        Sql(f"SELECT {row}, count(*) {found} GROUP BY 1", (of.match, *of.proof.values, *between))
        for row, between in keys_of(first, last)
    ]


def spans_to_prove(connection: Connection, part: Text | Term, first: int, last: int) -> Mapping[int, list[int]] | None:
    """Return the addresses of the spans that have the words of *part*, by their traces' rows, *first* to *last*.

    ``None`` where it has no words, so that it is everything.
    """
    of = _asked_of_index(connection, part)
    if of is None:
        return None
    found: defaultdict[int, list[int]] = defaultdict(list)
    for row, between in keys_of(first, last):
        keys = connection.execute(
            f"SELECT {row}, {ADDRESS} FROM search.texts WHERE texts MATCH ? AND texts.rowid BETWEEN ? AND ?",
            (of.match, *between),
        )
        for trace, at in keys:
            found[trace].append(at)
    return found


def is_unproven(part: Text | Term) -> bool:
    """Return whether the words that *part* is found by prove nothing by themselves."""
    return needs_proof(part.phrase) if isinstance(part, Text) else attributes.needs_proof(part)


def _asked_of_index(connection: Connection, part: Text | Term) -> _OfIndex | None:
    """Return what to ask; ``None`` where *part* has no words, so that it is everything."""
    if isinstance(part, Text):
        match, unproven = match_of(part.phrase), is_unproven(part)
        function, what = "span_holds", part.phrase
    else:
        match, unproven = attributes.match_of(part), is_unproven(part)
        function, what = "span_says", packed_term(part)
    if match is None:
        return None
    if unproven:
        return _OfIndex(match, unproven, Sql(f"{function}({ADDRESS}, ?)", (what,)))
    if connection.execute(_ANY_STALE).fetchone() is None:
        return _OfIndex(match, unproven, EVERYTHING)
    return _OfIndex(match, unproven, Sql(f"(CASE WHEN {_STALE} THEN {function}({ADDRESS}, ?) ELSE 1 END)", (what,)))


def _exists(asked: _OfIndex, where: str) -> Sql:
    text = f"EXISTS (SELECT 1 FROM search.texts WHERE texts MATCH ? AND {where} AND {asked.proof.text})"
    return Sql(text, (asked.match, *asked.proof.values))
