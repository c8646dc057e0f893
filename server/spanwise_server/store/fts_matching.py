"""Which traces have words, asked of SQLite's text index for the sets in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from pyroaring import BitMap64 as BitMap

from ..query.filters import Not, Term, Text
from .compile import is_of_index
from .conditions import Sql
from .database import SqliteConnection
from .fts import is_unproven, spans_of, spans_to_prove
from .index_key import MOST_ROWS, runs_of
from .matching import Matcher, UntoldError
from .proof import UnprovenError

Known = Callable[[Text | Term, Sequence[int]], tuple[bool, Sequence[int]]]
"""Says of spans whether any of them was proved to be what is asked, and which were not looked at."""


class FtsMatcher(Matcher):
    """Asks ``search.db``, which takes in what was written a moment later."""

    connection: SqliteConnection

    def __init__(self, *given: Any, known: Known) -> None:
        super().__init__(*given)
        self._known = known

    def _is_unproven(self, part: Term | Text) -> bool:
        return is_unproven(part)

    def _said_by_all(self, part: Not, of: BitMap | None) -> tuple[BitMap, BitMap]:
        assert is_of_index(part.of)  # noqa: S101  # of others nobody asks it
        unseen = self._unseen()
        among = self.timeline.all if of is None else (of - unseen) & self.timeline.all
        found = BitMap()
        for first, last in [(0, MOST_ROWS)] if of is None else runs_of(among):
            spans: Counter[int] = Counter()
            for sql in spans_of(self.connection, part.of, first, last) or ():
                spans.update(dict(self.connection.execute(sql.text, sql.values).fetchall()))
            there = self.connection.execute(
                "SELECT id, span_count FROM traces WHERE id BETWEEN ? AND ? AND project_id = ?",
                (first, last, self.project_id),
            )
            found.update([row for row, count in there if spans[row] >= count])
        return found & among, unseen

    def _all_of_index(self, part: Term | Text) -> BitMap:
        asked = self.connection.index.trace_rows(self.connection, part)
        if asked is None:
            raise UntoldError
        return self._rows(asked) & self.timeline.all

    def _looked_at_now(self, part: Term | Text, among: BitMap) -> BitMap:
        if not is_unproven(part):
            return self._some_of_index(part, among)
        found, unproven = BitMap(), []
        for first, last in runs_of(among):
            spans_of_traces = spans_to_prove(self.connection, part, first, last)
            if spans_of_traces is None:
                return among
            for row, spans in spans_of_traces.items():
                if row not in among:
                    continue
                proved, lacking = self._known(part, spans)
                if proved:
                    found.add(row)
                elif lacking:
                    unproven.append(lacking)
        if unproven:
            raise UnprovenError(part, unproven)
        return found

    def _some_of_index(self, part: Term | Text, among: BitMap) -> BitMap:
        """Ask of those that lie close together, as new ones do, at once."""
        found = BitMap()
        for first, last in runs_of(among):
            asked = self.connection.index.trace_rows(self.connection, part, first, last)
            if asked is None:
                raise UntoldError
            found |= self._rows(asked)
        return found & among

    def _rows(self, asked: Iterable[Sql]) -> BitMap:
        return BitMap([row for sql in asked for (row,) in self.connection.execute(sql.text, sql.values)])

    def _unseen(self) -> BitMap:
        return self._sets.unindexed.rows(self.connection) & self.timeline.all
