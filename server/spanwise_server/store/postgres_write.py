"""The write path on PostgreSQL: what several server processes write at once comes out as if one had.

A transaction locks the traces it adds to in the order of their ids, puts its own rows in by COPY, and only then
touches what all share: texts, then rollups, each in the order of their keys, so no two ever wait for each other. A new
trace that two processes begin at once is a conflict for the second one, which does its transaction again. Numbers of
words, series and the like are handed out by a connection of their own, at once and for good, whatever becomes of the
transaction that needed them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from ..record import Record
from .change import DERIVED, SPAN_COLUMNS, Change, TraceAtWrite
from .day_rows import day_of, trace_row
from .days import days_there, make_day
from .gin import GinIndex, fill
from .postgres_connection import LOCKS, SPANS_LOCK, STEPS_LOCK, PostgresConnection, without_nul
from .previews import with_previews
from .projects import project_id_of
from .ready import Chunk
from .rollup_change import RollupChange, series_id
from .step_hours import Step
from .stored_rows import FIND_TRACES
from .summary import Summary
from .text_owners import drop_texts, put_uses, texts_of
from .words import Word, WordBook
from .write import SpanWriter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .connection import Connection

_NUMBERS_AT_ONCE: Final = 64
_WORDS_AT_ONCE: Final = 2_000
_CHANGE_SPAN: Final = (
    f"INSERT INTO spans ({', '.join(SPAN_COLUMNS)}) VALUES ({', '.join('?' * len(SPAN_COLUMNS))}) "
    f"ON CONFLICT (id) DO UPDATE SET {', '.join(f'{c} = excluded.{c}' for c in SPAN_COLUMNS[1:])}"
)
_PUT_BODY: Final = (
    "INSERT INTO bodies (id, body) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET body = excluded.body, rest = NULL"
)
_PUT_WORDS: Final = (
    "INSERT INTO words (project_id, field, value) "
    "SELECT * FROM unnest(%s::int[], %s::text[], %s::text[]) AS new (project_id, field, value) "
    "ORDER BY project_id, field, value ON CONFLICT DO NOTHING"
)
_FIND_WORDS: Final = (
    "SELECT w.project_id, w.field, w.value, w.id FROM unnest(%s::int[], %s::text[], %s::text[]) "
    "AS new (project_id, field, value) JOIN words w USING (project_id, field, value)"
)


class PostgresWriter(SpanWriter):
    """One process's writer; it remembers only what no other process takes away while it writes."""

    find_traces = FIND_TRACES + " ORDER BY trace_id FOR UPDATE"
    change_span = _CHANGE_SPAN
    put_payload = _PUT_BODY
    by_address = ("spans", "bodies", "span_words", "attribute_blocks")
    derived = tuple(table for table in DERIVED if table != "trace_words")

    def __init__(self, index: GinIndex) -> None:
        super().__init__(with_previews)
        self._words: PostgresWordBook = PostgresWordBook()
        self._index = index
        self._side: PostgresConnection | None = None
        self._numbers: list[int] = []
        self._days: set[int] = set()
        self._deletions = 0
        self._made: set[int] = set()
        self._deferred: list[tuple[TraceAtWrite, set[Word], Summary]] | None = None

    def forget(self) -> None:
        """Forget everything, also which days have partitions."""
        super().forget()
        self._days.clear()

    @contextmanager
    def beside(self, side: PostgresConnection) -> Iterator[None]:
        """Hand out numbers by *side*, which commits each statement at once, within."""
        before, self._side = self._side, side
        try:
            yield
        finally:
            self._side = before

    def write(self, connection: Connection, batch: Iterable[Chunk]) -> tuple[int, list[tuple[int, Record]]]:
        """Put *batch* in; return 0 and where each span lies."""
        self._share(connection)
        self._deferred = []
        self._made.clear()
        try:
            return super().write(connection, batch)
        finally:
            self._deferred = None

    def _share(self, connection: Connection) -> None:
        """Write beside others, but not beside who deletes; forget what may be deleted since the last time."""
        connection.execute("SELECT pg_advisory_xact_lock_shared(?, ?)", (LOCKS, SPANS_LOCK))
        # The first number that is ever drawn is the one that the sequence begins with.
        deletions = connection.execute("SELECT last_value + CAST(is_called AS integer) FROM deletions").fetchone()[0]
        if deletions != self._deletions:
            self.forget()
            self._deletions = deletions

    def alone(self, connection: Connection) -> None:
        """Write with nobody beside, and have all others forget what they remember."""
        connection.alone()
        connection.execute("SELECT nextval('deletions')")
        self.forget()

    # --- what is looked up -------------------------------------------------------------------------------------------

    def _begin(self, connection: Connection) -> None:
        """Nothing is known beforehand: others hand out rows too."""

    def _new_row(self, connection: Connection, chunks: Sequence[Chunk]) -> int:
        """Return the row of a new trace, on the day that it begins."""
        day = day_of(min(ready.row.start_ns for chunk in chunks for ready in chunk.spans))
        if day not in self._days:
            self._make_day(day)
        if not self._numbers:
            found = connection.execute(
                "SELECT nextval('trace_numbers') FROM generate_series(1, ?)", (_NUMBERS_AT_ONCE,)
            )
            self._numbers = sorted((number for (number,) in found), reverse=True)  # the smallest is taken first
        row = trace_row(day, self._numbers.pop())
        self._made.add(row)
        return row

    def _make_day(self, day: int) -> None:
        side = self._aside()
        self._days = days_there(side.driver)
        if day not in self._days:
            make_day(side.driver, day)
            self._days.add(day)

    def _aside(self) -> PostgresConnection:
        assert self._side is not None, "numbers are handed out within beside()"  # noqa: S101 - holds by construction
        return self._side

    def _project(self, connection: Connection, name: str) -> int:  # noqa: ARG002  # the base class's
        known = self._projects.get(name)
        if known is None:
            known = self._projects[name] = project_id_of(self._aside(), name)
        return known

    def _origin(self, connection: Connection, origin: tuple[bytes, bytes]) -> int:  # noqa: ARG002  # as above
        return super()._origin(self._aside(), origin)

    def reader_id(self, connection: Connection) -> int:  # noqa: ARG002  # as above
        """Return the number of today's reader."""
        if self._reader is None:
            return super().reader_id(self._aside())
        return self._reader

    def _summarise(
        self,
        connection: Connection,  # noqa: ARG002  # the base class's
        trace: TraceAtWrite,
        words: set[Word],
        summary: Summary,
        change: Change,
    ) -> None:
        """Put it off until the words of all traces are known, which are asked for together."""
        if self._deferred is None:
            super()._summarise(self._aside(), trace, words, summary, change)
        else:
            self._deferred.append((trace, words, summary))

    def count(self, connection: Connection, rollups: RollupChange) -> None:
        """Write a change of the rollups."""
        side = connection if self._side is None else self._side
        for series in sorted(series for series in rollups.series if series not in self._series):
            self._series[series] = series_id(side, series)
        super().count(connection, rollups)

    def _learn_steps(self, connection: Connection, unknown: Sequence[Step]) -> None:
        if not unknown:
            return
        side = connection if self._side is None else self._side
        assert isinstance(side, PostgresConnection)  # noqa: S101 - there is no other here
        with side.driver.transaction():  # which of two names is the last to be counted must be one for all processes
            side.execute("SELECT pg_advisory_xact_lock(?, ?)", (LOCKS, STEPS_LOCK))
            super()._learn_steps(side, unknown)

    def _apply(self, connection: Connection, change: Change) -> None:
        side = self._aside()
        if self._deferred:
            some, self._deferred = self._deferred, None
            wanted = [
                (trace.project_id, word)
                for trace, words, _ in some
                for word in words
                if trace.running is None or word not in trace.running.word_ids
            ]
            self._words.learn(side, wanted)
            for trace, words, summary in some:
                super()._summarise(side, trace, words, summary, change)
        super()._apply(connection, change)

    def _put(self, connection: Connection, change: Change) -> None:
        assert isinstance(connection, PostgresConnection)  # noqa: S101 - there is no other here
        connection.copy("traces", sorted(change.traces_made, key=lambda row: (row[1], row[2])))
        connection.copy("spans", change.spans)
        connection.copy_bodies(change.payloads)
        for table, rows in (
            ("texts (hash, body, trace_row)", texts_of(change)),
            ("media_uses (project_id, trace_id, digest)", change.media),
        ):
            connection.put_missing(table, sorted(rows))
        put_uses(connection, change)

    def _drop_texts(self, connection: Connection, row: int) -> None:
        drop_texts(connection, row, row + 1)
        connection.execute("DELETE FROM text_uses WHERE trace_row = ?", (row,))

    def note(self, connection: Connection, written: Sequence[tuple[int, Record]]) -> int:
        """Put the words of the spans *written* into the index at once; there is no journal, so return 0."""
        assert isinstance(connection, PostgresConnection)  # noqa: S101 - there is no other here
        fill(connection, self._index, written, self._made)
        return 0


class PostgresWordBook(WordBook):
    """The ids of words, asked for many at once."""

    def learn(self, connection: PostgresConnection, words: Iterable[tuple[int, Word]]) -> None:
        """Look up those of *words* that are not known, and make those that are not there."""
        self.bound()
        # Taking the keys away from a set would look at every word that is known, which are many.
        asked = {(project_id, *map(without_nul, word)) for project_id, word in words}
        unknown = sorted(word for word in asked if word not in self._ids)
        for at in range(0, len(unknown), _WORDS_AT_ONCE):
            columns = [list(column) for column in zip(*unknown[at : at + _WORDS_AT_ONCE], strict=True)]
            connection.driver.execute(_PUT_WORDS, columns)
            for project_id, field, value, number in connection.driver.execute(_FIND_WORDS, columns):
                self._ids[project_id, field, value] = number
