"""Which values of very many are the commonest among some traces, counted on as traces come and go."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from heapq import nlargest
from typing import Final

from pyroaring import BitMap64 as BitMap

from .base import FacetValue
from .connection import Connection
from .set_source import SetSource

_AT_ONCE: Final = 400


class ValueCounts:
    """In how many traces each value of some fields is, of one project's traces that can be exchanged for others."""

    def __init__(self, project_id: int, fields: Sequence[str]) -> None:
        self._project_id = project_id
        self._rows = BitMap()
        self._words: dict[int, tuple[int, ...]] = {}
        """The words of these fields that each trace has."""
        self._counts: dict[str, Counter[int]] = {field: Counter() for field in fields}
        self._said: dict[int, tuple[str, str] | None] = {}
        """What each word says: a field and a value, ``None`` where it is of no field that is counted."""

    def be_of(self, connection: Connection, source: SetSource, rows: BitMap, others: Collection[int]) -> None:
        """Count these traces and no others; *others* are words that are of no field that is counted."""
        self.forget(self._rows - rows)
        found = source.words_of(connection, list(rows - self._rows))
        words = {row: [word for word in of_row if word not in others] for row, of_row in found}
        self._learn(connection, {word for of_row in words.values() for word in of_row})
        for row, of_row in words.items():
            self._words[row] = tuple([word for word in of_row if self._said[word] is not None])
            self._count(self._words[row], 1)
        self._rows = rows.copy()

    def forget(self, rows: BitMap) -> None:
        """Count some traces no longer, if they were."""
        for row in rows & self._rows:
            self._count(self._words.pop(row, ()), -1)
        self._rows -= rows

    def commonest(self, field: str, limit: int) -> tuple[FacetValue, ...]:
        """Return the commonest values of a field."""
        counts = self._counts[field]
        least = min(nlargest(limit, counts.values()), default=0)
        found = [FacetValue(said[1], n) for word, n in counts.items() if n >= least and (said := self._said[word])]
        return tuple(sorted(found, key=lambda one: (-one.count, one.value))[:limit])

    def _count(self, words: Iterable[int], one: int) -> None:
        for word in words:
            said = self._said[word]
            if said is not None:
                counts = self._counts[said[0]]
                counts[word] += one
                if not counts[word]:
                    del counts[word]

    def _learn(self, connection: Connection, words: set[int]) -> None:
        new = [word for word in words if word not in self._said]  # a difference would look at all that are known
        fields = list(self._counts)
        for at in range(0, len(new), _AT_ONCE):
            some = new[at : at + _AT_ONCE]
            self._said.update(dict.fromkeys(some))
            for word, field, value in connection.execute(
                f"SELECT id, field, value FROM words WHERE project_id = ? AND field IN ({_marks(fields)}) "
                f"AND id IN ({_marks(some)})",
                (self._project_id, *fields, *some),
            ):
                self._said[word] = field, value


def _marks(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))
