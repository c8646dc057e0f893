"""The figures above a list, counted on as traces come and go: most traces were counted for the page before."""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import Final

from pyroaring import BitMap64 as BitMap

from .row_numbers import UNSAID, Column

#: Where more than one in so many is another one, all are counted anew.
_FEW_OF_ALL: Final = 20


class KeptTotals:
    """How many traces there are, what they cost and how long they took, of traces that can be exchanged for others."""

    def __init__(self, cost: Column, latency: Column) -> None:
        self._cost_of, self._latency_of = cost, latency
        self._rows = BitMap()
        self._durations: list[int] = []
        """In order."""
        self._costs = 0
        self._cost = 0

    def be_of(self, rows: BitMap) -> None:
        """Count these traces and no others."""
        gone, come = self._rows - rows, rows - self._rows
        if (len(gone) + len(come)) * _FEW_OF_ALL > len(rows):
            self._rows = rows.copy()
            self._costs, self._cost = self._summed(rows)
            self._durations = sorted(self._latency_of.of(rows))
            return
        self.forget(gone)
        costs, cost = self._summed(come)
        self._costs, self._cost = self._costs + costs, self._cost + cost
        for duration in self._latency_of.of(come):
            insort(self._durations, duration)
        self._rows |= come

    def forget(self, rows: BitMap) -> None:
        """Count some traces no longer, if they were; the columns must still have what was counted of them."""
        gone = rows & self._rows
        costs, cost = self._summed(gone)
        self._costs, self._cost = self._costs - costs, self._cost - cost
        for duration in self._latency_of.of(gone):
            del self._durations[bisect_left(self._durations, duration)]
        self._rows -= gone

    @property
    def cost_nusd(self) -> int | None:
        """What they cost together, ``None`` where of none it is known."""
        return self._cost if self._costs else None

    @property
    def durations(self) -> list[int]:
        """How long each took, the shortest first."""
        return self._durations

    def _summed(self, rows: BitMap) -> tuple[int, int]:
        """Return of how many traces it is known what they cost, and what these cost together."""
        costs = [cost for cost in self._cost_of.of(rows) if cost != UNSAID]
        return len(costs), sum(costs)
