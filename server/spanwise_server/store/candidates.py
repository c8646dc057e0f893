"""Which traces may have the spans that a filter finds, told by the sets in memory, in the order their spans come."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from heapq import heapify, heappop
from itertools import islice
from operator import add
from typing import Final

from pyroaring import BitMap64 as BitMap

from ..query.filters import Filter, Query, Term
from .compile import asks_index, conjuncts, word_ids
from .cursor import read_cursor
from .matching import Matcher
from .trace_sets import TraceSets
from .words import SOME_SPAN_FAILED, WORD_FIELDS

#: With more than one in so many traces, walking all spans in order of time gets as far.
_FEW_OF_ALL: Final = 4
#: Fields whose words a trace has for other reasons than that a span says them.
_OF_TRACES: Final = frozenset({"label", "status"})
_LAST_NS: Final = 2**63 - 1


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
    if cursor is not None or query.from_ns is not None or query.to_ns is not None:
        among = among & matcher.timeline.between(None, None if last == _LAST_NS else last + 1)
    rows = list(among)
    starts = sets.start.of(rows)
    if not descending:
        return _smallest_first(list(zip(starts, rows, strict=True)), 1)
    ends = map(add, starts, sets.numbers["latency"].of(rows))
    return _smallest_first([(-end, row) for end, row in zip(ends, rows, strict=True) if end >= first], -1)


def foremost(sets: TraceSets, matcher: Matcher, query: Query, most: int) -> Sequence[tuple[float, int]] | None:
    """Return the same by first tokens: *most* traces, each with its own that comes first; ``None`` where not known."""
    if query.sort.removeprefix("-") != "ttft" or asks_index(query.filter):
        return None
    tokens = sets.first_tokens_of(matcher.connection, matcher.project_id)
    cursor = None if query.cursor is None else read_cursor(query.cursor, query.sort)
    if tokens is None or (cursor is not None and cursor.said is None):
        return None
    having = _having(matcher, query.filter)
    among = matcher.timeline.between(None, query.to_ns)
    if having is not None:
        among = among & having
    if query.from_ns is not None:
        before = list(among & matcher.timeline.between(None, query.from_ns))
        ends = map(add, sets.start.of(before), sets.numbers["latency"].of(before))
        among = among - BitMap([row for row, end in zip(before, ends, strict=True) if end < query.from_ns])
    falls = query.sort.startswith("-") != (cursor is not None and cursor.backwards)
    nearest = tokens.nearest(None if cursor is None else cursor.said, falls=falls)
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


def _smallest_first(found: list[tuple[int, int]], sign: int) -> Iterator[tuple[int, int]]:
    """Yield times and rows in order, of which few may be asked for; a time is given with the *sign* that it had."""
    heapify(found)
    while found:
        time, row = heappop(found)
        yield sign * time, row


def _words_of(matcher: Matcher, part: Filter) -> list[int] | None:
    """Return the words of which the trace of a span that *part* finds has one, ``None`` where that is not known."""
    if not isinstance(part, Term):
        return None
    if part.field == "status" and part.values == ("error",):
        return word_ids(matcher.connection, matcher.project_id, Term(SOME_SPAN_FAILED[0], "=", SOME_SPAN_FAILED[1:]))
    if part.field in WORD_FIELDS - _OF_TRACES:
        return word_ids(matcher.connection, matcher.project_id, part)
    return None
