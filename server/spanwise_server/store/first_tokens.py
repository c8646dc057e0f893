"""When the first tokens of each trace's calls came, the soonest and the latest: by what spans are found in that order.

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
_LARGEST_US: Final = 2**62
_US_A_MS: Final = 1_000
_ASKED: Final = "SELECT s.id >> 24, min(s.ttft_ms), max(s.ttft_ms)"


class FirstTokens:
    """The traces of one project by the first tokens of their spans."""

    def __init__(self, soonest: Column, latest: Column, rows: BitMap) -> None:
        self._numbers = {False: soonest, True: latest}
        self.pending = rows.copy()
        """The traces that are to be looked up."""
        self._known = BitMap()
        """Those of the others that have a first token."""
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
            text = f"{_ASKED} {source.text} AND s.ttft_ms IS NOT NULL GROUP BY s.id >> 24"
            found += connection.execute(text, source.values).fetchall()
        self._known -= some
        self.pending -= some
        for _, changed in self._in_order.values():
            changed.update(some)
        if found:
            said, soonest, latest = zip(*found, strict=True)
            self._known |= BitMap(said)
            self._numbers[False].put_all(said, map(_not_after, soonest))
            self._numbers[True].put_all(said, map(_not_before, latest))

    def nearest(self, beyond_ms: float | None, *, falls: bool) -> Iterator[tuple[float, int]]:
        """Yield the traces in the order of their latest first token, or rising of their soonest, each with it in ms.

        No span of a trace has one that comes before that in the order. Those that have none beyond a time are left out.
        """
        column, other = self._numbers[falls], self._numbers[not falls]
        sign = -1 if falls else 1

        def sorted_by(rows: BitMap) -> list[tuple[int, int]]:
            listed = list(rows)
            return sorted((sign * us, row) for us, row in zip(column.of(listed), listed, strict=True))

        order, changed = self._in_order.get(falls, ((), BitMap()))
        if falls not in self._in_order or len(changed) > _MOST_CHANGED:
            order, changed = array("Q", [row for _, row in sorted_by(self._known)]), BitMap()
            self._in_order[falls] = order, changed
        least = None if beyond_ms is None else (_not_before if falls else _not_after)(beyond_ms) * sign
        again = sorted_by(changed & self._known)
        for at in range(0, len(order), _AT_ONCE):
            some = [row for row in order[at : at + _AT_ONCE] if row not in changed]
            merged, again = _merged(list(zip((sign * us for us in column.of(some)), some, strict=True)), again)
            rows = [row for _, row in merged]
            for (us, row), end in zip(merged, other.of(rows), strict=True):
                if least is None or end * sign >= least:
                    yield _ms(sign * us), row
        for us, row in again:
            yield _ms(sign * us), row


def _merged(
    some: list[tuple[int, int]], others: list[tuple[int, int]]
) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Return some pairs with those of *others* that come before their last, in order, and the rest of the others."""
    end = bisect_left(others, some[-1]) if some else 0
    return (sorted(some + others[:end]) if end else some), others[end:]


def _not_after(ms: float) -> int:
    """Return microseconds that are not after a time, however far away that is."""
    return floor(max(-_LARGEST_US, min(ms * _US_A_MS, _LARGEST_US)))


def _not_before(ms: float) -> int:
    """Return microseconds that are not before it."""
    return ceil(max(-_LARGEST_US, min(ms * _US_A_MS, _LARGEST_US)))


def _ms(us: int) -> float:
    """Return microseconds in milliseconds; the largest number stands for all that are larger."""
    return us / _US_A_MS if abs(us) < _LARGEST_US else us * float("inf")
