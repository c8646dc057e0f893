"""Which traces may have the spans that a filter finds, told by the sets in memory, in the order their spans come."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush, merge
from itertools import islice
from operator import add
from typing import Final

from pyroaring import BitMap64 as BitMap

from ..query.filters import Filter, Query, Term
from .compile import asks_index, conjuncts, word_ids
from .cursor import read_cursor
from .matching import Matcher
from .row_numbers import Column
from .trace_sets import TraceSets
from .words import SOME_SPAN_FAILED, WORD_FIELDS

#: With more than one in so many traces, walking all spans in order of time gets as far.
_FEW_OF_ALL: Final = 4
#: Fields whose words a trace has for other reasons than that a span says them.
_OF_TRACES: Final = frozenset({"label", "status"})
_LAST_NS: Final = 2**63 - 1
#: Traces that take longer are put in order at once, the others as far as they are asked for: of those that began before
#: some time none ends later than this after it.
_LONG_NS: Final = 60_000_000_000
#: So many are looked at together: few at first, later more.
_AT_ONCE, _MOST_AT_ONCE = 256, 8_192


def candidates(
    sets: TraceSets, matcher: Matcher, query: Query, few_of_all: int | None = None
) -> Iterator[tuple[int, int]] | None:
    """Return the rows of the traces that can have spans of a page, the nearest to its beginning first.

    Beside each stands the last time that a span of it can have begun, or in an ascending order the first.
    ``None`` where they are not known, or not few: at most one in *few_of_all* traces.
    """
    if query.sort.removeprefix("-") != "time" or asks_index(query.filter):
        return None
    among = _having(matcher, query.filter)
    if among is None or len(among) * (few_of_all or _FEW_OF_ALL) > len(matcher.timeline.rows):
        return None
    cursor = None if query.cursor is None else read_cursor(query.cursor, query.sort)
    descending = query.sort.startswith("-") != (cursor is not None and cursor.backwards)
    first = 0 if query.from_ns is None else query.from_ns
    last = _LAST_NS if query.to_ns is None else query.to_ns
    if cursor is not None and cursor.value is not None:
        first, last = (first, min(last, cursor.value)) if descending else (max(first, cursor.value), last)
    among = among & matcher.timeline.all
    if last != _LAST_NS:
        among = among & matcher.timeline.between(None, last + 1)
    long = among & _long(matcher, query.project)
    looked = _Looked(sets.start, sets.numbers["latency"], first)
    order = matcher.timeline.times[:], matcher.timeline.rows[:]  # others may change it while these are asked for
    if descending:
        found = merge(sorted(looked.by_end(long)), _latest_first(looked, *order, among - long, last))
        return ((-at, row) for at, row in found)
    return merge(sorted(looked.by_start(long)), _earliest_first(looked, *order, among - long, last))


def _long(matcher: Matcher, project: str) -> BitMap:
    """Return the traces that are long."""
    return matcher.found(Query(project, Term("latency", ">", (_LONG_NS / 1e6,))))


@dataclass(frozen=True, slots=True)
class _Looked:
    """Looks up when traces began and ended, of those that end at some time or later."""

    start: Column
    latency: Column
    first: int

    def by_start(self, rows: Iterable[int]) -> list[tuple[int, int]]:
        """Return when traces began, each with its row."""
        return [(start, row) for start, _, row in self._of(list(rows))]

    def by_end(self, rows: Iterable[int]) -> list[tuple[int, int]]:
        """Return when traces ended, with a minus, so that the last one is the smallest, each with its row."""
        return [(-end, row) for _, end, row in self._of(list(rows))]

    def _of(self, rows: Sequence[int]) -> Iterator[tuple[int, int, int]]:
        starts, first = self.start.of(rows), self.first
        ends = map(add, starts, self.latency.of(rows))
        return (one for one in zip(starts, ends, rows, strict=True) if one[1] >= first)


def _latest_first(
    looked: _Looked, times: array[int], rows: array[int], among: BitMap, last: int
) -> Iterator[tuple[int, int]]:
    """Yield when traces that are not long ended, with a minus, and their rows, the last one first."""
    waiting: list[tuple[int, int]] = []
    end, size = bisect_right(times, last), _AT_ONCE
    while end > 0:
        begin = max(0, end - size)
        for one in looked.by_end(BitMap(rows[begin:end]) & among):
            heappush(waiting, one)
        before = times[begin - 1] + _LONG_NS if begin else -1  # no other ends later
        while waiting and -waiting[0][0] >= before:
            yield heappop(waiting)
        if before < looked.first:
            break
        end, size = begin, min(size * 2, _MOST_AT_ONCE)
    yield from sorted(waiting)


def _earliest_first(
    looked: _Looked, times: array[int], rows: array[int], among: BitMap, last: int
) -> Iterator[tuple[int, int]]:
    """Yield when traces that are not long began, and their rows, the first one first."""
    begin, size = bisect_left(times, looked.first - _LONG_NS), _AT_ONCE
    behind = bisect_right(times, last)
    while begin < behind:
        end = bisect_right(times, times[min(begin + size, behind) - 1])
        yield from sorted(looked.by_start(BitMap(rows[begin:end]) & among))
        begin, size = end, min(size * 2, _MOST_AT_ONCE)


def foremost(sets: TraceSets, matcher: Matcher, query: Query, most: int) -> Sequence[tuple[float, int]] | None:
    """Return the same by a number: *most* traces, each with what comes first of its spans; ``None`` where not known."""
    if asks_index(query.filter):
        return None
    extremes = sets.extremes_of(matcher.connection, matcher.project_id, query.sort.removeprefix("-"))
    cursor = None if query.cursor is None else read_cursor(query.cursor, query.sort)
    if extremes is None or (cursor is not None and cursor.said is None):
        return None
    having = _having(matcher, query.filter)
    among = matcher.timeline.between(None, query.to_ns)
    if having is not None:
        among = among & having
    if query.from_ns is not None:
        among = among & (matcher.timeline.between(query.from_ns - _LONG_NS, None) | _long(matcher, query.project))
    falls = query.sort.startswith("-") != (cursor is not None and cursor.backwards)
    nearest = extremes.nearest(None if cursor is None else cursor.said, falls=falls)
    return list(islice((one for one in nearest if one[1] in among), most))


def _having(matcher: Matcher, filter_: Filter) -> BitMap | None:
    """Return the traces that have a word of each part of a filter that asks for one, ``None`` where none does."""
    among: BitMap | None = None
    for part in conjuncts(filter_):
        words = _words_of(matcher, part)
        if words is not None:
            having = matcher.with_any(words)
            among = having if among is None else among & having
    return among


def _words_of(matcher: Matcher, part: Filter) -> list[int] | None:
    """Return the words of which the trace of a span that *part* finds has one, ``None`` where that is not known."""
    if not isinstance(part, Term):
        return None
    if part.field == "status" and part.values == ("error",):
        return word_ids(matcher.connection, matcher.project_id, Term(SOME_SPAN_FAILED[0], "=", SOME_SPAN_FAILED[1:]))
    if part.field in WORD_FIELDS - _OF_TRACES:
        return word_ids(matcher.connection, matcher.project_id, part)
    return None
