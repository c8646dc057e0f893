"""What traces are found by, kept in memory as sets of their rows, so that the figures of a filter are counted in C.

A log in the database, ``trace_changes``, is filled by triggers: it names each trace that a transaction makes, changes
or takes away, whichever process it is of. Before every use the sets follow it, in the transaction that asks.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections import OrderedDict, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice, repeat
from typing import Any, Final

import orjson
from pyroaring import BitMap

from ..query.filters import Filter
from .connection import Connection
from .rows import ERROR
from .value_counts import ValueCounts
from .words import WORD_FIELDS, unpack_ids

#: What a column holds of a trace that does not say it.
UNSAID: Final = -(1 << 63)
#: Fields with very many values, of which a word is fetched when it is asked for.
_MANY_VALUED: Final = frozenset({"name", "session"})
#: The same for a field of a project that has more values than this.
MOST_VALUES: Final = 5_000
#: Words that are remembered of those, and terms that are no words.
_MOST_FETCHED, _MOST_KEPT = 500, 100
#: Filters of which the commonest of very many values are counted on.
_MOST_COUNTED: Final = 8
#: So many changes are followed; after more of them all is loaded anew.
MOST_FOLLOWED: Final = 20_000
#: Where more rows than this change at once, the order of time is made anew.
_FEW: Final = 200
#: How many rows are looked through at once: few at first, later still fewer than are too many for a statement.
_FIRST_AT_ONCE: Final = (100, 300)
_NEXT_AT_ONCE: Final = 1_000
_ROWS_AT_ONCE: Final = 400
_LOADED_AT_ONCE: Final = 5_000
#: Stands in the log for changes of which no list is kept: a recount gives words new numbers.
EVERY_TRACE: Final = 0
_IN_ORDER: Final = (
    "SELECT id, start_ns, status, duration_ns, cost_nusd, total_tokens FROM traces INDEXED BY ix_traces_time "
    "WHERE project_id = ? ORDER BY start_ns, id"
)
_SOME: Final = (
    "SELECT id, start_ns, status, duration_ns, cost_nusd, total_tokens, project_id, words FROM traces WHERE id IN ({})"
)


class Column:
    """One number of every trace, by its row."""

    def __init__(self, base: int) -> None:
        self._base = base
        self._values = array("q")

    def put(self, row: int, value: int | None) -> None:
        """Keep the number of a row."""
        at = row - self._base
        if at >= len(self._values):
            self._values.extend([UNSAID] * (at + 1 - len(self._values)))
        self._values[at] = UNSAID if value is None else value

    def of(self, rows: Iterable[int]) -> list[int]:
        """Return the numbers of *rows*, ``UNSAID`` among them."""
        values, base = self._values, self._base
        return [values[row - base] for row in rows]


@dataclass(slots=True)
class Timeline:
    """The traces of one project, in the order of time."""

    all: BitMap = field(default_factory=BitMap)
    times: array[int] = field(default_factory=lambda: array("q"))
    rows: array[int] = field(default_factory=lambda: array("I"))

    def between(self, from_ns: int | None, to_ns: int | None) -> BitMap:
        """Return the rows of the traces that began in a range."""
        first, end = self._places(from_ns, to_ns)
        return self.all.copy() if end - first == len(self.rows) else BitMap(self.rows[first:end])

    def newest(self, among: BitMap, most: int) -> BitMap:
        """Return the newest of some rows, *most* of them where there are more."""
        found, end = BitMap(), len(self.rows)
        if len(among) <= most:
            return among
        while len(found) < most:
            some = BitMap(self.rows[max(0, end - most) : end]) & among
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
            self.times.insert(place, at)
            self.rows.insert(place, row)

    def _keep(self, ordered: Sequence[tuple[int, int]]) -> None:
        self.times = array("q", [at for at, _ in ordered])
        self.rows = array("I", [row for _, row in ordered])

    def _places(self, from_ns: int | None, to_ns: int | None) -> tuple[int, int]:
        first = 0 if from_ns is None else bisect_left(self.times, from_ns)
        return first, len(self.rows) if to_ns is None else max(first, bisect_left(self.times, to_ns))


@dataclass(slots=True)
class Kept:
    """The rows that match a term which is no word, and those of which that is to be asked again."""

    rows: BitMap
    pending: BitMap


class TraceSets:
    """The traces of a store as sets; whoever uses them lets nobody else do so meanwhile."""

    def __init__(self, base: int) -> None:
        self.at = 0
        """The last change that they hold."""
        self.projects: defaultdict[int, Timeline] = defaultdict(Timeline)
        self.failed = BitMap()
        """The traces that ended in an error."""
        self.start = Column(base)
        self.numbers = {"latency": Column(base), "cost": Column(base), "tokens": Column(base)}
        """The fields of numbers, in the units of their columns."""
        self.values: defaultdict[tuple[int, str], dict[int, str]] = defaultdict(dict)
        """By project and field, the values of which all are here, by the number of the word."""
        self.kept: OrderedDict[tuple[int, Any], Kept] = OrderedDict()
        """By project and term, the newest last."""
        self.counted: OrderedDict[tuple[int, Filter, tuple[str, ...]], ValueCounts] = OrderedDict()
        """By project, filter and fields, the values of which there are too many to be here, the newest last."""
        self._words: dict[int, BitMap] = {}
        self._fetched: OrderedDict[int, BitMap] = OrderedDict()
        self._many: set[tuple[int, str]] = set()
        """Projects and fields whose values are too many."""
        self._last_word = 0

    @classmethod
    def load(cls, connection: Connection) -> TraceSets:
        """Return the sets of what *connection* sees."""
        base, last_word = connection.execute(
            "SELECT (SELECT min(id) FROM traces), (SELECT max(id) FROM words)"
        ).fetchone()
        sets = cls(base or 0)
        sets.at = last_change(connection)
        for (project_id,) in connection.execute("SELECT id FROM projects").fetchall():
            found = iter(connection.execute(_IN_ORDER, (project_id,)))
            while some := list(islice(found, _LOADED_AT_ONCE)):
                sets._add(project_id, some)
        sets._take_words(connection, last_word or 0)
        return sets

    def follow(self, connection: Connection) -> bool:
        """Take in what has changed, as *connection* sees it; return whether that could be done."""
        last = last_change(connection)
        if last <= self.at:
            return True
        changes = connection.execute("SELECT trace_row FROM trace_changes WHERE n > ?", (self.at,)).fetchall()
        touched = BitMap([row for (row,) in changes])
        if len(changes) != last - self.at or len(changes) > MOST_FOLLOWED or EVERY_TRACE in touched:
            return False
        self._learn_words(connection)
        self._forget(touched)
        rows = list(touched)
        for at in range(0, len(rows), _ROWS_AT_ONCE):
            asked = rows[at : at + _ROWS_AT_ONCE]
            self._put(connection.execute(_SOME.format(", ".join("?" * len(asked))), asked).fetchall())
        for kept in self.kept.values():
            kept.pending |= touched
        for counted in self.counted.values():
            counted.forget(touched)
        self.at = last
        return True

    def has_all_of(self, project_id: int, field: str) -> bool:
        """Return whether every value of a field is here, so that all of them can be counted."""
        return field not in _MANY_VALUED and (project_id, field) not in self._many

    def word(self, connection: Connection, word: int) -> BitMap:
        """Return the rows of the traces that have a word."""
        rows = self._words.get(word)
        if rows is None:
            rows = self._fetched.get(word)
        if rows is None:
            rows = _rows_of(connection, word)
            if last_change(connection) == self.at:  # else they are not of the moment that the others are of
                self._fetched[word] = rows
                _bound(self._fetched, _MOST_FETCHED)
        return rows

    @property
    def words_at_hand(self) -> Collection[int]:
        """The words of the fields of which every value is here."""
        return self._words.keys()

    def counts_of(self, project_id: int, filter_: Filter, fields: Sequence[str]) -> ValueCounts:
        """Return what counts the values of fields that have too many to be here."""
        key = project_id, filter_, tuple(fields)
        counted = self.counted.setdefault(key, ValueCounts(project_id, fields))
        self.counted.move_to_end(key)
        _bound(self.counted, _MOST_COUNTED)
        return counted

    def keep(self, key: tuple[int, Any], kept: Kept) -> None:
        """Remember the rows that a term matches."""
        self.kept[key] = kept
        self.kept.move_to_end(key)
        _bound(self.kept, _MOST_KEPT)

    def _take_words(self, connection: Connection, last_word: int) -> None:
        """Take in the words up to a number, with the traces that have them."""
        fields = sorted(WORD_FIELDS - _MANY_VALUED)
        marks = ", ".join("?" * len(fields))
        for project_id, of, n in connection.execute(
            f"SELECT project_id, field, count(*) FROM words WHERE field IN ({marks}) GROUP BY 1, 2", fields
        ):
            if n > MOST_VALUES:
                self._many.add((project_id, of))
        for word, project_id, of, value in connection.execute(
            f"SELECT id, project_id, field, value FROM words WHERE field IN ({marks})", fields
        ).fetchall():
            if (project_id, of) not in self._many:
                self.values[project_id, of][word] = value
                self._words[word] = _rows_of(connection, word)
        self._last_word = last_word

    def _learn_words(self, connection: Connection) -> None:
        """Take in the words that are new: the traces that have them are new or changed."""
        for word, project_id, of, value in connection.execute(
            "SELECT id, project_id, field, value FROM words WHERE id > ? ORDER BY id", (self._last_word,)
        ).fetchall():
            self._last_word = word
            if of in WORD_FIELDS and self.has_all_of(project_id, of):
                values = self.values[project_id, of]
                values[word] = value
                self._words[word] = BitMap()
                if len(values) > MOST_VALUES:
                    self._many.add((project_id, of))
                    for each in self.values.pop((project_id, of)):
                        del self._words[each]

    def _forget(self, touched: BitMap) -> None:
        for timeline in self.projects.values():
            gone = list(timeline.all & touched)
            if gone:
                timeline.take(list(zip(self.start.of(gone), gone, strict=True)))
        self.failed -= touched
        for words in (self._words, self._fetched):
            for word, rows in words.items():
                if not rows.isdisjoint(touched):
                    words[word] = rows - touched

    def _put(self, found: Sequence[tuple[Any, ...]]) -> None:
        """Take in traces as they are now."""
        by_project: defaultdict[int, list[tuple[Any, ...]]] = defaultdict(list)
        by_word: defaultdict[int, list[int]] = defaultdict(list)
        for *columns, project_id, packed in found:
            by_project[project_id].append(tuple(columns))
            for word in unpack_ids(packed):
                by_word[word].append(columns[0])
        for project_id, some in by_project.items():
            self._add(project_id, some)
        for word, rows in by_word.items():
            known = self._words.get(word)
            if known is None:
                known = self._fetched.get(word)
            if known is not None:
                known.update(rows)

    def _add(self, project_id: int, found: Sequence[tuple[Any, ...]]) -> None:
        latency, cost, tokens = self.numbers.values()
        for row, start_ns, _, duration_ns, cost_nusd, total_tokens in found:
            self.start.put(row, start_ns)
            latency.put(row, duration_ns)
            cost.put(row, cost_nusd)
            tokens.put(row, total_tokens)
        self.failed.update([row for row, _, status, *_ in found if status == ERROR])
        self.projects[project_id].add([(start_ns, row) for row, start_ns, *_ in found])


def last_change(connection: Connection) -> int:
    """Return the number of the last change there was."""
    found = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'trace_changes'").fetchone()
    return 0 if found is None else int(found[0])


def _rows_of(connection: Connection, word: int) -> BitMap:
    # As one text: fetched one by one they take twice as long.
    packed = connection.execute("SELECT json_group_array(trace_row) FROM trace_words WHERE word_id = ?", (word,))
    return BitMap(orjson.loads(packed.fetchone()[0]))


def _bound(remembered: OrderedDict[Any, Any], most: int) -> None:
    while len(remembered) > most:
        remembered.popitem(last=False)
