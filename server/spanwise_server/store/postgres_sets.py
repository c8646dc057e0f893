"""The sets of traces on PostgreSQL, which every server process keeps for itself.

Triggers log which traces each statement touched, under the number of its transaction. Who follows asks for what its
last snapshot did not see, so it does not matter in which order transactions of several processes came to their end.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, Final

from pyroaring import BitMap64 as BitMap

from .connection import Connection
from .row_numbers import Column, PlacedColumn, Places
from .set_source import EVERY_TRACE, MOST_FOLLOWED, SESSION, Changes, Moment, Numbers, OneTrace

_LOADED_AT_ONCE: Final = 2_000
_NUMBERS: Final = "id, start_ns, status, duration_ns, cost_nusd, total_tokens"
_IN_ORDER: Final = (
    f"SELECT {_NUMBERS} FROM traces WHERE project_id = %s AND (start_ns, id) > (%s, %s) "
    f"ORDER BY start_ns, id LIMIT {_LOADED_AT_ONCE}"
)
_OF_ROWS: Final = "FROM traces t WHERE id = ANY(CAST(%s AS bigint[]))"
_TRACES: Final = f"SELECT {_NUMBERS}, project_id, words, unpriced_count, {SESSION} {_OF_ROWS}"
_ALL_WORDS: Final = f"SELECT id, words FROM traces WHERE id > %s ORDER BY id LIMIT {_LOADED_AT_ONCE}"
_ALL_SESSIONS: Final = (
    f"SELECT t.id, {SESSION} FROM traces t WHERE t.session_id IS NOT NULL AND t.id > %s ORDER BY t.id "
    f"LIMIT {_LOADED_AT_ONCE}"
)
_WITH_WORD: Final = "SELECT id FROM traces WHERE words @> CAST(%s AS integer[])"
_UNPRICED: Final = (
    "SELECT id, unpriced_count FROM traces WHERE words @> CAST(%s AS integer[]) AND session_id = %s "
    "AND unpriced_count > 0"
)
#: From so many words on all traces are read once, not found by each word.
_MANY_WORDS: Final = 20
_KEPT_FROM: Final = "trace_changes_from"
_NOW: Final = (
    "SELECT CAST(pg_current_snapshot() AS text), (SELECT value FROM settings WHERE name = %s), "
    "CAST(pg_snapshot_xmin(CAST(%s AS pg_snapshot)) AS text)"
)
_UNSEEN: Final = (
    "SELECT trace_rows FROM trace_changes WHERE tx >= pg_snapshot_xmin(CAST(%s AS pg_snapshot)) "
    f"AND NOT pg_visible_in_snapshot(tx, CAST(%s AS pg_snapshot)) LIMIT {MOST_FOLLOWED + 1}"
)
#: How long what was logged is kept at least: who follows does so every few seconds, or loads anew.
_KEPT_S: Final = 300.0
_MARK: Final = (
    "INSERT INTO settings (name, value) VALUES (%s, %s) ON CONFLICT (name) DO UPDATE SET value = excluded.value "
    "WHERE CAST(settings.value AS bigint) < CAST(excluded.value AS bigint)"
)


class PostgresSets:
    """Reads a database's traces."""

    def __init__(self, connection: Connection) -> None:  # noqa: ARG002  # as other engines are made
        self._places = Places()

    def column(self) -> Column:
        """Return a column for rows that begin with a day."""
        return PlacedColumn(self._places)

    def moment(self, connection: Connection) -> str:
        """Return the snapshot."""
        found: str = connection.execute("SELECT CAST(pg_current_snapshot() AS text)").fetchone()[0]
        return found

    def changes(self, connection: Connection, since: Moment) -> Changes | None:
        """Return what the log has of transactions that a snapshot did not see."""
        now, kept_from, needed_from = _rows(connection, _NOW, (_KEPT_FROM, since))[0]
        if _age(now) <= _age(str(since)):
            return None
        if kept_from is not None and int(kept_from) > int(needed_from):
            return Changes(now, None)
        logged = _rows(connection, _UNSEEN, (since, since))
        rows = set(chain.from_iterable(rows for (rows,) in logged))
        if len(logged) > MOST_FOLLOWED or len(rows) > MOST_FOLLOWED or EVERY_TRACE in rows:
            return Changes(now, None)
        return Changes(now, BitMap(rows))

    def in_order(self, connection: Connection, project_id: int) -> Iterator[Sequence[Numbers]]:
        """Yield pages by start and row."""
        start_ns, last = -(1 << 63), 0
        while found := _rows(connection, _IN_ORDER, (project_id, start_ns, last)):
            last, start_ns, *_ = found[-1]
            yield found

    def traces(self, connection: Connection, rows: Sequence[int]) -> list[OneTrace]:
        """Return rows of traces."""
        return [
            OneTrace(project_id, (row, *numbers), tuple(words), unpriced, session)
            for row, *numbers, project_id, words, unpriced, session in _rows(connection, _TRACES, (list(rows),))
        ]

    def words_of(self, connection: Connection, rows: Sequence[int]) -> list[tuple[int, tuple[int, ...]]]:
        """Return the words of rows."""
        found = _rows(connection, f"SELECT id, words {_OF_ROWS}", (list(rows),))
        return [(row, tuple(words)) for row, words in found]

    def with_words(self, connection: Connection, words: Sequence[int]) -> Iterator[tuple[int, BitMap]]:
        """Yield what the index has of few words, and of many what the rows of all traces say, some after another."""
        if len(words) < _MANY_WORDS:
            for word in words:
                yield word, BitMap([row for (row,) in _rows(connection, _WITH_WORD, ([word],))])
            return
        wanted, last = frozenset(words), 0
        while found := _rows(connection, _ALL_WORDS, (last,)):
            last = found[-1][0]
            by_word: defaultdict[int, list[int]] = defaultdict(list)
            for row, of_row in found:
                for word in wanted.intersection(of_row):
                    by_word[word].append(row)
            yield from ((word, BitMap(rows)) for word, rows in by_word.items())

    def sessions(self, connection: Connection) -> Iterator[tuple[Sequence[int], Iterable[int | None]]]:
        """Yield pages by row."""
        last = 0
        while found := _rows(connection, _ALL_SESSIONS, (last,)):
            rows, sessions = zip(*found, strict=True)
            last = rows[-1]
            yield rows, sessions

    def unpriced(self, connection: Connection, session: int, name: str) -> dict[int, int]:
        """Return what rows with the session's word say."""
        return dict(_rows(connection, _UNPRICED, ([session], name)))


