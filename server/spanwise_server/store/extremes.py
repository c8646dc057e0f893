"""What the spans of each trace say at the least and at the most of a number: by what they are found in its order.

An index of spans would cost each of them more than that of times does, since what it is in the order of is spread over
all of it. In memory a trace takes sixteen bytes. They are looked up when the order is first asked for, some traces
after another, and again of those that change.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from math import ceil, floor
from typing import Final

from pyroaring import BitMap64 as BitMap

from .connection import Connection
from .find import spans_of_traces
from .row_numbers import Column

#: Traces that are looked up by one statement, and with nobody else waiting for the sets.
_AT_ONCE: Final = 400
MOST_AT_ONCE: Final = 2_000
#: Where more traces than this have changed, they are put in order anew.
_MOST_CHANGED: Final = 2_000
_LARGEST: Final = 2**62
_PARTS: Final = 1_000
#: The orders of spans that traces are kept for, and their columns.
NUMBERS: Final = {"ttft": "s.ttft_ms", "tokens": "s.total_tokens"}
_ASKED: Final = "SELECT s.id >> 24, min({0}), max({0})"
_GROUPED: Final = "AND {0} IS NOT NULL GROUP BY s.id >> 24"


class Extremes:
    """The traces of one project by one number of their spans."""

    def __init__(self, said: str, least: Column, most: Column, rows: BitMap) -> None:
        self._said = said
        """What spans say, a key of ``NUMBERS``."""
        self._numbers = {False: least, True: most}
        self.pending = rows.copy()
        """The traces that are to be looked up."""
        self._known = BitMap()
        """Those of the others of which a span says it."""
        self._in_order: dict[bool, tuple[Sequence[int], BitMap]] = {}
        """By whether it falls, the traces in order, and those that have changed since."""

    def ask_again(self, touched: BitMap) -> None:
        """Have traces looked up again, or for the first time."""
        self.pending |= touched

    def learn(self, connection: Connection, project_id: int, there: BitMap) -> None:
        """Look some traces up, of those that are *there*."""
        some = BitMap(list(self.pending)[:MOST_AT_ONCE])
        rows = list(some & there)
        found: list[tuple[int, float, float]] = []
        for at in range(0, len(rows), _AT_ONCE):
            source = spans_of_traces(project_id, rows[at : at + _AT_ONCE])
            text = f"{_ASKED.format(NUMBERS[self._said])} {source.text} {_GROUPED.format(NUMBERS[self._said])}"
            found += connection.execute(text, source.values).fetchall()
        self._known -= some
        self.pending -= some
        for _, changed in self._in_order.values():
            changed.update(some)
        if found:
            rows_of, least, most = zip(*found, strict=True)
            self._known |= BitMap(rows_of)
            self._numbers[False].put_all(rows_of, map(_not_above, least))
            self._numbers[True].put_all(rows_of, map(_not_below, most))

    def nearest(self, beyond: float | None, *, falls: bool) -> Iterator[tuple[float, int]]:
        """Yield the traces in the order of what their spans say at the most, or rising at the least, each with that.

        No span of a trace says what comes before it in the order. Traces that say nothing *beyond* are left out.
        """
        column, other = self._numbers[falls], self._numbers[not falls]
        sign = -1 if falls else 1

        def sorted_by(rows: BitMap) -> list[tuple[int, int]]:
            listed = list(rows)
            return sorted((sign * part, row) for part, row in zip(column.of(listed), listed, strict=True))

        order, changed = self._in_order.get(falls, ((), BitMap()))
        if falls not in self._in_order or len(changed) > _MOST_CHANGED:
            order, changed = array("Q", [row for _, row in sorted_by(self._known)]), BitMap()
            self._in_order[falls] = order, changed
        least = None if beyond is None else (_not_below if falls else _not_above)(beyond) * sign
        again = sorted_by(changed & self._known)
        for at in range(0, len(order), _AT_ONCE):
            some = [row for row in order[at : at + _AT_ONCE] if row not in changed]
            merged, again = _merged(list(zip((sign * part for part in column.of(some)), some, strict=True)), again)
            rows = [row for _, row in merged]
            for (part, row), end in zip(merged, other.of(rows), strict=True):
                if least is None or end * sign >= least:
                    yield _number(sign * part), row
        for part, row in again:
            yield _number(sign * part), row


def _merged(
    some: list[tuple[int, int]], others: list[tuple[int, int]]
) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Return some pairs with those of *others* that come before their last, in order, and the rest of the others."""
    end = bisect_left(others, some[-1]) if some else 0
    return (sorted(some + others[:end]) if end else some), others[end:]


def _not_above(number: float) -> int:
    """Return thousandths that are not above a number, however far away that is."""
    return floor(max(-_LARGEST, min(number * _PARTS, _LARGEST)))


def _not_below(number: float) -> int:
    """Return thousandths that are not below it."""
    return ceil(max(-_LARGEST, min(number * _PARTS, _LARGEST)))


def _number(parts: int) -> float:
    """Return the number of some thousandths; the most there are stand for all that are more."""
    return parts / _PARTS if abs(parts) < _LARGEST else parts * float("inf")
