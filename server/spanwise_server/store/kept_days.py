"""Days of traces that ClickHouse was asked for, kept in the server, which asks for what changed of them alone.

Of each filter that was used the matching traces of a day are kept, in columns. As long as nothing is noted of the day
they stay; then the traces with a newer version are asked for, which costs ClickHouse little, however many there are.
"""

from __future__ import annotations

import time
from array import array
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from itertools import accumulate, chain
from threading import Lock
from typing import Final, Protocol

from ..query.filters import EVERYTHING, And, Filter, Not, OneSpan, Or, Query, Term
from .clickhouse_compile import Compiler
from .clickhouse_days import DAY_NS, Changes
from .clickhouse_rows import OF_WORD
from .clickhouse_server import Server
from .conditions import Sql
from .day_block import Changed, DayBlock, Words
from .judged import asks_of_judgements
from .row_numbers import UNSAID

#: Bytes that all of it takes at most.
MOST_BYTES: Final = 64_000_000
#: Traces that are read at once to be kept; where there are more, ClickHouse is asked each time.
MOST_READ: Final = 250_000
#: Changes of a day that are taken in; after more of them it is read anew.
MOST_FOLLOWED: Final = 5_000
#: Of a day with more traces than this nobody asks for the words to keep them, since most figures are of the newest.
MOST_WORDED: Final = 10_000
#: What ClickHouse takes away by itself, as its TTL says, is gone after so many seconds.
LONGEST_S: Final = 900.0
_LONGER: Final = 8
#: Days of which it is remembered that they were too large.
_MOST_TRIED: Final = 10_000
_MOST_WORDS: Final = 500_000
_COLUMNS: Final = (
    f"t.start_ns, t.tie, t.trace_id, t.status, t.duration_ns, ifNull(t.cost_nusd, toInt64('{UNSAID}')) AS cost"
)
_NO_WORDS: Final = "CAST([], 'Array(String)')"

Key = tuple[int, Filter]
"""A project and a filter."""


class Way(Enum):
    """How to come by what a day holds."""

    KEPT = "it is kept as it is"
    FOLLOW = "it is kept as it was, and what changed is asked for"
    READ = "read it, to be kept"
    ASK = "ask it each time"


class Asker(Protocol):
    """Who asks of one project."""

    @property
    def server(self) -> Server:
        """Where the large tables lie."""

    @property
    def project_id(self) -> int:
        """The project."""

    def compiler(self, query: Query) -> Compiler:
        """Return what makes conditions of *query*."""

    def changes(self) -> Changes:
        """Return when each day changed last."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some of the time that was asked for."""

    query: Query
    """What was asked, of this time."""
    block: DayBlock | None
    """All of its day, where it is one that is kept."""

    @property
    def rows(self) -> tuple[int, int]:
        """The first row of the block that is asked for, and the one behind the last."""
        return (0, 0) if self.block is None else self.block.range(self.query.from_ns, self.query.to_ns)


class Vocabulary:
    """Words by numbers."""

    def __init__(self) -> None:
        self.of_numbers: list[tuple[str, str]] = []
        """The field and the value of each."""
        self._numbers: dict[str, int] = {}

    def packed(self, words: Sequence[Sequence[str]]) -> Words:
        """Return the words of traces as their numbers; one thread at a time."""
        known = self._numbers
        for word in set(chain.from_iterable(words)):
            if word in known:  # taking the keys away from the set would look at every word that is known
                continue
            field, _, value = word.partition(OF_WORD)
            known[word] = len(self.of_numbers)
            self.of_numbers.append((field, value))
        numbers = array("I", map(known.__getitem__, chain.from_iterable(words)))
        return Words(numbers, array("I", accumulate(map(len, words))), self.of_numbers)


