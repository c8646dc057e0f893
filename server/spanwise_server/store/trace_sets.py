"""What traces are found by, kept in memory as sets of their rows, so that the figures of a filter are counted in C.

A log in the database, ``trace_changes``, is filled by triggers: it names each trace that a transaction makes, changes
or takes away, whichever process it is of. Before every use the sets follow it, in the transaction that asks.
How that is read each engine has its own ``SetSource`` for.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import compress
from typing import Any, Final

from pyroaring import BitMap64 as BitMap

from ..query.filters import Filter
from .all_sessions import MOST_SESSIONS, AllSessions
from .connection import Connection
from .extremes import MOST_AT_ONCE, Extremes
from .kept_session import Counted, KeptSession
from .kept_totals import KeptTotals
from .row_numbers import UNSAID
from .rows import ERROR
from .session_order import SessionSums
from .set_source import Moment, Numbers, OneTrace, SetSource
from .timeline import Timeline
from .unindexed import Unindexed
from .value_counts import ValueCounts
from .words import WORD_FIELDS

#: Fields with very many values, of which a word is fetched when it is asked for.
_MANY_VALUED: Final = frozenset({"name", "session"})
#: The same for a field of a project that has more values than this.
MOST_VALUES: Final = 5_000
#: Words that are remembered of those, and terms that are no words.
_MOST_FETCHED, _MOST_KEPT = 500, 100
#: Sessions of which the sums are counted on.
_MOST_SESSIONS: Final = 2_000
#: Filters of which the commonest of very many values are counted on.
_MOST_COUNTED: Final = 8
#: Words that are looked up at once, and rows put in before others go on.
_WORDS_AT_ONCE: Final = 400
_LOADED_AT_ONCE: Final = 2_000


@dataclass(slots=True)
class Kept:
    """The rows that match a term which is no word, and those of which that is to be asked again."""

    rows: BitMap
    pending: BitMap


@dataclass(slots=True)
class Looked:
    """The rows that were looked at whether they match a term, and those of them that do."""

    at: BitMap = field(default_factory=BitMap)
    found: BitMap = field(default_factory=BitMap)


class TraceSets:
    """The traces of a store as sets; whoever uses them lets nobody else do so meanwhile."""

    def __init__(self, source: SetSource, at: Moment) -> None:
        self.source = source
        self.at = at
        """The last moment whose changes they hold."""
        self.projects: defaultdict[int, Timeline] = defaultdict(Timeline)
        self.failed = BitMap()
        """The traces that ended in an error."""
        self.start = source.column()
        self.session = source.column()
        """The number of the word of the session that each trace is a turn of."""
        self.sessions: OrderedDict[int, KeptSession] = OrderedDict()
        """What sessions come to, by the number of their word, the newest last."""
        self.all_sessions: dict[int, AllSessions | None] = {}
        """What all sessions of a project come to, where that was asked for; ``None`` where they are too many."""
        self.numbers = {"latency": source.column(), "cost": source.column(), "tokens": source.column()}
        """The fields of numbers, in the units of their columns."""
        self.values: defaultdict[tuple[int, str], dict[int, str]] = defaultdict(dict)
        """By project and field, the values of which all are here, by the number of the word."""
        self.kept: OrderedDict[tuple[int, Any], Kept] = OrderedDict()
        """By project and term, the newest last."""
        self.looked: OrderedDict[tuple[int, Any], Looked] = OrderedDict()
        """The same of terms that were asked of few traces alone."""
        self.counted: OrderedDict[tuple[int, Filter, tuple[str, ...]], ValueCounts] = OrderedDict()
        """By project, filter and fields, the values of which there are too many to be here, the newest last."""
        self.unindexed = Unindexed()
        self.totals: OrderedDict[tuple[int, Filter], KeptTotals] = OrderedDict()
        """By project and filter, the newest last."""
        self.extremes: dict[tuple[int, str], Extremes] = {}
        """By project and order, where spans were asked for in it."""
        self._words: dict[int, BitMap] = {}
        self._fetched: OrderedDict[int, BitMap] = OrderedDict()
        self._many: set[tuple[int, str]] = set()
        """Projects and fields whose values are too many."""

    @classmethod
    def load(cls, connection: Connection, source: SetSource, pause: Callable[[], object] = bool) -> TraceSets:
        """Return the sets of what *connection* sees; *pause* is called again and again, to let others go on."""
        sets = cls(source, source.moment(connection))
        for (project_id,) in connection.execute("SELECT id FROM projects").fetchall():
            for some in source.in_order(connection, project_id):
                sets._add(project_id, some)
                pause()
        sets._take_words(connection, pause)
        put = 0
        for rows, sessions in source.sessions(connection):
            sets.session.put_all(rows, sessions)
            put += len(rows)
            if put > _LOADED_AT_ONCE:
                put = 0
                pause()
        return sets

    def follow(self, connection: Connection) -> bool:
        """Take in what has changed, as *connection* sees it; return whether that could be done."""
        changes = self.source.changes(connection, self.at)
        if changes is None:
            return True
        touched = changes.rows
        if touched is None:
            return False
        if touched:
            found = self.source.traces(connection, list(touched))
            self._learn_words(connection, {word for trace in found for word in trace.words})
            for totals in self.totals.values():
                totals.forget(touched)
            self._forget(touched)
            self._put(found)
            self._ask_again(touched)
        self.at = changes.moment
        return True

    def _ask_again(self, touched: BitMap) -> None:
        for kept in self.kept.values():
            kept.pending |= touched
        for looked in self.looked.values():
            looked.at -= touched
            looked.found -= touched
        for counted in self.counted.values():
            counted.forget(touched)
        for extremes in self.extremes.values():
            extremes.ask_again(touched)

    def has_all_of(self, project_id: int, field: str) -> bool:
        """Return whether every value of a field is here, so that all of them can be counted."""
        return field not in _MANY_VALUED and (project_id, field) not in self._many

    def word(self, connection: Connection, word: int) -> BitMap:
        """Return the rows of the traces that have a word."""
        rows = self._words.get(word)
        if rows is None:
            rows = self._fetched.get(word)
        if rows is None:
            rows = BitMap.union(BitMap(), *(some for _, some in self.source.with_words(connection, [word])))
            if self.source.moment(connection) == self.at:  # else they are not of the moment that the others are of
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

    def totals_of(self, project_id: int, filter_: Filter) -> KeptTotals:
        """Return what counts the figures above the list of a filter."""
        key = project_id, filter_
        totals = self.totals.setdefault(key, KeptTotals(self.numbers["cost"], self.numbers["latency"]))
        self.totals.move_to_end(key)
        _bound(self.totals, _MOST_COUNTED)
        return totals

    def session_rows(self, connection: Connection, session: int) -> BitMap:
        """Return the rows of the traces that are turns of a session, by the number of its word."""
        kept = self.sessions.get(session)
        if kept is not None:
            return kept.rows
        rows = list(self.word(connection, session))
        return BitMap(list(compress(rows, map(session.__eq__, self.session.of(rows)))))

    def session_sums(self, connection: Connection, session: int, name: str) -> SessionSums | None:
        """Return what all turns of a session come to, ``None`` where *connection* sees another moment."""
        kept = self.sessions.get(session)
        if kept is None:
            rows = self.session_rows(connection, session)
            unpriced = self.source.unpriced(connection, session, name)
            if self.source.moment(connection) != self.at:
                return None
            kept = self.sessions[session] = KeptSession()
            self._count_in(kept, [(row, unpriced.get(row, 0)) for row in rows])
            _bound(self.sessions, _MOST_SESSIONS)
        self.sessions.move_to_end(session)
        if not kept.settled:
            kept.settle(self.start.of(kept.rows), self.numbers["latency"].of(kept.rows))
        return kept.sums()

    def every_session(self, connection: Connection, project_id: int) -> AllSessions | None:
        """Return what all sessions of a project come to, ``None`` where that is not known."""
        found = self.all_sessions.get(project_id)
        if project_id not in self.all_sessions or (found is not None and found.is_sparse):
            rows = list(self.projects[project_id].rows)
            failed = self.session.of(self.failed & self.projects[project_id].all)
            found = self.all_sessions[project_id] = AllSessions.of(
                self.session.of(rows), [column.of(rows) for column in (self.start, *self.numbers.values())], failed
            )
        if found is not None and len(found) > MOST_SESSIONS:
            found = self.all_sessions[project_id] = None
        if found is not None and found.unsettled and not self._settle(connection, found):
            return None
        return found

    def _settle(self, connection: Connection, found: AllSessions) -> bool:
        """Look up when sessions began and ended, where *connection* sees this moment; return whether it does."""
        rows_of = {session: self.word(connection, session) for session in found.unsettled}
        if self.source.moment(connection) != self.at:
            return False
        for session, having in rows_of.items():
            rows = list(having)
            rows = list(compress(rows, map(session.__eq__, self.session.of(rows))))
            found.settle(session, self.start.of(rows), self.numbers["latency"].of(rows))
        return True

    def extremes_of(self, connection: Connection, project_id: int, said: str) -> Extremes | None:
        """Return the traces of a project in an order of spans, ``None`` where what these say is not looked up yet."""
        key = project_id, said
        found = self.extremes.get(key)
        if found is None:
            columns = self.source.column(), self.source.column()
            found = self.extremes[key] = Extremes(said, *columns, self.projects[project_id].all)
        if 0 < len(found.pending) <= MOST_AT_ONCE:
            self._look_up(connection, key)
        return None if found.pending else found

    def learn_some(self, connection: Connection) -> bool:
        """Look up some of what was asked for and is not known; return whether there was anything."""
        lacking = [key for key, extremes in self.extremes.items() if extremes.pending]
        return bool(lacking) and self._look_up(connection, lacking[0])

    def _look_up(self, connection: Connection, key: tuple[int, str]) -> bool:
        """Look up what spans say where *connection* sees this moment; return whether it does."""
        if self.source.moment(connection) != self.at:
            return False
        self.extremes[key].learn(connection, key[0], self.projects[key[0]].all)
        return True

    def looked_at(self, key: tuple[int, Any]) -> Looked:
        """Return what is remembered of a term that was asked of few traces."""
        looked = self.looked.setdefault(key, Looked())
        self.looked.move_to_end(key)
        _bound(self.looked, _MOST_KEPT)
        return looked

    def keep(self, key: tuple[int, Any], kept: Kept) -> None:
        """Remember the rows that a term matches."""
        self.kept[key] = kept
        self.kept.move_to_end(key)
        _bound(self.kept, _MOST_KEPT)

    def _take_words(self, connection: Connection, pause: Callable[[], object]) -> None:
        """Take in the words of fields that have not too many, with the traces that have them."""
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
                self._words[word] = BitMap()
        put = 0
        for word, rows in self.source.with_words(connection, list(self._words)):
            self._words[word] |= rows
            put += len(rows)
            if put > _LOADED_AT_ONCE:
                put = 0
                pause()

    def _count_in(self, session: KeptSession, turns: Iterable[tuple[int, int]]) -> None:
        """Count traces, each a row and its calls without a price, into their session."""
        for row, unpriced in turns:
            session.add(row, self._counted(row), unpriced)

    def _counted(self, row: int) -> Counted:
        (start,), (duration,), (cost,), (tokens,) = (
            column.of((row,)) for column in (self.start, *self.numbers.values())
        )
        return Counted(start, duration, cost, tokens, row in self.failed)

    def _learn_words(self, connection: Connection, words: Collection[int]) -> None:
        """Take in those of *words* that are new: the traces that have them are new or changed."""
        new = [word for word in words if word not in self._words]
        for at in range(0, len(new), _WORDS_AT_ONCE):
            some = new[at : at + _WORDS_AT_ONCE]
            for word, project_id, of, value in connection.execute(
                f"SELECT id, project_id, field, value FROM words WHERE id IN ({', '.join('?' * len(some))})", some
            ).fetchall():
                if of in WORD_FIELDS and self.has_all_of(project_id, of):
                    self._learn(word, project_id, of, value)

    def _learn(self, word: int, project_id: int, of: str, value: str) -> None:
        values = self.values[project_id, of]
        values[word] = value
        self._words[word] = BitMap()
        if len(values) > MOST_VALUES:
            self._many.add((project_id, of))
            for each in self.values.pop((project_id, of)):
                del self._words[each]

    def _forget(self, touched: BitMap) -> None:
        for project_id, timeline in self.projects.items():
            gone = list(timeline.all & touched)
            if gone:
                every = self.all_sessions.get(project_id)
                timeline.take(list(zip(self.start.of(gone), gone, strict=True)))
                for row, session in zip(gone, self.session.of(gone), strict=True):
                    if session in self.sessions:
                        self.sessions[session].take(row, self._counted(row))
                    if every is not None and session != UNSAID:
                        every.take(session, self._counted(row))
        self.failed -= touched
        for words in (self._words, self._fetched):
            for word, rows in words.items():
                if not rows.isdisjoint(touched):
                    words[word] = rows - touched

    def _put(self, found: Sequence[OneTrace]) -> None:
        """Take in traces as they are now."""
        by_project: defaultdict[int, list[Numbers]] = defaultdict(list)
        by_word: defaultdict[int, list[int]] = defaultdict(list)
        for trace in found:
            row = trace.numbers[0]
            self.session.put(row, trace.session)
            by_project[trace.project_id].append(trace.numbers)
            for word in trace.words:
                by_word[word].append(row)
        for project_id, some in by_project.items():
            self._add(project_id, some)
        self._put_turns(found)
        for word, rows in by_word.items():
            known = self._words.get(word)
            if known is None:
                known = self._fetched.get(word)
            if known is not None:
                known.update(rows)

    def _put_turns(self, found: Sequence[OneTrace]) -> None:
        for trace in found:
            if trace.session is None:
                continue
            row, every = trace.numbers[0], self.all_sessions.get(trace.project_id)
            if trace.session in self.sessions:
                self.sessions[trace.session].add(row, self._counted(row), trace.unpriced)
            if every is not None:
                every.add(trace.session, self._counted(row))

    def _add(self, project_id: int, found: Sequence[Numbers]) -> None:
        rows, *columns = zip(*found, strict=True)
        starts, _, *numbers = columns
        for column, values in zip((self.start, *self.numbers.values()), (starts, *numbers), strict=True):
            column.put_all(rows, values)
        self.session.reach(max(rows))
        self.failed.update([row for row, _, status, *_ in found if status == ERROR])
        self.projects[project_id].add(list(zip(starts, rows, strict=True)))


def _bound(remembered: OrderedDict[Any, Any], most: int) -> None:
    while len(remembered) > most:
        remembered.popitem(last=False)
