"""Which traces say something in attributes, asked of PostgreSQL's index of them for the sets in memory."""

from __future__ import annotations

from collections.abc import Sequence

from pyroaring import BitMap64 as BitMap

from ..query.filters import Not, Term, Text
from . import attribute_blocks as blocks
from .attribute_words import match_of, needs_proof
from .compile import is_of_index
from .conditions import Sql
from .matching import Matcher, UntoldError


class GinMatcher(Matcher):
    """Asks of attributes that equal a value or are there; texts, and what has to be proved, the database is asked."""

    def _is_unproven(self, part: Term | Text) -> bool:
        return isinstance(part, Text) or needs_proof(part)

    def _said_by_all(self, part: Not, of: BitMap | None) -> tuple[BitMap, BitMap]:
        assert is_of_index(part.of)  # noqa: S101  # of others nobody asks it
        among = self.timeline.all if of is None else of & self.timeline.all
        rows = None if of is None else list(among)
        return self._found(blocks.traces_all_saying(self._words(part.of), rows)) & among, BitMap()

    def _all_of_index(self, part: Term | Text) -> BitMap:
        return self._found(blocks.traces_saying(self._words(part), None)) & self.timeline.all

    def _looked_at_now(self, part: Term | Text, among: BitMap) -> BitMap:
        return self._some_of_index(part, among)

    def _some_of_index(self, part: Term | Text, among: BitMap) -> BitMap:
        return self._found(blocks.traces_saying(self._words(part), list(among))) & among

    def _unseen(self) -> BitMap:
        return BitMap()  # what spans say is indexed with them

    def _words(self, part: Term | Text) -> Sequence[int]:
        if isinstance(part, Text) or needs_proof(part):
            raise UntoldError
        return blocks.numbers_of(match_of(part).split(" OR "))

    def _found(self, asked: Sql) -> BitMap:
        return BitMap([row for (row,) in self.connection.execute(asked.text, asked.values)])
