"""Which traces a filter finds, answered from the sets in memory."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from functools import partial
from itertools import compress
from typing import Any, Final

from pyroaring import BitMap

from ..query.filters import And, Filter, Not, OneSpan, Or, Query, Term, Text
from ..record import TraceSummary
from .address import trace_row_of
from .assemble import summary_of
from .base import Page
from .compile import in_units, is_of_index, trace_id_is, word_ids
from .conditions import Sql
from .cursor import read_cursor
from .database import SqliteConnection
from .find import limit_of, trace_page
from .judged import asks_of_judgements
from .trace_sets import UNSAID, Kept, TraceSets
from .words import WORD_FIELDS

#: Which comparison of the wanted number with a trace's is an operator the other way round.
_TURNED: Final = {"=": "__eq__", ">": "__lt__", ">=": "__le__", "<": "__gt__", "<=": "__ge__"}
#: More rows than this are not asked again one by one: their term is asked of everything.
_MOST_PENDING: Final = 5_000
_ROWS_AT_ONCE: Final = 400
#: Rows with at most so many others between them are asked together.
_NEAR: Final = 50
#: More rows than this are too many to be named in a statement.
_MOST_NEAR: Final = 5_000
_UNSEEN: Final = "SELECT addresses FROM journal WHERE n > (SELECT entry FROM search.seen)"


class UntoldError(Exception):
    """The sets do not tell which traces match; the database has to be asked."""


class Matcher:
    """Finds the traces of one project that filters match."""

    def __init__(
        self,
        sets: TraceSets,
        connection: SqliteConnection,
        project_id: int,
        proved: Callable[[], bool],
        *,
        at_hand: bool = False,
    ) -> None:
        self._sets = sets
        self.connection = connection
        self.project_id = project_id
        self._proved = proved
        """Whether all words that prove nothing by themselves have been proved so far."""
        self._at_hand = at_hand
        """Whether the text index is asked of everything only where a page asks that of it as well."""
        self.timeline = sets.projects[project_id]

    def found(self, query: Query) -> BitMap:
        """Return the rows of the traces that *query* finds, of all pages."""
        return self._among(query.filter, self.timeline.between(query.from_ns, query.to_ns))

    def page(self, query: Query) -> Page[TraceSummary]:
        """Return one page of traces, by time."""
        near = self._near(query, limit_of(query) + 1)
        return trace_page(self.connection, self.project_id, query, partial(summary_of, query.project), near)

    def _near(self, query: Query, most: int) -> list[int]:
        """Return the rows among which a page of *query* by time lies, *most* rows beside its cursor and few more."""
        cursor = None if query.cursor is None else read_cursor(query.cursor, query.sort)
        newer = query.sort.startswith("-") == (cursor is not None and cursor.backwards)
        begin = query.from_ns if newer else query.to_ns
        if cursor is not None:
            begin = cursor.value
        found = self.timeline.beside(self.found(query), begin, most, newer=newer)
        if len(found) > _MOST_NEAR:
            raise UntoldError
        return found

    def word(self, word: int) -> BitMap:
        """Return the rows of the traces that have a word."""
        return self._sets.word(self.connection, word)

    def _among(self, part: Filter, among: BitMap) -> BitMap:
        """Return those *among* some rows that *part* matches."""
        if isinstance(part, And):
            for inner in part.all:
                among = self._among(inner, among)
            return among
        if isinstance(part, Or):
            return BitMap.union(BitMap(), *(self._among(inner, among) for inner in part.any))
        if isinstance(part, Not):
            self._at_hand, at_hand = False, self._at_hand  # what lacks a word is found by nobody in fewer steps
            lacking = among - self._among(part.of, among)
            self._at_hand = at_hand
            return lacking
        if isinstance(part, OneSpan):
            raise UntoldError
        return self._term(part, among)

    def _term(self, part: Term | Text, among: BitMap) -> BitMap:
        if is_of_index(part):
            return among & self._kept(part, self._of_index)
        assert isinstance(part, Term)  # noqa: S101  # a text is of the index
        if part.field in self._sets.numbers:
            return among & self._kept(part, self._numbers)
        if part.field == "trace":
            return among & self._traces(part)
        if asks_of_judgements(part.field) or part.field not in WORD_FIELDS:
            raise UntoldError
        words = word_ids(self.connection, self.project_id, part)
        return among & BitMap.union(BitMap(), *map(self.word, words))

    def _kept(self, part: Term | Text, ask: Callable[[Any, BitMap | None], tuple[BitMap, BitMap]]) -> BitMap:
        """Return what a term matches of all traces, asked of those that changed since it was asked last."""
        key = self.project_id, part
        kept = self._sets.kept.get(key)
        if kept is None or len(kept.pending) > _MOST_PENDING:
            kept = Kept(*ask(part, None))
        elif kept.pending:
            again, pending = ask(part, kept.pending)
            kept = Kept(kept.rows - (kept.pending - pending) | again, pending)
        self._sets.keep(key, kept)
        return kept.rows

    def _numbers(self, term: Term, of: BitMap | None) -> tuple[BitMap, BitMap]:
        rows = list(self.timeline.all if of is None else of)
        numbers = self._sets.numbers[term.field].of(rows)
        found = BitMap()
        for value in term.values:
            is_so = getattr(in_units(term.field, value), _TURNED[term.operator])
            found.update(list(compress(rows, map(is_so, numbers))))
        return found - BitMap(list(compress(rows, map(UNSAID.__eq__, numbers)))), BitMap()

    def _traces(self, term: Term) -> BitMap:
        condition = trace_id_is(term)
        found = self.connection.execute(
            f"SELECT t.id FROM traces t WHERE t.project_id = ? AND ({condition.text})",
            (self.project_id, *condition.values),
        )
        return BitMap([row for (row,) in found])

    def _of_index(self, part: Term | Text, of: BitMap | None) -> tuple[BitMap, BitMap]:
        if of is None and self._at_hand:
            raise UntoldError
        unseen = self._unseen()
        rows = self._all_of_index(part) if of is None else self._some_of_index(part, (of - unseen) & self.timeline.all)
        if not self._proved():
            raise UntoldError
        return rows, unseen

    def _all_of_index(self, part: Term | Text) -> BitMap:
        asked = self.connection.index.trace_rows(self.connection, part)
        if asked is None:
            raise UntoldError
        return self._rows(asked) & self.timeline.all

    def _some_of_index(self, part: Term | Text, among: BitMap) -> BitMap:
        """Return which *among* some rows match: those that lie close together, as new ones do, are asked at once."""
        found = BitMap()
        for first, last in _runs(among):
            asked = self.connection.index.trace_rows(self.connection, part, first, last)
            if asked is None:
                raise UntoldError
            found |= self._rows(asked)
        return found & among

    def _rows(self, asked: Iterable[Sql]) -> BitMap:
        return BitMap([row for sql in asked for (row,) in self.connection.execute(sql.text, sql.values)])

    def _unseen(self) -> BitMap:
        """Return the traces whose newest spans the text index does not have yet."""
        rows = BitMap()
        for (packed,) in self.connection.execute(_UNSEEN):
            rows.update(map(trace_row_of, struct.unpack(f"<{len(packed) // 8}q", packed)))
        return rows & self.timeline.all


def _runs(rows: BitMap) -> list[tuple[int, int]]:
    """Return the first and the last of the rows of each group between which little else lies."""
    runs: list[tuple[int, int]] = []
    for row in rows:
        if runs and row - runs[-1][1] <= _NEAR:
            runs[-1] = runs[-1][0], row
        else:
            runs.append((row, row))
    return runs