class KeptDays:
    """The days of one store that are kept, the ones used last at the end."""

    def __init__(self, *, lagging_s: float = 0.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._lagging_s = lagging_s
        """For so long after a change a server may be asked that does not have it yet."""
        self._clock = clock
        self._lock = Lock()
        self._blocks: OrderedDict[tuple[Key, int], DayBlock] = OrderedDict()
        self._bytes = 0
        self._too_many: OrderedDict[tuple[Key, int], float] = OrderedDict()
        """When it was tried to keep days that are too large for it."""
        self._seen: dict[tuple[int, int], tuple[int, float]] = {}
        """By project and day the version of its last change, and since when that is known here."""
        self._words = Vocabulary()

    def stretches(
        self, asker: Asker, query: Query, *, newest_first: bool = True, at_once: bool = False
    ) -> Iterator[Stretch]:
        """Yield *query* over one stretch of time after another; *at_once* says that all of them are needed."""
        changes = asker.changes()
        days = [day for day in sorted(changes.days, reverse=newest_first) if _is_in(day, query)]
        key = asker.project_id, query.filter
        ways = [self._way(key, day, changes) for day in days]
        at, step = 0, 1
        while at < len(days):
            (way, block), day, end = ways[at], days[at], at + 1
            if block is not None:
                if way is Way.FOLLOW:
                    block = self._follow(asker, key, day, block, changes)
                yield Stretch(within(query, day, day), block)
                at = end
                continue
            longest = step if way is Way.READ and not at_once else len(days)
            while end < len(days) and end - at < longest and ways[end][0] is way:
                end += 1
            run, at = days[at:end], end
            step *= _LONGER
            found = self._read(asker, key, run, changes) if way is Way.READ else None
            if found is None:
                yield Stretch(within(query, min(run), max(run)), None)
            else:
                yield from (Stretch(within(query, day, day), found[day]) for day in run)

    def _way(self, key: Key, day: int, changes: Changes) -> tuple[Way, DayBlock | None]:
        """Return how to come by what a day holds, and the block where it is kept."""
        version = changes.days[day]
        if asks_of_labels(key[1]) or self._may_lag(key[0], day, version):
            return Way.ASK, None
        with self._lock:
            block, tried, now = self._blocks.get((key, day)), self._too_many.get((key, day)), self._clock()
            if block is not None and now - block.read_at <= LONGEST_S:
                if block.changes == version:
                    self._blocks.move_to_end((key, day))
                    return Way.KEPT, block
                if block.changes >= changes.left:
                    return Way.FOLLOW, block
        return Way.READ if tried is None or now - tried > LONGEST_S else Way.ASK, None

    def with_words(self, asker: Asker, stretches: Sequence[Stretch]) -> Sequence[tuple[str, str]] | None:
        """Have the blocks of *stretches*, all of one filter, know the words of their traces.

        Return the field and the value of each word by its number, ``None`` where a day changed meanwhile.
        """
        if len(self._words.of_numbers) > _MOST_WORDS:
            self._words = Vocabulary()
        words = self._words
        lacking = [
            (stretch, stretch.block)
            for stretch in stretches
            if stretch.block is not None
            and (stretch.block.words is None or stretch.block.words.of_numbers is not words.of_numbers)
        ]
        if not lacking:
            return words.of_numbers
        days = [_day_of(stretch) for stretch, _ in lacking]
        query = within(replace(lacking[0][0].query, from_ns=None, to_ns=None), min(days), max(days))
        where = asker.compiler(query).traces()
        text = f"SELECT t.start_ns, t.tie, t.words FROM traces AS t WHERE {where.text} ORDER BY t.start_ns, t.tie"
        starts, ties, said = asker.server.columns(Sql(text, where.values)) or ((), (), ())
        for (_, block), day in zip(lacking, days, strict=True):
            first, last = (bisect_left(starts, edge) for edge in (day * DAY_NS, (day + 1) * DAY_NS))
            if array("q", ties[first:last]) != block.ties:
                return None
            with self._lock:
                before = block.size
                block.words = words.packed(said[first:last])
                if self._blocks.get(((asker.project_id, query.filter), day)) is block:
                    self._bytes += block.size - before
                    self._bound()
        return words.of_numbers

    def can_tell_words(self, stretch: Stretch) -> bool:
        """Return whether a block knows the words of its traces, or is to."""
        block = stretch.block
        if block is None:
            return False
        known = block.words is not None and block.words.of_numbers is self._words.of_numbers
        return known or len(block) <= MOST_WORDED

    def changes_told(self, asker: Asker) -> Mapping[int, int]:
        """Return when each day changed last, of those that servers may lag behind what is never said again."""
        days = asker.changes().days
        if not self._lagging_s:
            return days
        now = -time.monotonic_ns()
        return {day: now if self._may_lag(asker.project_id, day, version) else version for day, version in days.items()}

    def _may_lag(self, project_id: int, day: int, version: int) -> bool:
        """Return whether servers may lag behind what changed a day last, as far as is known here."""
        if not self._lagging_s:
            return False
        now, place = self._clock(), (project_id, day)
        with self._lock:
            seen = self._seen.get(place)
            if seen is None or seen[0] != version:
                seen = self._seen[place] = version, now
        return now - seen[1] < self._lagging_s

    def _read(self, asker: Asker, key: Key, days: Sequence[int], changes: Changes) -> dict[int, DayBlock] | None:
        """Return the blocks of days one after another, ``None`` where they are too large to be kept."""
        where = asker.compiler(within(Query("", key[1]), min(days), max(days))).traces()
        some = f"FROM traces AS t WHERE {where.text}"
        now = self._clock()
        # Counting ends as soon as there are too many, which costs little beside bringing so many here.
        few = f"SELECT count() FROM (SELECT 1 {some} LIMIT {MOST_READ + 1})"
        fit = asker.server.rows(Sql(few, where.values))[0][0] <= MOST_READ
        text = f"SELECT {_COLUMNS} {some} ORDER BY t.start_ns, t.tie LIMIT {MOST_READ + 1}"
        columns = (asker.server.columns(Sql(text, where.values)) if fit else ()) or ((),) * 6
        starts = columns[0]
        with self._lock:
            if not fit or len(starts) > MOST_READ:
                for day in days:
                    self._too_many[key, day] = now
                while len(self._too_many) > _MOST_TRIED:
                    self._too_many.popitem(last=False)
                return None
            found: dict[int, DayBlock] = {}
            for day in days:
                first, last = (bisect_left(starts, edge) for edge in (day * DAY_NS, (day + 1) * DAY_NS))
                found[day] = DayBlock.of(changes.days[day], now, columns, first, last)
                self._keep(key, day, found[day])
        return found

    def _follow(self, asker: Asker, key: Key, day: int, block: DayBlock, changes: Changes) -> DayBlock | None:
        """Return the block of a day with what changed since it was read, which is asked for."""
        words = self._words
        known = block.words is not None and block.words.of_numbers is words.of_numbers
        asked = self._changed(asker, within(Query("", key[1]), day, day), block.changes, with_words=known)
        starts, ties, ids, statuses, durations, costs, versions, kinds, said = asker.server.columns(asked) or ((),) * 9
        if len(ties) > MOST_FOLLOWED:
            found = self._read(asker, key, [day], changes)
            return None if found is None else found[day]
        there = [n for n, is_found in enumerate(kinds) if is_found]
        still = {ties[n] for n in there}
        rows = list(zip(starts, ties, ids, statuses, durations, costs, strict=True))
        changed = [Changed(*rows[n]) for n in there]
        # What changed after that was noted may be among those that changed and not yet among those found.
        changed += [
            Changed(*rows[n])._replace(found=False)
            for n, is_found in enumerate(kinds)
            if not is_found and ties[n] not in still and versions[n] <= changes.days[day]
        ]
        said = [said[n] for n in there] + [()] * (len(changed) - len(there))
        with self._lock:
            if self._blocks.get((key, day)) is not block:
                block.places = None  # another thread took it further
            new = block.followed(changes.days[day], changed, words.packed(said) if known else None)
            self._keep(key, day, new)
        return new

    @staticmethod
    def _changed(asker: Asker, query: Query, version: int, *, with_words: bool) -> Sql:
        """Return what asks for the traces of a day that are newer than a version: those found, then all of them."""
        where = asker.compiler(query).traces()
        words = "t.words" if with_words else _NO_WORDS
        newer = Sql("FROM traces AS t PREWHERE t.version > ? AND t.project_id = ?", (version, asker.project_id))
        found = Sql(f"SELECT {_COLUMNS}, t.version, 1 AS found, {words} AS said {newer.text} WHERE {where.text}")
        if query.filter == EVERYTHING:
            return Sql(f"{found.text} LIMIT {MOST_FOLLOWED + 1}", (*newer.values, *where.values))
        of_day = "WHERE t.start_ns >= ? AND t.start_ns < ?"
        every = f"SELECT {_COLUMNS}, t.version, 0 AS found, {_NO_WORDS} AS said {newer.text} {of_day}"
        return Sql(
            f"SELECT * FROM ({found.text} UNION ALL {every}) LIMIT {MOST_FOLLOWED + 1}",
            (*newer.values, *where.values, *newer.values, query.from_ns, query.to_ns),
        )

    def _keep(self, key: Key, day: int, block: DayBlock) -> None:
        old = self._blocks.pop((key, day), None)
        self._bytes += block.size - (0 if old is None else old.size)
        self._blocks[key, day] = block
        self._bound()

    def _bound(self) -> None:
        while self._bytes > MOST_BYTES and self._blocks:
            _, block = self._blocks.popitem(last=False)
            self._bytes -= block.size


def within(query: Query, first: int, last: int) -> Query:
    """Return *query* of no more time than from one day to another."""
    begin, end = first * DAY_NS, (last + 1) * DAY_NS
    return replace(
        query,
        from_ns=begin if query.from_ns is None else max(begin, query.from_ns),
        to_ns=end if query.to_ns is None else min(end, query.to_ns),
    )


def asks_of_labels(part: Filter) -> bool:
    """Return whether a filter asks of what the small tables say, which changes without the days doing so."""
    if isinstance(part, Term):
        return part.field == "label" or asks_of_judgements(part.field)
    if isinstance(part, Not | OneSpan):
        return asks_of_labels(part.of)
    if isinstance(part, And | Or):
        return any(map(asks_of_labels, part.all if isinstance(part, And) else part.any))
    return False


def _is_in(day: int, query: Query) -> bool:
    begins_before = query.to_ns is None or day * DAY_NS < query.to_ns
    return begins_before and (query.from_ns is None or (day + 1) * DAY_NS > query.from_ns)


def _day_of(stretch: Stretch) -> int:
    assert stretch.query.from_ns is not None  # noqa: S101 - a stretch has both ends
    return stretch.query.from_ns // DAY_NS
