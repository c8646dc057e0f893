"""The traces of one day that a filter finds, in columns, the oldest first: what lists and figures are told from."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, chain, compress
from typing import Any, Final, NamedTuple

from .row_numbers import UNSAID
from .rows import ERROR

#: Bytes of a trace's id.
_ID: Final = 16


@dataclass(slots=True)
class Words:
    """The words of traces one after another, by their numbers, and where those of each trace end."""

    numbers: array[int]
    ends: array[int]
    of_numbers: Sequence[tuple[str, str]]
    """The field and the value of each number."""

    def of(self, first: int, last: int) -> array[int]:
        """Return the words of the traces from *first* to before *last*."""
        return self.numbers[self.ends[first - 1] if first else 0 : self.ends[last - 1] if last else 0]


class Changed(NamedTuple):
    """One trace as it is now."""

    start_ns: int
    tie: int
    id: bytes
    status: int
    duration_ns: int
    cost_nusd: int
    found: bool = True
    """Whether the filter finds it."""


@dataclass(slots=True)
class DayBlock:
    """The columns of one day."""

    changes: int
    """The version of the last change of the day that was noted before it was read."""
    read_at: float
    """On a clock that only goes forward."""
    starts: array[int]
    ties: array[int]
    ids: bytes
    statuses: bytes
    durations: array[int]
    costs: array[int]
    failed: array[int]
    """When those began that ended in an error."""
    words: Words | None = None
    places: dict[int, int] | None = None
    """The row of each trace by its tie, from the first change that was followed on."""

    @classmethod
    def of(cls, changes: int, read_at: float, columns: Sequence[Sequence[Any]], first: int, last: int) -> DayBlock:
        """Return the rows from *first* to before *last* of what was read."""
        starts, ties, ids, statuses, durations, costs = (column[first:last] for column in columns)
        failed = array("q", compress(starts, map(ERROR.__eq__, statuses)))
        return cls(
            changes, read_at, array("q", starts), array("q", ties), b"".join(ids), bytes(statuses),
            array("q", durations), array("q", costs), failed,
        )  # fmt: skip

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def size(self) -> int:
        """About how many bytes it takes."""
        words = 0 if self.words is None else 4 * (len(self.words.numbers) + len(self.words.ends))
        places = 0 if self.places is None else 100 * len(self.starts)
        return 500 + 50 * len(self.starts) + words + places

    def range(self, from_ns: int | None, to_ns: int | None) -> tuple[int, int]:
        """Return the first row that began at *from_ns* or later, and the first at *to_ns* or later."""
        first = 0 if from_ns is None else bisect_left(self.starts, from_ns)
        return first, len(self.starts) if to_ns is None else bisect_left(self.starts, to_ns)

    def row_at(self, start_ns: int, tie: int) -> int:
        """Return the first row at or behind this place in the order of time."""
        return bisect_left(range(len(self.starts)), (start_ns, tie), key=lambda n: (self.starts[n], self.ties[n]))

    def id_of(self, row: int) -> bytes:
        """Return the id of the trace in a row."""
        return self.ids[row * _ID : (row + 1) * _ID]

    def figures(self, first: int, last: int) -> list[tuple[int, int | None, int]]:
        """Return the status, the cost and the duration of rows, the newest first."""
        costs = [None if cost == UNSAID else cost for cost in self.costs[first:last]]
        rows = list(zip(self.statuses[first:last], costs, self.durations[first:last], strict=True))
        rows.reverse()
        return rows

    def words_of(self, first: int, last: int) -> array[int]:
        """Return the words of rows, once they are known."""
        return array("I") if self.words is None else self.words.of(first, last)

    def followed(self, changes: int, changed: Sequence[Changed], words: Words | None) -> DayBlock:
        """Return the block with each of the traces that *changed* as it is now, where the filter still finds it.

        *words* are those of the traces that changed, ``None`` where they are not known; this block is used no more.
        """
        places = self.places
        if places is None:
            places = dict(zip(self.ties, range(len(self.ties)), strict=True))
        gone = {places.pop(one.tie) for one in changed if one.tie in places}
        came = [(one, n) for n, one in enumerate(changed) if one.found]
        came.sort(key=lambda each: (each[0].start_ns, each[0].tie))
        affected = [self.row_at(one.start_ns, one.tie) for one, _ in came[:1]]
        first = min((*gone, *affected), default=len(self.starts))
        old = self.words if words is not None else None
        tail = [
            (self._row(row), None if old is None else old.of(row, row + 1))
            for row in range(first, len(self.starts))
            if row not in gone
        ]
        tail += [(one, None if words is None else words.of(n, n + 1)) for one, n in came]
        tail.sort(key=lambda each: (each[0].start_ns, each[0].tie))
        rows = [row for row, _ in tail]
        for n, row in enumerate(rows, first):
            places[row.tie] = n
        said = None
        if old is not None:
            ends = old.ends[:first]
            after = accumulate((len(some or ()) for _, some in tail), initial=ends[-1] if first else 0)
            numbers = old.of(0, first) + array("I", chain.from_iterable(some or () for _, some in tail))
            said = Words(numbers, ends + array("I", list(after)[1:]), old.of_numbers)
        failed = self.failed[: self.statuses.count(ERROR, 0, first)]  # in the order of rows
        return DayBlock(
            changes=changes,
            read_at=self.read_at,
            starts=self.starts[:first] + array("q", [row.start_ns for row in rows]),
            ties=self.ties[:first] + array("q", [row.tie for row in rows]),
            ids=self.ids[: first * _ID] + b"".join([row.id for row in rows]),
            statuses=self.statuses[:first] + bytes([row.status for row in rows]),
            durations=self.durations[:first] + array("q", [row.duration_ns for row in rows]),
            costs=self.costs[:first] + array("q", [row.cost_nusd for row in rows]),
            failed=failed + array("q", [row.start_ns for row in rows if row.status == ERROR]),
            words=said,
            places=places,
        )

    def _row(self, row: int) -> Changed:
        return Changed(
            self.starts[row], self.ties[row], self.id_of(row), self.statuses[row], self.durations[row],
            self.costs[row],
        )  # fmt: skip