class ChangeLog:
    """Keeps the log of changes short: what is older than who follows needs is taken away."""

    def __init__(self) -> None:
        self._until: str | None = None
        self._due = 0.0

    @property
    def is_due(self) -> bool:
        """Whether it is time to trim it."""
        return time.monotonic() >= self._due

    def trim(self, connection: Connection) -> None:
        """Take away what every snapshot of the last minutes saw, and leave a mark of how far."""
        driver = connection.driver  # type: ignore[attr-defined]  # a PostgresConnection's
        (oldest,) = driver.execute("SELECT CAST(pg_snapshot_xmin(pg_current_snapshot()) AS text)").fetchone()
        if self._until is not None:
            driver.execute("DELETE FROM trace_changes WHERE tx < CAST(%s AS xid8)", (self._until,))
            driver.execute(_MARK, (_KEPT_FROM, self._until))
        self._until, self._due = oldest, time.monotonic() + _KEPT_S

    @staticmethod
    def begin(connection: Connection) -> None:
        """Forget what is from transactions to come: the database was put back from a copy of another one."""
        driver = connection.driver  # type: ignore[attr-defined]  # as above
        driver.execute("DELETE FROM trace_changes WHERE tx > pg_current_xact_id()")
        driver.execute(
            "DELETE FROM settings WHERE name = %s AND CAST(value AS numeric) > "
            "CAST(CAST(pg_current_xact_id() AS text) AS numeric)",
            (_KEPT_FROM,),
        )


def _age(snapshot: str) -> tuple[int, int]:
    """Return what is larger of a later snapshot: where it ends, and how few before that were not finished."""
    _, end, unfinished = snapshot.split(":")
    return int(end), -len(unfinished.split(",")) if unfinished else 0


def _rows(connection: Connection, sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    driver = connection.driver  # type: ignore[attr-defined]  # a PostgresConnection's
    found: list[tuple[Any, ...]] = driver.execute(sql.encode(), values, binary=True).fetchall()
    return found
