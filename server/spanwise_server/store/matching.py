"""Which traces a filter finds, answered from the sets in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from itertools import compress
from typing import Any, Final, TypeVar

from pyroaring import BitMap64 as BitMap

from ..query.filters import And, Filter, Not, OneSpan, Or, Query, Term, Text
from .assemble import Make
from .base import Page
from .compile import conjuncts, in_units, is_of_index, parts_of_index, trace_id_is, word_ids
from .connection import Connection
from .cursor import read_cursor
from .find import limit_of, trace_page
from .judged import asks_of_judgements
from .row_numbers import UNSAID
from .trace_sets import Kept, TraceSets
from .words import WORD_FIELDS

T = TypeVar("T")
#: Which comparison of the wanted number with a trace's is an operator the other way round.
_TURNED: Final = {"=": "__eq__", ">": "__lt__", ">=": "__le__", "<": "__gt__", "<=": "__ge__"}
#: More rows than this are not asked again one by one: their term is asked of everything.
_MOST_PENDING: Final = 5_000
#: So many rows whose words may have to be proved are looked at together, and remembered.
_LOOKED_AT_ONCE: Final = 25
#: So many rows after another are asked whether the text index has their words, before it is asked once for all.
_SIZES: Final = (100, 300)
#: Where its words prove nothing it is not asked for all: few at first, since each may have to be proved.
_ALL_SIZES: Final = (*[_LOOKED_AT_ONCE] * 40, *[100] * 40, *[400] * 40, *[1_600] * 2_500)
#: With more rows than this a page in another order than that of time is full sooner by walking the order's index.
_MOST_NAMED: Final = 2_000
#: More rows than this are too many to be named in a statement.
_MOST_NEAR: Final = 5_000


class UntoldError(Exception):
    """The sets do not tell which traces match; the database has to be asked."""


class Matcher:
    """Finds the traces of one project that filters match; an engine says how it asks its text index."""

    def __init__(
        self,
        sets: TraceSets,
        connection: Connection,
        project_id: int,
        proved: Callable[[], bool],
    ) -> None:
        self._sets = sets
        self.connection = connection
        self.project_id = project_id
        self._proved = proved
        """Whether all words that prove nothing by themselves have been proved so far."""
        self._of_few = False
        """Whether the text index is asked of the rows in question alone, where it was not asked of all before."""
        self.timeline = sets.projects[project_id]

    def found(self, query: Query) -> BitMap:
        """Return the rows of the traces that *query* finds, of all pages."""
        return self._among(query.filter, self.timeline.between(query.from_ns, query.to_ns))

    def page(self, query: Query, make: Make[T]) -> Page[T]:
        """Return one page of traces as *make* makes them, by time; in another order where few match."""
        by_time = query.sort.removeprefix("-") == "time"
        near = self._near(query, limit_of(query) + 1) if by_time else self._few(query)
        return trace_page(self.connection, self.project_id, query, partial(make, query.project), near)

    def _near(self, query: Query, most: int) -> list[int]:
        """Return the rows among which a page of *query* by time lies, *most* rows beside its cursor and few more."""
        cursor = None if query.cursor is None else read_cursor(query.cursor, query.sort)
        newer = query.sort.startswith("-") == (cursor is not None and cursor.backwards)
        begin = query.from_ns if newer else query.to_ns
        if cursor is not None:
            begin = cursor.value
        found = self._walked(query, begin, most, newer=newer)
        if found is None:
            found = self.timeline.beside(self.found(query), begin, most, newer=newer)
        if len(found) > _MOST_NEAR:
            raise UntoldError
        return found

    def _few(self, query: Query) -> list[int]:
        """Return the rows of all traces that *query* finds, where they can be named in a statement."""
        found = self.found(query)
        if len(found) > _MOST_NAMED:
            raise UntoldError
        return list(found)

    def _walked(self, query: Query, begin: int | None, most: int, *, newer: bool) -> list[int] | None:
        """Return the same by asking the text index of few rows after another, ``None`` where that gets nowhere."""
        unknown = [part for part in parts_of_index(query.filter) if (self.project_id, part) not in self._sets.kept]
        if not unknown:
            return None
        sizes = _ALL_SIZES if any(map(self._is_unproven, unknown)) else _SIZES
        found: list[int] = []
        self._of_few = True
        for some in self.timeline.slices(query.from_ns, query.to_ns, begin, sizes, newer=newer):
            rows = list(self._among(query.filter, some))
            if not self._proved():
                raise UntoldError
            found += rows
            most += self._sets.start.of(rows).count(begin) if begin is not None else 0
            if len(found) >= most:
                return found
        self._of_few = False
        return None if sizes is _SIZES else found

    def lacking(self, query: Query) -> list[int] | None:
        """Return the rows of the traces that have the spans which *query* finds, where it is said what these lack."""
        asked = [part.of for part in conjuncts(query.filter) if isinstance(part, Not)]
        parts = [part for part in asked if is_of_index(part) and not self._is_unproven(part)]
        if not parts:
            return None
        among = self.timeline.all
        for part in parts:
            among = among - self._kept(Not(part), self._said_by_all)
        return list(among)

    def with_any(self, words: Iterable[int]) -> BitMap:
        """Return the rows of the traces that have any of some words."""
        return BitMap.union(BitMap(), *map(self.word, words))

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
            return among - self._among(part.of, among)
        if isinstance(part, OneSpan):
            raise UntoldError
        return self._term(part, among)

    def _term(self, part: Term | Text, among: BitMap) -> BitMap:
        if is_of_index(part):
            if self._of_few and (self.project_id, part) not in self._sets.kept:
                return self._looked(part, among)
            return among & self._kept(part, self._of_index)
        assert isinstance(part, Term)  # noqa: S101  # a text is of the index
        if part.field in self._sets.numbers:
            return among & self._kept(part, self._numbers)
        if part.field == "trace":
            return among & self._traces(part)
        if asks_of_judgements(part.field) or part.field not in WORD_FIELDS:
            raise UntoldError
        return among & self.with_any(word_ids(self.connection, self.project_id, part))

    def _kept(self, part: Filter, ask: Callable[[Any, BitMap | None], tuple[BitMap, BitMap]]) -> BitMap:
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
        unseen = self._unseen()
        rows = self._all_of_index(part) if of is None else self._some_of_index(part, (of - unseen) & self.timeline.all)
        if not self._proved():
            raise UntoldError
        return rows, unseen

    def _looked(self, part: Term | Text, among: BitMap) -> BitMap:
        """Return which *among* some rows match; of those that were looked at before it is known."""
        looked = self._sets.looked_at((self.project_id, part))
        lacking = among - looked.at
        found = looked.found & among
        if lacking:
            unseen, rows = self._unseen(), list(lacking)
            for at in range(0, len(rows), _LOOKED_AT_ONCE):
                some = BitMap(rows[at : at + _LOOKED_AT_ONCE])
                matching = self._looked_at_now(part, some)
                if not self._proved():
                    raise UntoldError
                looked.at |= some - unseen
                looked.found |= matching - unseen
                found |= matching
        return found

    # --- what an engine says of its text index -----------------------------------------------------------------------

    def _is_unproven(self, part: Term | Text) -> bool:
        """Return whether the words that *part* is found by prove nothing by themselves."""
        raise NotImplementedError

    def _said_by_all(self, part: Not, of: BitMap | None) -> tuple[BitMap, BitMap]:
        """Return the traces all of whose spans are what *part* denies, and those of which that is to be asked again."""
        raise NotImplementedError

    def _all_of_index(self, part: Term | Text) -> BitMap:
        """Return which traces match."""
        raise NotImplementedError

    def _looked_at_now(self, part: Term | Text, among: BitMap) -> BitMap:
        """Return which *among* few traces match, proved where words alone do not tell."""
        raise NotImplementedError

    def _some_of_index(self, part: Term | Text, among: BitMap) -> BitMap:
        """Return which *among* some traces match."""
        raise NotImplementedError

    def _unseen(self) -> BitMap:
        """Return the traces whose newest spans the text index does not have yet."""
        raise NotImplementedError
