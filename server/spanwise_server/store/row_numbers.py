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


#: Rows that stand together, and are given room together.
_TOGETHER_BITS: Final = 3
_INSIDE: Final = (1 << _TOGETHER_BITS) - 1


class Places:
    """Where the numbers of rows are that have many between them: each eight that follow each other have a place."""

    def __init__(self) -> None:
        self._first: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._first) << _TOGETHER_BITS

    def of(self, row: int) -> int:
        """Return the place of a row, which is made where there is none."""
        return self._first.setdefault(row >> _TOGETHER_BITS, len(self)) | row & _INSIDE

    def of_known(self, rows: Iterable[int]) -> list[int]:
        """Return the places of rows that have some."""
        first = self._first
        return [first[row >> _TOGETHER_BITS] | row & _INSIDE for row in rows]


class PlacedColumn(Column):
    """One number of every trace, where rows have many between them."""

    def __init__(self, places: Places) -> None:
        super().__init__(0)
        self._places = places

    def reach(self, row: int) -> None:
        """Have room for the numbers of all rows that have places, this one too."""
        self._places.of(row)
        super().reach(len(self._places) - 1)

    def put(self, row: int, value: int | None) -> None:
        """Keep the number of a row."""
        self.reach(row)
        self._values[self._places.of(row)] = UNSAID if value is None else value

    def put_all(self, rows: Sequence[int], said: Iterable[int | None]) -> None:
        """Keep the numbers of many rows."""
        for row, value in zip(rows, said, strict=True):
            self.put(row, value)

    def of(self, rows: Iterable[int]) -> list[int]:
        """Return the numbers of *rows*, ``UNSAID`` among them."""
        places = self._places.of_known(rows)
        if places:
            super().reach(len(self._places) - 1)
        return super().of(places)
