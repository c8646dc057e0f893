"""The traces of one project in the order of time, as sets of rows that can be cut anywhere."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, repeat
from typing import Final

from pyroaring import BitMap64 as BitMap

#: Where more rows than this change at once, the order of time is made anew.
_FEW: Final = 200
#: How many rows are looked through at once: few at first, later still fewer than are too many for a statement.
_FIRST_AT_ONCE: Final = (100, 300)
_NEXT_AT_ONCE: Final = 1_000
#: Rows that stand together in the order of time, and are kept as one set. With more of them a step of a histogram has
#: more rows beside whole ones; with fewer, a year of traces has too many sets.
_TOGETHER: Final = 256


@dataclass(slots=True)
class Timeline:
    """The traces of one project, in the order of time."""

    all: BitMap = field(default_factory=BitMap)
    times: array[int] = field(default_factory=lambda: array("q"))
    rows: array[int] = field(default_factory=lambda: array("Q"))
    _sets: list[BitMap] = field(default_factory=list)
    """The first rows, so many in each, as far as they were asked for and have not changed since."""

    def between(self, from_ns: int | None, to_ns: int | None) -> BitMap:
        """Return the rows of the traces that began in a range."""
        first, end = self._places(from_ns, to_ns)
        return self.all.copy() if end - first == len(self.rows) else self._at(first, end)

    def count(self, from_ns: int | None, to_ns: int | None) -> int:
        """Return how many traces began in a range."""
        first, end = self._places(from_ns, to_ns)
        return end - first

    def count_among(self, among: BitMap, from_ns: int | None, to_ns: int | None) -> int:
        """Return how many of some rows are of traces that began in a range."""
        sets, beside = self._cut(*self._places(from_ns, to_ns))
        return beside.intersection_cardinality(among) + sum([some.intersection_cardinality(among) for some in sets])

    def newest(self, among: BitMap, most: int) -> BitMap:
        """Return the newest of some rows, *most* of them where there are more."""
        found, end = BitMap(), len(self.rows)
        if len(among) <= most:
            return among
        while len(found) < most and end > 0:
            some = self._at(max(0, end - most), end) & among
            if len(found) + len(some) > most:
                lacking = most - len(found)
                of_them = (row for row in reversed(self.rows[max(0, end - most) : end]) if row in among)
                some = BitMap([row for row, _ in zip(of_them, range(lacking), strict=False)])
            found |= some
            end -= most
        return found

    def beside(self, among: BitMap, from_ns: int | None, most: int, *, newer: bool) -> list[int]:
        """Return *most* rows *among* some, from a time on, and all that began when the first or the last of them did.

        Those that began at that very time are not counted. Where few match, it is all of them.
        """
        if len(among) <= max(most, _FEW):
            return list(among)
        found: list[int] = []
        if from_ns is not None:
            first, end = bisect_left(self.times, from_ns), bisect_right(self.times, from_ns)
            most += among.intersection_cardinality(BitMap(self.rows[first:end]))
        for some in self.slices(None, None, from_ns, chain(_FIRST_AT_ONCE, repeat(_NEXT_AT_ONCE)), newer=newer):
            found += some & among
            if len(found) >= most:
                break
        return found

    def slices(
        self, from_ns: int | None, to_ns: int | None, begin: int | None, sizes: Iterable[int], *, newer: bool
    ) -> Iterator[BitMap]:
        """Yield the rows of a range from a time on, slice by slice: all that began when a slice's last one did, too."""
        low, high = self._places(from_ns, to_ns)
        if begin is not None and newer:
            low = max(low, bisect_left(self.times, begin))
        elif begin is not None:
            high = min(high, bisect_right(self.times, begin))
        for size in sizes:
            if low >= high:
                return
            first, end = (low, min(low + size, high)) if newer else (max(high - size, low), high)
            if newer:
                end = bisect_right(self.times, self.times[end - 1], end, high)
                low = end
            else:
                first = bisect_left(self.times, self.times[first], low, first + 1)
                high = first
            yield BitMap(self.rows[first:end])

    def take(self, started: Sequence[tuple[int, int]]) -> None:
        """Take traces away, each a time and a row."""
        self.all -= BitMap([row for _, row in started])
        if len(started) > _FEW:
            self._keep([(at, row) for at, row in zip(self.times, self.rows, strict=True) if row in self.all])
            return
        for at, row in started:
            place = bisect_left(self.times, at)
            while self.rows[place] != row:
                place += 1
            self._changed_from(place)
            del self.times[place], self.rows[place]

    def add(self, started: Sequence[tuple[int, int]]) -> None:
        """Add traces, each a time and a row."""
        started = sorted(started)
        self.all.update([row for _, row in started])
        if not self.times or started[0][0] >= self.times[-1]:  # as most come
            self.times.extend([at for at, _ in started])
            self.rows.extend([row for _, row in started])
            return
        if len(started) > _FEW:
            self._keep(sorted([*zip(self.times, self.rows, strict=True), *started]))
            return
        for at, row in started:
            place = bisect_right(self.times, at)
            self._changed_from(place)
            self.times.insert(place, at)
            self.rows.insert(place, row)

    def _keep(self, ordered: Sequence[tuple[int, int]]) -> None:
        self.times = array("q", [at for at, _ in ordered])
        self.rows = array("Q", [row for _, row in ordered])
        self._sets.clear()

    def _changed_from(self, place: int) -> None:
        del self._sets[place // _TOGETHER :]

    def _at(self, first: int, end: int) -> BitMap:
        sets, beside = self._cut(first, end)
        return BitMap.union(beside, *sets) if sets else beside

    def _cut(self, first: int, end: int) -> tuple[list[BitMap], BitMap]:
        """Return the rows between two places: the sets that lie there whole, and those beside them."""
        begin, stop = -(-first // _TOGETHER), end // _TOGETHER
        if begin >= stop:
            return [], BitMap(self.rows[first:end])
        for at in range(len(self._sets) * _TOGETHER, stop * _TOGETHER, _TOGETHER):
            self._sets.append(BitMap(self.rows[at : at + _TOGETHER]))
        beside = BitMap(self.rows[first : begin * _TOGETHER])
        beside.update(self.rows[stop * _TOGETHER : end])
        return self._sets[begin:stop], beside

    def _places(self, from_ns: int | None, to_ns: int | None) -> tuple[int, int]:
        first = 0 if from_ns is None else bisect_left(self.times, from_ns)
        return first, len(self.rows) if to_ns is None else max(first, bisect_left(self.times, to_ns))
