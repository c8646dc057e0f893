"""Numbers of traces by their rows, packed: eight bytes each."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from typing import Final

#: What a column holds of a trace that does not say it.
UNSAID: Final = -(1 << 63)


class Column:
    """One number of every trace, by its row."""

    def __init__(self, base: int) -> None:
        self._base = base
        self._values = array("q")

    def reach(self, row: int) -> None:
        """Have room for the numbers of all rows up to one, which say nothing until they are put in."""
        lacking = row - self._base + 1 - len(self._values)
        if lacking > 0:
            self._values.extend([UNSAID] * lacking)

    def put(self, row: int, value: int | None) -> None:
        """Keep the number of a row."""
        at = row - self._base
        if at >= len(self._values):
            self.reach(row)
        self._values[at] = UNSAID if value is None else value

    def put_all(self, rows: Sequence[int], said: Iterable[int | None]) -> None:
        """Keep the numbers of many rows."""
        self.reach(max(rows))
        values, base = self._values, self._base
        for row, value in zip(rows, said, strict=True):
            values[row - base] = UNSAID if value is None else value

    def of(self, rows: Iterable[int]) -> list[int]:
        """Return the numbers of *rows*, ``UNSAID`` among them."""
        values, base = self._values, self._base
        return [values[row - base] for row in rows]
